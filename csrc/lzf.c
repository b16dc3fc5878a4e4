/* LZF compressor and decompressor: see lzf.h for the format.
 *
 * The compressor is greedy: a hash table of the last position at which each three bytes stood; the longest match
 * from there is taken, whatever may follow. Its table is on the stack and cut down for short inputs, for which
 * clearing it would cost more than the compression.
 */
#include "lzf.h"

#include <stdint.h>
#include <string.h>

enum {
    LITERALS_MAX = 32,
    MATCH_MIN = 3,
    MATCH_MAX = 264,
    LOAD = 4,               /* bytes read at a time: no match begins in the last three */
    DISTANCE_MAX = 8192,
    HASH_BITS_MIN = 8,
    HASH_BITS_MAX = 13,
};

typedef struct Writer {
    uint8_t *p;
    const uint8_t *end;
} Writer;

/* The three bytes at p, of four that are there. */
static inline uint32_t load3(const uint8_t *p) {
    uint32_t four;
    memcpy(&four, p, sizeof(four));
    return four & 0xFFFFFF;
}

static inline uint32_t hash3(uint32_t three, int bits) {
    return (three * 2654435769u) >> (32 - bits);
}

static inline size_t match_length(const uint8_t *a, const uint8_t *b, size_t limit) {
    size_t n = 0;
    while (n < limit && a[n] == b[n]) n++;
    return n;
}

/* Append from[0:n] as literal runs; 0 if they do not fit. */
static int put_literals(Writer *w, const uint8_t *from, size_t n) {
    while (n > 0) {
        const size_t run = n < LITERALS_MAX ? n : LITERALS_MAX;
        if ((size_t)(w->end - w->p) < run + 1) return 0;
        *w->p++ = (uint8_t)(run - 1);
        memcpy(w->p, from, run);
        w->p += run;
        from += run;
        n -= run;
    }
    return 1;
}

/* Append a copy of `length` bytes from `distance` back; 0 if it does not fit. */
static int put_match(Writer *w, size_t length, size_t distance) {
    const size_t code = length - 2, offset = distance - 1;
    if (w->end - w->p < 3) return 0;
    if (code < 7) {
        *w->p++ = (uint8_t)(code << 5 | offset >> 8);
    } else {
        *w->p++ = (uint8_t)(7u << 5 | offset >> 8);
        *w->p++ = (uint8_t)(code - 7);
    }
    *w->p++ = (uint8_t)offset;
    return 1;
}

static int hash_bits(size_t n) {
    int bits = HASH_BITS_MIN;
    while (bits < HASH_BITS_MAX && (size_t)1 << bits < n) bits++;
    return bits;
}

size_t ws_lzf_compress(const void *data, size_t n, void *out, size_t cap) {
    uint32_t seen[1 << HASH_BITS_MAX];      /* position + 1; 0: never */
    const uint8_t *const in = data;
    const int bits = hash_bits(n);
    Writer w = {out, (uint8_t *)out + cap};
    size_t at = 0, literals = 0;            /* in[literals:at] is still to be written */

    if (n > UINT32_MAX - 1) return 0;
    memset(seen, 0, sizeof(seen[0]) << bits);
    while (at + LOAD <= n) {
        const uint32_t three = load3(in + at);
        uint32_t *const cell = &seen[hash3(three, bits)];
        const size_t from = (size_t)*cell - 1;      /* wraps if never: then `at - from` is at + 1 and in + from unread */
        const int usable = *cell != 0 && at - from <= DISTANCE_MAX && load3(in + from) == three;

        *cell = (uint32_t)at + 1;
        if (!usable) {
            at++;
            continue;
        }
        const size_t limit = n - at < MATCH_MAX ? n - at : MATCH_MAX;
        const size_t length = MATCH_MIN + match_length(in + from + MATCH_MIN, in + at + MATCH_MIN, limit - MATCH_MIN);
        if (!put_literals(&w, in + literals, at - literals) || !put_match(&w, length, at - from)) return 0;
        for (size_t i = at + 1; i < at + length && i + LOAD <= n; i++) {
            seen[hash3(load3(in + i), bits)] = (uint32_t)i + 1;
        }
        at += length;
        literals = at;
    }
    if (!put_literals(&w, in + literals, n - literals)) return 0;
    return (size_t)(w.p - (uint8_t *)out);
}

size_t ws_lzf_decompress(const void *data, size_t n, void *out, size_t cap) {
    const uint8_t *in = data;
    const uint8_t *const in_end = in + n;
    uint8_t *to = out;
    uint8_t *const to_end = to + cap;

    while (in < in_end) {
        const size_t control = *in++;
        size_t length = control + 1, distance;
        if (control < LITERALS_MAX) {
            if (length > (size_t)(in_end - in) || length > (size_t)(to_end - to)) return 0;
            memcpy(to, in, length);
            to += length;
            in += length;
            continue;
        }
        length = (control >> 5) + 2;
        if (control >> 5 == 7) {
            if (in == in_end) return 0;
            length += *in++;
        }
        if (in == in_end) return 0;
        distance = ((control & 31) << 8 | *in++) + 1;
        if (distance > (size_t)(to - (uint8_t *)out) || length > (size_t)(to_end - to)) return 0;
        for (; length > 0; length--, to++) *to = to[-(ptrdiff_t)distance];
    }
    return (size_t)(to - (uint8_t *)out);
}
