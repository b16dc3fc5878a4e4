/* log_read: reading the stream back from the files of a log, from any thread, while they are written and dropped.
 *
 * Who reads on for a while pins the offset that it has come to, and moves the pin on: history from there on is kept,
 * whatever the limits are.
 *
 * A file that is gone, shorter than it was, or damaged (log_sums.h), is found out by who reads it; from then on all up
 * to its end counts as not kept.
 *
 * Invariant: what a pin was granted for stays: `dropped_to` rises, under list_lock, before a file is given up. */
#ifndef WS_LOG_READ_H
#define WS_LOG_READ_H

#include <stddef.h>
#include <stdint.h>

#include "log_disk.h"

/* Up to `cap` bytes of the stream from `offset` on, all of one file, up to the end of a block of its sums if they go so
 * far. How many; 0: none is written there yet; -1 with errno: ERANGE: not kept any more, or damaged, EIO: the file is
 * shorter than it was, or why it cannot be read. */
int64_t ws_log_disk_read(ws_log_disk *, int64_t offset, void *to, size_t cap);

/* Whether a damaged file was met since it was asked last; then where, as text. */
int ws_log_disk_damage(ws_log_disk *, char *text, size_t cap);

int64_t ws_log_disk_first(ws_log_disk *);   /* the stream is kept from there on */

int ws_log_disk_pin(ws_log_disk *, int64_t offset);     /* 0, or -1: it is not kept any more */
void ws_log_disk_unpin(ws_log_disk *, int64_t offset);  /* one pin of that offset */
int64_t ws_log_disk_pinned(ws_log_disk *);  /* the lowest pin, or INT64_MAX; with list_lock */

#endif
