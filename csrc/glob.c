/* Glob matching with one point of return: see glob.h for the language.
 *
 * When a byte fails to match, only the last '*' passed needs to be retried, one byte further on: an earlier '*' that
 * took more could not match where the last one does not. So two positions are kept instead of a recursion.
 */
#include "glob.h"

#include <stdint.h>

static inline uint8_t lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static inline int in_range(uint8_t from, uint8_t to, uint8_t c, int nocase) {
    if (from > to) {
        const uint8_t swap = from;
        from = to;
        to = swap;
    }
    if (nocase) {
        from = lower(from);
        to = lower(to);
        c = lower(c);
    }
    return c >= from && c <= to;
}

/* Match c against the set whose '[' stands before p; returns 1 or 0 and moves *pp behind the set. */
static int match_set(const uint8_t **pp, const uint8_t *end, uint8_t c, int nocase) {
    const uint8_t *p = *pp;
    const int negated = p < end && *p == '^';
    int found = 0;

    p += negated;
    while (p < end && *p != ']') {
        if (*p == '\\' && end - p >= 2) {
            found |= p[1] == c;
            p += 2;
        } else if (end - p >= 3 && p[1] == '-') {
            found |= in_range(p[0], p[2], c, nocase);
            p += 3;
        } else {
            found |= nocase ? lower(*p) == lower(c) : *p == c;
            p++;
        }
    }
    *pp = p < end ? p + 1 : end;
    return found != negated;
}

/* Match c against the one-byte item at *pp (p < end, not '*'); moves *pp behind it. */
static inline int match_one(const uint8_t **pp, const uint8_t *end, uint8_t c, int nocase) {
    const uint8_t *p = *pp;
    if (*p == '?') {
        *pp = p + 1;
        return 1;
    }
    if (*p == '[') {
        *pp = p + 1;
        return match_set(pp, end, c, nocase);
    }
    if (*p == '\\' && end - p >= 2) p++;
    *pp = p + 1;
    return nocase ? lower(*p) == lower(c) : *p == c;
}

int ws_glob_match(const char *pat, size_t patlen, const char *str, size_t len, int nocase) {
    const uint8_t *p = (const uint8_t *)pat, *const p_end = p + patlen;
    const uint8_t *s = (const uint8_t *)str, *const s_end = s + len;
    const uint8_t *retry_p = NULL, *retry_s = NULL;     /* behind the last '*', and where it ended its match */

    if (len == 0) return patlen == 0;
    while (s < s_end) {
        if (p < p_end && *p == '*') {
            retry_p = ++p;
            retry_s = s;
            if (p == p_end) return 1;
        } else if (p < p_end && match_one(&p, p_end, *s, nocase)) {
            s++;
        } else if (retry_p != NULL) {
            p = retry_p;
            s = ++retry_s;
        } else {
            return 0;
        }
    }
    while (p < p_end && *p == '*') p++;
    return p == p_end;
}
