/* log_disk: the files of a log on disk: the list of them, writing to the last one, beginning a new one. Bases and
 * history: log_history.h.
 *
 *     dir/NAME.manifest              the list of the files (log_files.h), always replaced as a whole
 *     dir/NAME.seq.incr.aof          the stream, one file behind the other without a gap
 *     dir/NAME.seq.incr.aof.times    beside it: lines of LINE_BYTES, "unix-ms offset": the stream ended there then
 *     dir/NAME.seq.incr.aof.sums     beside it: its checksums (log_sums.h)
 *     dir/NAME.seq.base.rdb          written by the snapshot
 *     dir/temp-NAME.hidden           while hidden: the number of the first file that does not count yet
 *
 * Invariants
 * * One thread at a time, but for `list_lock`, which guards `files` and pins (log_read.h) against readers, and the
 *   atomic counters.
 * * The manifest names a file before the first byte of the stream is written to it. While `hidden`, the manifest on
 *   disk is still the one of an earlier log: it is replaced with the first base, and the files of that log go.
 * * The bytes of a file are written in order at their places, so that writing some again does no harm. */
#ifndef WS_LOG_DISK_H
#define WS_LOG_DISK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "log_files.h"
#include "log_sums.h"

#define WS_LOG_TIMES_SUFFIX ".times"

typedef struct {            /* what a new file of commands begins with */
    char label[WS_LOG_LABEL_BYTES];     /* "": as the stream goes on */
    int db;                 /* its first command is run there: a preamble says so, unless it is 0 or less */
} ws_log_mark;

typedef struct {
    char *dir, *name;
    pthread_mutex_t list_lock;
    ws_log_files files;
    int64_t *pins;                  /* offsets from which on the stream is being read */
    size_t pin_count, pin_cap;
    int64_t dropped_to;             /* what lies in front of it is not kept */
    int64_t lost_to;                /* nor there: a file that was read was gone, damaged, or shorter than it was */
    char *damaged;                  /* path of one that was damaged, to be told, or NULL */
    int64_t damaged_at;             /* position in it */
    int hidden;
    ws_log_files replaced;          /* of the log that a hidden one takes the place of */
    char label[WS_LOG_LABEL_BYTES]; /* of new files, unless it changes: the present id */
    int64_t last_seq;               /* numbers of new files are higher */
    int fd;                         /* of the last file */
    int times_fd;                   /* beside it, or -1 */
    int times_torn;                 /* a line there was not written whole */
    ws_log_sums sums;               /* of the last file */
    _Atomic int64_t start;          /* of the last file */
    int64_t preamble;               /* the same */
    _Atomic int64_t end;            /* bytes up to here are written */
    _Atomic int64_t closed_bytes;   /* of the base and the files in front of the last one */
    _Atomic int64_t base_bytes;     /* base and log when the base was taken; after a start the base alone */
    int64_t unlinking;              /* jobs in the background */
} ws_log_disk;

ws_log_disk *ws_log_disk_new(const char *dir, const char *name);
void ws_log_disk_free(ws_log_disk *);

/* A file of the manifest that is there already; before ws_log_disk_open, in order. */
int ws_log_disk_add(ws_log_disk *, const ws_log_file *file);

/* Go on with the last file, or begin one: behind it, if `mark` has another id; at `start`, if there is none, or if
 * `hidden`. 0, or -1 with errno, as below. */
int ws_log_disk_open(ws_log_disk *, int64_t start, int hidden, const ws_log_mark *mark);

int ws_log_disk_write(ws_log_disk *, const void *data, size_t len);    /* at `end`, which moves on as far as it came */
void ws_log_disk_go_back(ws_log_disk *, int64_t offset);    /* have `end` there: the bytes behind come again */
int ws_log_disk_redo(ws_log_disk *, int64_t from, int64_t to);      /* write these again, as they can be read */
int ws_log_disk_roll(ws_log_disk *, const ws_log_mark *);   /* begin a new file at `end`; the last one is synced */
void ws_log_disk_stamp(ws_log_disk *, int64_t unix_ms, int64_t offset);    /* one line of times, if it can be written */
void ws_log_disk_sum_up(ws_log_disk *, int64_t offset);     /* units up to there are synced: their sums may be known */

int64_t ws_log_disk_next_seq(ws_log_disk *, int is_incr);   /* number for the next file */

/* -- for log_history.c --------------------------------------------------------------------------------------------- */

int ws_log_disk_stat(const ws_log_disk *, ws_log_file *file);       /* its size and time */

/* A new, empty file of commands for `file`, of which name and preamble are set: a descriptor, or -1. */
int ws_log_disk_create(ws_log_disk *, ws_log_file *file, int db);
void ws_log_disk_use(ws_log_disk *, int fd, const ws_log_file *file, int64_t end);      /* it is the last one */

/* Have the manifest say `list` and take it over; or, with -1, nothing of that. The list is freed. */
int ws_log_disk_replace(ws_log_disk *, ws_log_files *list, int hidden);

void ws_log_disk_unmark_hidden(ws_log_disk *);
void ws_log_disk_count(ws_log_disk *);                              /* closed_bytes */
char *ws_log_disk_path(const ws_log_disk *, const char *name);      /* to be freed */

#endif
