/* The queue is a list under one mutex; `wanted` wakes the thread, `finished` those who wait for jobs. */
#include "background.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>

#include "alloc.h"

typedef struct job job;
struct job {
    job *next;
    void (*fn)(void *);
    void *arg;
    int64_t n;
    int64_t *pending;
    int64_t *done;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wanted = PTHREAD_COND_INITIALIZER;
static pthread_cond_t finished = PTHREAD_COND_INITIALIZER;
static job *first, *last, *running;
static int has_thread, watches_forks;

static void finish(const job *j) {
    if (j->done != NULL) ws_counter_add(j->done, j->n);
    ws_counter_add(j->pending, -j->n);
}

static void *work(void *unused) {
    (void)unused;
    pthread_mutex_lock(&lock);
    for (;;) {
        job *j = first;
        if (j == NULL) {
            pthread_cond_wait(&wanted, &lock);
            continue;
        }
        first = j->next;
        running = j;
        pthread_mutex_unlock(&lock);
        j->fn(j->arg);
        pthread_mutex_lock(&lock);
        running = NULL;
        finish(j);
        ws_free(j);
        pthread_cond_broadcast(&finished);
    }
    return NULL;
}

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork(void) { pthread_mutex_unlock(&lock); }

static void start_thread(void);

static void in_child(void) {
    has_thread = 0;
    pthread_cond_init(&wanted, NULL);
    pthread_cond_init(&finished, NULL);
    if (running != NULL) finish(running);
    running = NULL;
    if (first != NULL) start_thread();
    pthread_mutex_unlock(&lock);
}

/* With the lock. Signals are for the other threads. */
static void start_thread(void) {
    sigset_t all, before;
    pthread_t thread;
    if (!watches_forks) watches_forks = pthread_atfork(before_fork, after_fork, in_child) == 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    has_thread = pthread_create(&thread, NULL, work, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (has_thread) pthread_detach(thread);
}

void ws_background_run(void (*fn)(void *), void *arg, int64_t n, int64_t *pending, int64_t *done) {
    job *j = ws_alloc(sizeof *j);
    *j = (job){NULL, fn, arg, n, pending, done};
    ws_counter_add(pending, n);
    pthread_mutex_lock(&lock);
    if (!has_thread) start_thread();
    if (has_thread) {
        if (first == NULL) first = j;
        else last->next = j;
        last = j;
        pthread_cond_signal(&wanted);
        pthread_mutex_unlock(&lock);
        return;
    }
    pthread_mutex_unlock(&lock);
    fn(arg);
    finish(j);
    ws_free(j);
}

void ws_background_wait(const int64_t *pending) {
    pthread_mutex_lock(&lock);
    while (ws_counter_get(pending) > 0) pthread_cond_wait(&finished, &lock);
    pthread_mutex_unlock(&lock);
}
