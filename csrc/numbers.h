/* Numbers to text and back, as the Redis protocol and its commands want them.
 *
 * Integers are inline: they are on the path of each request. Floating point (numbers.c) goes through the C
 * library in the "C" locale, whatever locale the embedding process has set.
 *
 * No function here writes a terminating NUL or needs one in its input.
 */
#ifndef WS_NUMBERS_H
#define WS_NUMBERS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    WS_U64_TEXT_MAX = 20,
    WS_I64_TEXT_MAX = 20,
    WS_DOUBLE_TEXT_MAX = 40,
    WS_LONG_DOUBLE_TEXT_MAX = 5200,     /* LDBL_MAX has 4933 digits in front of the point */
};

/* Number of decimal digits of n: 1 to 20. */
static inline unsigned ws_digits(uint64_t n) {
    static const uint64_t powers[20] = {
        1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000,
        1000000000000, 10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000,
        1000000000000000000, 10000000000000000000u,
    };
    if (n < 10) return 1;
    if (n < 100) return 2;
    const unsigned about = (64 - (unsigned)__builtin_clzll(n)) * 1233 >> 12;    /* bits * log10(2): exact, or one less */
    return about + (n >= powers[about]);
}

/* Write n in decimal to out (20 bytes); returns the length. */
static inline size_t ws_u64_to_str(char *out, uint64_t n) {
    static const char pairs[201] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051"
        "525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";
    const size_t length = ws_digits(n);
    char *p = out + length;
    while (n >= 100) {
        p -= 2;
        memcpy(p, pairs + 2 * (n % 100), 2);
        n /= 100;
    }
    if (n >= 10) memcpy(p - 2, pairs + 2 * n, 2);
    else p[-1] = (char)('0' + n);
    return length;
}

/* Write n in decimal to out (20 bytes, 21 if the caller adds a NUL); returns the length. */
static inline size_t ws_i64_to_str(char *out, int64_t n) {
    if (n >= 0) return ws_u64_to_str(out, (uint64_t)n);
    *out = '-';
    return 1 + ws_u64_to_str(out + 1, 0 - (uint64_t)n);
}

/* Parse the whole of p[0:n] as an int64 in its one canonical form: no '+', no spaces, no leading zeros, no "-0".
 * 1: *out is set; 0: it is not such a number, *out is unchanged. So text and integer convert back and forth
 * without loss. */
static inline int ws_str_to_i64(const char *p, size_t n, int64_t *out) {
    const int negative = n > 0 && *p == '-';
    const char *const end = p + n;
    uint64_t value;

    p += negative;
    if (p == end || end - p > 19) return 0;
    if (*p == '0') {
        if (n != 1) return 0;
        *out = 0;
        return 1;
    }
    /* 19 digits cannot overflow a uint64 */
    for (value = 0; p < end; p++) {
        const unsigned digit = (unsigned char)*p - (unsigned)'0';
        if (digit > 9) return 0;
        value = value * 10 + digit;
    }
    if (value > (uint64_t)INT64_MAX + (uint64_t)negative) return 0;
    *out = (int64_t)(negative ? 0 - value : value);
    return 1;
}

/* Write d as %.17g does, or "inf", "-inf", "nan", to out (40 bytes); returns the length. */
size_t ws_double_to_str(char *out, double d);

/* Write v to out (5200 bytes) with up to 17 decimals and no trailing zeros, as INCRBYFLOAT answers;
 * returns the length. */
size_t ws_long_double_to_str(char *out, long double v);

/* Parse the whole of p[0:n]: 1 and *out set, or 0. Decimal, hexadecimal and "inf" forms of strtod; no leading
 * space, no NaN, no NUL inside, nothing that over- or underflows, at most 5119 bytes. */
int ws_str_to_double(const char *p, size_t n, double *out);
int ws_str_to_long_double(const char *p, size_t n, long double *out);

/* Parse p[0:n] leniently, as one end of a range of scores: 1 and *out set, or 0. Up to a NUL if there is one; spaces in
 * front, too large and too small numbers and nothing at all (0) are fine; NaN is not. */
int ws_str_to_bound(const char *p, size_t n, double *out);

#endif
