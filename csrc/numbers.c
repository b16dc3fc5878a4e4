/* Floating point to text and back, independent of the locale: see numbers.h.
 *
 * Invariant: `c_locale` is set before any function here runs (a constructor makes it) and never changes.
 */
#define _GNU_SOURCE      /* strtod_l */
#include "numbers.h"

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PARSE_MAX = 5120 };

static locale_t c_locale;

__attribute__((constructor)) static void make_locale(void) {
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static size_t special_to_str(char *out, int is_nan, int negative) {
    const char *const text = is_nan ? "nan" : negative ? "-inf" : "inf";
    const size_t length = strlen(text);
    memcpy(out, text, length);
    return length;
}

size_t ws_double_to_str(char *out, double d) {
    if (!isfinite(d)) return special_to_str(out, isnan(d), d < 0);
    if (fabs(d) < 9e15 && d == (double)(int64_t)d && !(d == 0 && signbit(d))) {
        return ws_i64_to_str(out, (int64_t)d);
    }
    const locale_t before = uselocale(c_locale);
    const int length = snprintf(out, WS_DOUBLE_TEXT_MAX, "%.17g", d);
    uselocale(before);
    return (size_t)length;
}

size_t ws_long_double_to_str(char *out, long double v) {
    if (!isfinite(v)) return special_to_str(out, isnan(v), v < 0);
    const locale_t before = uselocale(c_locale);
    size_t length = (size_t)snprintf(out, WS_LONG_DOUBLE_TEXT_MAX, "%.17Lf", v);
    uselocale(before);
    while (out[length - 1] == '0') length--;
    if (out[length - 1] == '.') length--;
    if (length == 2 && out[0] == '-' && out[1] == '0') {
        out[0] = '0';
        length = 1;
    }
    return length;
}

/* Copy p[0:n] to a NUL-terminated buffer for strtod; 0 if it cannot be a number. */
static int copy_for_parsing(char *buffer, const char *p, size_t n) {
    if (n == 0 || n >= PARSE_MAX || isspace((unsigned char)*p)) return 0;
    memcpy(buffer, p, n);
    buffer[n] = '\0';
    return 1;
}

int ws_str_to_double(const char *p, size_t n, double *out) {
    char buffer[PARSE_MAX];
    char *end;
    if (!copy_for_parsing(buffer, p, n)) return 0;
    errno = 0;
    const double value = strtod_l(buffer, &end, c_locale);
    if (end != buffer + n || isnan(value)) return 0;
    if (errno == ERANGE && (isinf(value) || value == 0)) return 0;
    *out = value;
    return 1;
}

int ws_str_to_bound(const char *p, size_t n, double *out) {
    char buffer[PARSE_MAX];
    char *end;
    if (n >= PARSE_MAX) return 0;
    memcpy(buffer, p, n);
    buffer[n] = '\0';
    *out = strtod_l(buffer, &end, c_locale);
    return *end == '\0' && !isnan(*out);
}

int ws_str_to_long_double(const char *p, size_t n, long double *out) {
    char buffer[PARSE_MAX];
    char *end;
    if (!copy_for_parsing(buffer, p, n)) return 0;
    errno = 0;
    const long double value = strtold_l(buffer, &end, c_locale);
    if (end != buffer + n || isnan(value)) return 0;
    if (errno == ERANGE && (isinf(value) || value == 0)) return 0;
    *out = value;
    return 1;
}
