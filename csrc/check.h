/* Assertions: WS_ASSERT is compiled in with -DWSTORE_DEBUG only, WS_STATIC_ASSERT always.
 *
 * Without WSTORE_DEBUG the expression is parsed but not evaluated, so it must have no side effects.
 */
#ifndef WS_CHECK_H
#define WS_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define WS_STATIC_ASSERT(condition, text) _Static_assert(condition, text)

#define WS_LIKELY(x) __builtin_expect(!!(x), 1)
#define WS_UNLIKELY(x) __builtin_expect(!!(x), 0)

#ifdef WSTORE_DEBUG
__attribute__((noreturn, cold, unused)) static void ws_assert_failed(const char *what, const char *file, int line) {
    fprintf(stderr, "wstore: assertion failed: %s (%s:%d)\n", what, file, line);
    abort();
}
#define WS_ASSERT(condition) \
    do { \
        if (WS_UNLIKELY(!(condition))) ws_assert_failed(#condition, __FILE__, __LINE__); \
    } while (0)
#else
#define WS_ASSERT(condition) \
    do { \
        (void)sizeof(!(condition)); \
    } while (0)
#endif

#endif
