/* log_files: the list of files that a log consists of, its text form (the manifest of Redis 7), and replacing a small
 * file as a whole.
 *
 *     file appendonly.aof.2.base.rdb seq 2 type b startoffset 4711      at most one: the data as it stood at 4711
 *     file appendonly.aof.1.incr.aof seq 1 type h startoffset 0         history, oldest first: for the tools
 *     file appendonly.aof.2.incr.aof seq 2 type i startoffset 4711      from the base on, in order
 *
 * The offset of a byte in the stream is the start of its file and its position there. Redis skips the key
 * `startoffset`, which it does not know. */
#ifndef WS_LOG_FILES_H
#define WS_LOG_FILES_H

#include <stddef.h>
#include <stdint.h>

enum { WS_LOG_BASE = 'b', WS_LOG_HISTORY = 'h', WS_LOG_INCR = 'i' };

typedef struct {
    char *name;
    char type;
    int64_t seq;
    int64_t start;          /* offset in the stream of its first byte; of a base: at which it was taken */
    int64_t size_bytes;     /* of the one that is written to: when it was opened */
    int64_t changed_ms;     /* Unix time of the last write, about */
} ws_log_file;

typedef struct {
    ws_log_file *at;
    size_t count;
    size_t cap;
} ws_log_files;

void ws_log_files_add(ws_log_files *, ws_log_file file);        /* the name is copied */
void ws_log_files_remove(ws_log_files *, size_t i);
void ws_log_files_copy(ws_log_files *to, const ws_log_files *);
void ws_log_files_clear(ws_log_files *);
int ws_log_is_incr(const ws_log_file *);                        /* also of history */

char *ws_log_manifest(const ws_log_files *, size_t *len);       /* its text, to be freed with ws_free */

/* Have dir/name hold these bytes, or what it held before, whatever happens: by way of dir/temp-name. 0, or -1 with
 * errno; then either may be there after a power cut. */
int ws_file_replace(const char *dir, const char *name, const void *data, size_t len);

#endif
