/* Calibration of the tick counter: see ticks.h.
 *
 * Measured from when this file was loaded to the first call, at least 5 ms. Threads that race to be first all
 * measure and store nearly the same number.
 */
#include "ticks.h"

#include <stdatomic.h>

enum { CALIBRATION_NS = 5000000 };

#if WS_TICKS_TSC
static uint64_t first_ticks;
static int64_t first_ns;
static _Atomic double ticks_per_us;

__attribute__((constructor)) static void note_start(void) {
    first_ns = ws_mono_ns();
    first_ticks = ws_ticks();
}

double ws_ticks_per_us(void) {
    double rate = atomic_load_explicit(&ticks_per_us, memory_order_relaxed);
    int64_t now_ns;
    if (rate > 0) return rate;
    do {
        now_ns = ws_mono_ns();
    } while (now_ns - first_ns < CALIBRATION_NS);
    rate = (double)(ws_ticks() - first_ticks) * 1000 / (double)(now_ns - first_ns);
    atomic_store_explicit(&ticks_per_us, rate, memory_order_relaxed);
    return rate;
}
#else
double ws_ticks_per_us(void) {
    return 1000;
}
#endif
