/* poll.h over Linux's epoll(7). */
#include "poll.h"

#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

static struct epoll_event wanted(int interest, void *data) {
    struct epoll_event e = {0};
    e.events = (interest & WS_POLL_IN ? EPOLLIN : 0) | (interest & WS_POLL_OUT ? EPOLLOUT : 0);
    e.data.ptr = data;
    return e;
}

int ws_poll_create(void) {
    return epoll_create1(EPOLL_CLOEXEC);
}

void ws_poll_destroy(int poll_fd) {
    close(poll_fd);
}

int ws_poll_add(int poll_fd, int fd, int interest, void *data) {
    struct epoll_event e = wanted(interest, data);
    return epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &e);
}

int ws_poll_mod(int poll_fd, int fd, int interest, void *data) {
    struct epoll_event e = wanted(interest, data);
    return epoll_ctl(poll_fd, EPOLL_CTL_MOD, fd, &e);
}

int ws_poll_del(int poll_fd, int fd) {
    return epoll_ctl(poll_fd, EPOLL_CTL_DEL, fd, NULL);
}

int ws_poll_wait(int poll_fd, ws_event *out, int timeout_ms) {
    struct epoll_event events[WS_POLL_BATCH];
    int n = epoll_wait(poll_fd, events, WS_POLL_BATCH, timeout_ms);
    for (int i = 0; i < n; i++) {
        uint32_t e = events[i].events;
        int failed = (e & (EPOLLERR | EPOLLHUP)) != 0;
        out[i].data = events[i].data.ptr;
        out[i].ready = (e & EPOLLIN || failed ? WS_POLL_IN : 0) | (e & EPOLLOUT || failed ? WS_POLL_OUT : 0);
    }
    return n < 0 ? 0 : n;
}
