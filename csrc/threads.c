/* threads: see threads.h. On Linux each thread has a scheduling policy of its own. */
#define _GNU_SOURCE
#include "threads.h"

#include <sched.h>
#include <signal.h>
#include <time.h>

#include "alloc.h"

typedef struct {
    void (*fn)(void *);
    void *arg;
    int idle;
} start;

static void *begin(void *p) {
    const start s = *(start *)p;
    ws_free(p);
#ifdef SCHED_IDLE
    if (s.idle) {
        sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){0});
        sched_yield(); /* else it keeps a processor that others wait for until the next tick */
    }
#endif
    s.fn(s.arg);
    return NULL;
}

static int start_thread(pthread_t *thread, void (*fn)(void *), void *arg, int idle) {
    sigset_t all, before;
    start *s = ws_alloc(sizeof *s);
    *s = (start){fn, arg, idle};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(thread, NULL, begin, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) ws_free(s);
    return failed;
}

int ws_thread_start(pthread_t *thread, void (*fn)(void *), void *arg) { return start_thread(thread, fn, arg, 1); }

int ws_thread_start_equal(pthread_t *thread, void (*fn)(void *), void *arg) {
    return start_thread(thread, fn, arg, 0);
}

int64_t ws_thread_cpu_us(pthread_t thread) {
    clockid_t clock;
    struct timespec t = {0};
    if (pthread_getcpuclockid(thread, &clock) == 0) clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void ws_cond_wait_us(pthread_cond_t *changed, pthread_mutex_t *mutex, long us) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += us * 1000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(changed, mutex, &until);
}
