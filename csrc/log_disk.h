/* log_disk: the files of a log on disk: writing to the last of them, beginning a new one or a base, history that goes.
 *
 *     dir/NAME.manifest              the list of the files (log_files.h), always replaced as a whole
 *     dir/NAME.seq.incr.aof          the stream, one file behind the other without a gap
 *     dir/NAME.seq.incr.aof.times    beside it: lines of LINE_BYTES, "unix-ms offset": the stream ended there then
 *     dir/NAME.seq.base.rdb          written by the snapshot
 *
 * Invariants
 * * One thread at a time, but for `list_lock`, which guards `files` and pins (log_read.h) against readers, and the
 *   atomic counters.
 * * The manifest names a file before the first byte is written to it. While `hidden`, the manifest on disk is still the
 *   one of an earlier log: it is replaced with the first base.
 * * The bytes of a file are written in order at their places, so that writing some again does no harm. */
#ifndef WS_LOG_DISK_H
#define WS_LOG_DISK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "log_files.h"

typedef struct {
    char *dir, *name;
    pthread_mutex_t list_lock;
    ws_log_files files;
    int64_t *pins;                  /* offsets from which on the stream is being read */
    size_t pin_count, pin_cap;
    int64_t dropped_to;             /* what lies in front of it is not kept */
    int hidden;
    int64_t last_seq;               /* numbers of new files are higher */
    int fd;                         /* of the last file */
    int times_fd;                   /* beside it, or -1 */
    int times_torn;                 /* a line there was not written whole */
    _Atomic int64_t start;          /* of the last file */
    _Atomic int64_t end;            /* bytes up to here are written */
    _Atomic int64_t closed_bytes;   /* of the base and the files in front of the last one */
    _Atomic int64_t base_bytes;     /* base and log when the base was taken; after a start the base alone */
    int64_t unlinking;              /* jobs in the background */
} ws_log_disk;

ws_log_disk *ws_log_disk_new(const char *dir, const char *name);
void ws_log_disk_free(ws_log_disk *);

/* A file of the manifest that is there already; before ws_log_disk_open, in order. */
int ws_log_disk_add(ws_log_disk *, const char *name, char type, int64_t seq, int64_t start);

/* Go on with the last file, or begin one at `start` if there is none, or if `hidden`. 0, or -1 with errno, as below. */
int ws_log_disk_open(ws_log_disk *, int64_t start, int hidden);

int ws_log_disk_write(ws_log_disk *, const void *data, size_t len);    /* at `end`, which moves on as far as it came */
void ws_log_disk_go_back(ws_log_disk *, int64_t offset);    /* have `end` there: the bytes behind come again */
int ws_log_disk_redo(ws_log_disk *, int64_t from, int64_t to);      /* write these again, as they can be read */
int ws_log_disk_roll(ws_log_disk *);                        /* begin a new file at `end`; the last one is synced */
void ws_log_disk_stamp(ws_log_disk *, int64_t unix_ms, int64_t offset);    /* one line of times, if it can be written */

/* dir/name holds the data as they stood at `offset`: what is older becomes history. EAGAIN: no file begins there. */
int ws_log_disk_base(ws_log_disk *, const char *name, int64_t seq, int64_t offset);

/* Let go of the oldest history that nobody has pinned, in the background: more than that many bytes, or older than
 * that; 0: no such limit, both 0: all. */
void ws_log_disk_trim(ws_log_disk *, int64_t keep_bytes, int64_t keep_ms);

int64_t ws_log_disk_next_seq(ws_log_disk *, int is_incr);   /* number for the next file */

#endif
