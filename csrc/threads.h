/* threads: starting a thread beside the one that runs commands, without signals and with less weight than that one. */
#ifndef WS_THREADS_H
#define WS_THREADS_H
#include <pthread.h>
#include <stdint.h>

/* Run fn(arg) on a thread of its own that gets what processors have left (SCHED_IDLE, where there is that): whoever
 * else wants to run on its processor does so at once. 0, or an error number. */
int ws_thread_start(pthread_t *thread, void (*fn)(void *), void *arg);

/* The same with the weight of any other thread. */
int ws_thread_start_equal(pthread_t *thread, void (*fn)(void *), void *arg);

/* Processor time that a thread which was not joined has had, in microseconds. */
int64_t ws_thread_cpu_us(pthread_t thread);

/* Wait for `changed` for at most `us` microseconds, with the mutex held. */
void ws_cond_wait_us(pthread_cond_t *changed, pthread_mutex_t *mutex, long us);
#endif
