/* background: one thread of the process that runs what would keep other threads too long, and the counters that
 * threads share.
 *
 * The thread begins with the first job and lasts as long as the process; jobs run one after the other in the order in
 * which they came, and may add others. After a fork the child has a thread of its own, once it needs one: jobs that
 * waited run there too, the one that was running is given up, as nobody can tell how far it came. */
#ifndef WS_BACKGROUND_H
#define WS_BACKGROUND_H
#include <stdint.h>

static inline void ws_counter_add(int64_t *counter, int64_t n) { __atomic_add_fetch(counter, n, __ATOMIC_ACQ_REL); }
static inline int64_t ws_counter_get(const int64_t *counter) { return __atomic_load_n(counter, __ATOMIC_ACQUIRE); }

/* Have fn(arg) run on the thread; without one, at once. `pending` counts `n` more until it has, then `done` (may be
 * NULL) counts them. Both must last until then. */
void ws_background_run(void (*fn)(void *), void *arg, int64_t n, int64_t *pending, int64_t *done);

/* Wait until `pending`, a counter of jobs, is 0. Not from a job. */
void ws_background_wait(const int64_t *pending);
#endif
