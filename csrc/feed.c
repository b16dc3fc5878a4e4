/* feed: see feed.h. */
#define _GNU_SOURCE
#include "feed.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "check.h"
#include "net.h"
#include "threads.h"
#include "ticks.h"

enum {
    READ_BYTES = 256 << 10,         /* of the log at a time */
    SEND_BYTES = 1 << 20,           /* of a file at a time */
    PIN_STEP_BYTES = 8 << 20,       /* the pin follows in such steps */
    POLL_MS = 100,                  /* between two looks whether it is still wanted */
    NAP_US = 2000,                  /* while nothing more is written */
    LINE_EVERY_MS = 1000,           /* "\n" while the file is not whole */
};

struct ws_feed {
    _Atomic int holders;            /* the loop, and the thread */
    _Atomic int state, dropped;
    _Atomic int64_t sent, offset, goal;
    pthread_mutex_t lock;           /* of wake_fd, which the loop may close once it has let go */
    int fd, wake_fd;
    int64_t stall_ms, moved_ms;     /* when the connection took something last */
    ws_output *output;
    char *head, *mark;
    size_t head_len, mark_len;
    ws_log *log;
    int64_t pin;
};

static char *copy(const char *p, size_t n) { return p == NULL ? NULL : memcpy(ws_alloc(n + 1), p, n); }

static ws_feed *new_feed(void) {
    ws_feed *f = ws_alloc_zeroed(sizeof *f);
    atomic_store(&f->holders, 1);
    f->fd = f->wake_fd = -1;
    pthread_mutex_init(&f->lock, NULL);
    return f;
}

ws_feed *ws_feed_of_file(ws_output *output, const char *head, size_t head_len, const char *mark, size_t mark_len) {
    ws_feed *f = new_feed();
    ws_output_keep(output);
    f->output = output;
    f->head = copy(head, head_len);
    f->mark = copy(mark, mark_len);
    f->head_len = head_len;
    f->mark_len = mark_len;
    return f;
}

ws_feed *ws_feed_of_log(ws_log *log, int64_t offset) {
    if (ws_log_pin(log, offset) != 0) return NULL;
    ws_feed *f = new_feed();
    ws_log_keep(log);
    f->log = log;
    f->pin = offset;
    atomic_store(&f->offset, offset);
    atomic_store(&f->goal, INT64_MAX);
    return f;
}

static void let_go(ws_feed *f) {
    if (atomic_fetch_sub(&f->holders, 1) > 1) return;
    if (f->fd >= 0) close(f->fd);
    if (f->output != NULL) ws_output_free(f->output);
    if (f->log != NULL) {
        ws_log_unpin(f->log, f->pin);
        ws_log_free(f->log);
    }
    pthread_mutex_destroy(&f->lock);
    ws_free(f->head);
    ws_free(f->mark);
    ws_free(f);
}

/* -- sending: 0, or how the feed ends ------------------------------------------------------------------------------ */

static int64_t mono_ms(void) { return ws_mono_us() / 1000; }

static int wait_until_writable(ws_feed *f) {
    struct pollfd p = {.fd = f->fd, .events = POLLOUT};
    while (poll(&p, 1, POLL_MS) <= 0) {
        if (atomic_load(&f->dropped) || mono_ms() - f->moved_ms > f->stall_ms) return WS_FEED_BROKEN;
        p.revents = 0;
    }
    return 0;
}

/* What became of a call that sends: nothing was taken, some, or the connection is broken. */
static int took(ws_feed *f, ssize_t n) {
    if (n < 0 && errno != EAGAIN && errno != EINTR) return WS_FEED_BROKEN;
    if (atomic_load(&f->dropped)) return WS_FEED_BROKEN;
    if (n <= 0) return wait_until_writable(f);
    atomic_fetch_add(&f->sent, n);
    f->moved_ms = mono_ms();
    return 0;
}

static int send_bytes(ws_feed *f, const char *p, size_t n) {
    f->moved_ms = mono_ms();
    while (n > 0) {
        const ssize_t done = send(f->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        const int end = took(f, done);
        if (end) return end;
        if (done > 0) {
            p += done;
            n -= (size_t)done;
        }
    }
    return 0;
}

static int nap(ws_feed *f) {
    usleep(NAP_US);
    return atomic_load(&f->dropped) ? WS_FEED_BROKEN : 0;
}

/* In front of a file whose head nobody gave: its length, once that is known; lines keep the replica patient. */
static int send_length(ws_feed *f) {
    char line[32];
    int64_t written, line_ms = mono_ms();
    int state, end = 0;
    while ((state = ws_output_look(f->output, &written, NULL)) == WS_OUTPUT_GROWS && !end) {
        end = nap(f);
        if (!end && mono_ms() - line_ms >= LINE_EVERY_MS) {
            end = send_bytes(f, "\n", 1);
            line_ms = mono_ms();
        }
    }
    if (end || state == WS_OUTPUT_FAILED) return end ? end : WS_FEED_LOST;
    return send_bytes(f, line, (size_t)snprintf(line, sizeof line, "$%lld\r\n", (long long)written));
}

static int send_file(ws_feed *f) {
    off_t at = 0;
    int fd, end = f->head != NULL ? send_bytes(f, f->head, f->head_len) : send_length(f);
    while (!end) {
        int64_t written;
        const int state = ws_output_look(f->output, &written, &fd);
        if (state == WS_OUTPUT_FAILED) return WS_FEED_LOST;
        if (at < written) {
            const int64_t left = written - at;
            const ssize_t n = sendfile(f->fd, fd, &at, (size_t)(left < SEND_BYTES ? left : SEND_BYTES));
            end = n == 0 || (n < 0 && errno == EIO) ? WS_FEED_LOST : took(f, n);
        } else if (state == WS_OUTPUT_WHOLE) {
            return send_bytes(f, f->mark, f->mark_len);
        } else {
            f->moved_ms = mono_ms();
            end = nap(f);
        }
    }
    return end;
}

static void move_pin(ws_feed *f) {
    const int64_t offset = atomic_load(&f->offset);
    if (offset - f->pin < PIN_STEP_BYTES || ws_log_pin(f->log, offset) != 0) return;
    ws_log_unpin(f->log, f->pin);
    f->pin = offset;
}

static int send_log(ws_feed *f) {
    char *buffer = ws_alloc(READ_BYTES);
    int end = 0;
    while (!end && atomic_load(&f->offset) < atomic_load(&f->goal)) {
        const int64_t n = ws_log_read(f->log, atomic_load(&f->offset), buffer, READ_BYTES);
        if (n < 0) end = WS_FEED_LOST;
        else if (n == 0) end = nap(f);
        else end = send_bytes(f, buffer, (size_t)n);
        if (n > 0 && !end) {
            atomic_fetch_add(&f->offset, n);
            move_pin(f);
        }
    }
    ws_free(buffer);
    return end;
}

/* -- the thread, and the side of the loop -------------------------------------------------------------------------- */

static void run(void *arg) {
    ws_feed *f = arg;
    const int end = f->output != NULL ? send_file(f) : send_log(f);
    pthread_mutex_lock(&f->lock);
    close(f->fd);
    f->fd = -1;
    atomic_store(&f->state, end ? end : WS_FEED_DONE);
    if (!atomic_load(&f->dropped)) ws_wake(f->wake_fd);
    pthread_mutex_unlock(&f->lock);
    let_go(f);
}

int ws_feed_start(ws_feed *f, int fd, int wake_fd, int64_t stall_ms) {
    pthread_t thread;
    WS_ASSERT(atomic_load(&f->state) == WS_FEED_NEW);
    f->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (f->fd < 0) return errno;
    f->wake_fd = wake_fd;
    f->stall_ms = stall_ms;
    atomic_fetch_add(&f->holders, 1);
    atomic_store(&f->state, WS_FEED_RUNS);
    const int failed = ws_thread_start_equal(&thread, run, f);
    if (!failed) {
        pthread_detach(thread);
        return 0;
    }
    atomic_fetch_sub(&f->holders, 1);
    atomic_store(&f->state, WS_FEED_NEW);
    close(f->fd);
    f->fd = -1;
    return failed;
}

int ws_feed_state(const ws_feed *f) { return atomic_load(&f->state); }

int64_t ws_feed_sent(const ws_feed *f) { return atomic_load(&f->sent); }

int64_t ws_feed_offset(const ws_feed *f) { return atomic_load(&f->offset); }

const ws_log *ws_feed_log(const ws_feed *f) { return f->log; }

void ws_feed_set_goal(ws_feed *f, int64_t offset) { atomic_store(&f->goal, offset); }

void ws_feed_free(ws_feed *f) {
    pthread_mutex_lock(&f->lock);
    atomic_store(&f->dropped, 1);
    if (f->fd >= 0) shutdown(f->fd, SHUT_RDWR);
    pthread_mutex_unlock(&f->lock);
    let_go(f);
}
