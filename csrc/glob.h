/* Glob patterns, as KEYS, SCAN MATCH, PSUBSCRIBE and CONFIG GET know them.
 *
 *   *        any bytes, none too
 *   ?        one byte
 *   [a-cx]   one byte of the set; [^...] one not in it; a backslash makes the next byte plain; a set that is not
 *            closed ends with the pattern; ranges may stand in either order
 *   \c       the byte c; at the end of the pattern a backslash is itself
 *
 * As in Redis, an empty string is matched by the empty pattern only, not by "*".
 */
#ifndef WS_GLOB_H
#define WS_GLOB_H

#include <stddef.h>

/* 1 if pattern pat[0:patlen] matches the whole of s[0:len]; nocase ignores ASCII case (but not of escaped bytes in
 * a set, as in Redis). At most patlen x len steps and no recursion: no pattern is expensive. */
int ws_glob_match(const char *pat, size_t patlen, const char *s, size_t len, int nocase);

#endif
