/* feed: a thread that sends one replica what is on disk: the data as a file, or the stream as the log's files have it.
 *
 *     of a file:    head | the file, as it is written | mark        head NULL: "$length\r\n", once it is whole
 *     of the log:   the stream from an offset up to `goal`, which moves on while the stream does
 *
 * While it runs nobody else sends to the connection; the loop may receive from it. The thread has a descriptor of its
 * own, so the loop may close its one at any time: it then lets go of the feed, which ends by itself.
 *
 * A feed of the log has the log pinned where it stands, also before it is started. */
#ifndef WS_FEED_H
#define WS_FEED_H

#include <stddef.h>
#include <stdint.h>

#include "log.h"
#include "output.h"

enum {
    WS_FEED_NEW,
    WS_FEED_RUNS,
    WS_FEED_DONE,
    WS_FEED_BROKEN,     /* the connection is, or has taken nothing for too long */
    WS_FEED_LOST,       /* the file or the log cannot be read */
};

typedef struct ws_feed ws_feed;

/* They hold the output or the log, and copy head and mark. NULL: the log does not have that offset any more. */
ws_feed *ws_feed_of_file(ws_output *, const char *head, size_t head_len, const char *mark, size_t mark_len);
ws_feed *ws_feed_of_log(ws_log *, int64_t offset);

/* Begin to send; wake_fd is written to at the end. stall_ms: how long the connection may take nothing. 0, or an error
 * number: there is no thread to be had, and the feed is as it was. */
int ws_feed_start(ws_feed *, int fd, int wake_fd, int64_t stall_ms);

int ws_feed_state(const ws_feed *);
int64_t ws_feed_sent(const ws_feed *);              /* bytes so far */
int64_t ws_feed_offset(const ws_feed *);            /* of the log: of the next byte to be sent */
const ws_log *ws_feed_log(const ws_feed *);         /* NULL: of a file */
void ws_feed_set_goal(ws_feed *, int64_t offset);
void ws_feed_free(ws_feed *);                       /* one that runs breaks its connection off, and ends */

#endif
