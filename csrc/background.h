/* background: the little that threads share: counters with relaxed atomic updates. */
#ifndef WS_BACKGROUND_H
#define WS_BACKGROUND_H
#include <stdint.h>

static inline void ws_counter_add(int64_t *counter, int64_t n) { __atomic_add_fetch(counter, n, __ATOMIC_ACQ_REL); }
static inline int64_t ws_counter_get(const int64_t *counter) { return __atomic_load_n(counter, __ATOMIC_ACQUIRE); }
#endif
