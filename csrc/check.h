/* What debug builds check: assertions (WS_ASSERT with -DWSTORE_DEBUG only, WS_STATIC_ASSERT always), and memory
 * marked as free for the address sanitizer.
 *
 * Without WSTORE_DEBUG an asserted expression is parsed but not evaluated, so it must have no side effects.
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

/* Memory that must not be touched for now, where the address sanitizer is on. It knows 8-byte granules: those that
 * lie only partly in p[0:n] stay as they are when poisoned, and are opened whole when opened. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define WS_POISON(p, n) __asan_poison_memory_region(p, n)
#define WS_UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define WS_POISON(p, n) ((void)(p), (void)(n))
#define WS_UNPOISON(p, n) ((void)(p), (void)(n))
#endif

#endif
