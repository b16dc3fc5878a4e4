/* Time: a cheap tick counter for measuring, and the clocks.
 *
 * ws_ticks() is the time stamp counter on x86-64, which all machines of the last decade run at one constant rate on
 * all cores, and nanoseconds of the monotonic clock elsewhere or with WSTORE_PORTABLE.
 */
#ifndef WS_TICKS_H
#define WS_TICKS_H

#include <stdint.h>
#include <time.h>

#if defined(__x86_64__) && !defined(WSTORE_PORTABLE)
#define WS_TICKS_TSC 1
#include <x86intrin.h>
#else
#define WS_TICKS_TSC 0
#endif

static inline int64_t ws_mono_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int64_t ws_mono_us(void) {
    return ws_mono_ns() / 1000;
}

/* Unix time in milliseconds. */
static inline int64_t ws_unix_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline uint64_t ws_ticks(void) {
#if WS_TICKS_TSC
    return __rdtsc();
#else
    return (uint64_t)ws_mono_ns();
#endif
}

/* Ticks in a microsecond: measured against the monotonic clock at the first call, which may spin up to 5 ms. */
double ws_ticks_per_us(void);

#endif
