/* threads: see threads.h. On Linux a thread has a nice value of its own. */
#define _GNU_SOURCE
#include "threads.h"

#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"

typedef struct {
    void (*fn)(void *);
    void *arg;
    int nice;
} start;

static void *begin(void *p) {
    const start s = *(start *)p;
    ws_free(p);
#ifdef __linux__
    const id_t id = (id_t)gettid();
    if (s.nice) setpriority(PRIO_PROCESS, id, getpriority(PRIO_PROCESS, id) + s.nice);
#endif
    s.fn(s.arg);
    return NULL;
}

int ws_thread_start(pthread_t *thread, void (*fn)(void *), void *arg, int nice) {
    sigset_t all, before;
    start *s = ws_alloc(sizeof *s);
    *s = (start){fn, arg, nice};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(thread, NULL, begin, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) ws_free(s);
    return failed;
}

void ws_cond_wait_us(pthread_cond_t *changed, pthread_mutex_t *mutex, long us) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += us * 1000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(changed, mutex, &until);
}
