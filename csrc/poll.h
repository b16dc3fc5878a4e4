/* Readiness of many descriptors: epoll behind an interface that kqueue could fill as well.
 *
 * Level-triggered. A descriptor is added once with a pointer that comes back with its events; closing it removes it.
 * Errors and hang-ups are reported as readable (or writable, if only that is asked for): the next recv tells.
 */
#ifndef WS_POLL_H
#define WS_POLL_H

enum { WS_POLL_IN = 1, WS_POLL_OUT = 2 };
enum { WS_POLL_BATCH = 512 };       /* events a wait returns at most */

typedef struct {
    void *data;
    int ready;                      /* WS_POLL_IN | WS_POLL_OUT */
} ws_event;

int ws_poll_create(void);                                       /* a descriptor, or -1 with errno */
void ws_poll_destroy(int poll_fd);
int ws_poll_add(int poll_fd, int fd, int interest, void *data); /* 0, or -1 with errno */
int ws_poll_mod(int poll_fd, int fd, int interest, void *data);
int ws_poll_del(int poll_fd, int fd);

/* Waits up to timeout_ms (negative: for ever) and fills at most WS_POLL_BATCH events; their number, 0 also when
 * a signal came in between. */
int ws_poll_wait(int poll_fd, ws_event *out, int timeout_ms);

#endif
