/* log_files: the list of files that a log consists of, its text form (the manifest of Redis 7), and replacing a small
 * file as a whole.
 *
 *     file appendonly.aof.2.base.rdb seq 2 type b startoffset 4711 replid b5f0...     at most one: the data at 4711
 *     file appendonly.aof.1.incr.aof seq 1 type h startoffset 0 replid 7c31...        history, oldest first
 *     file appendonly.aof.2.incr.aof seq 2 type i startoffset 4711 replid b5f0...,7c31...     from the base on
 *     file appendonly.aof.3.incr.aof seq 3 type i startoffset 5800 replid b5f0... preamble 23
 *
 * The offset of a byte in the stream is the start of its file and its position there, less the preamble: a SELECT that
 * is not part of the stream, as whoever loads a file begins in database 0. replid: a label, the id of the stream from
 * there on and the ids that ended there. Redis skips these keys, which it does not know. */
#ifndef WS_LOG_FILES_H
#define WS_LOG_FILES_H

#include <stddef.h>
#include <stdint.h>

enum { WS_LOG_BASE = 'b', WS_LOG_HISTORY = 'h', WS_LOG_INCR = 'i' };
enum { WS_LOG_ID_CHARS = 40, WS_LOG_LABEL_BYTES = 8 * (WS_LOG_ID_CHARS + 1) };   /* eight ids, commas, the end */

typedef struct {
    char *name;
    char type;
    int64_t seq;
    int64_t start;          /* offset in the stream of its first byte; of a base: at which it was taken */
    int64_t size_bytes;     /* of the one that is written to: when it was opened */
    int64_t changed_ms;     /* Unix time of the last write, about */
    int64_t preamble;       /* so many of its first bytes are not of the stream */
    char label[WS_LOG_LABEL_BYTES];     /* "": the stream has no name */
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
int64_t ws_log_file_end(const ws_log_file *);                   /* offset behind its last byte; of a base: its start */
void ws_log_label_id(char *to, const char *label);              /* the first id of a label, which is one as well */
void ws_log_label_copy(char *to, const char *label);

char *ws_log_manifest(const ws_log_files *, size_t *len);       /* its text, to be freed with ws_free */

/* Have dir/name hold these bytes, or what it held before, whatever happens: by way of dir/temp-name. 0, or -1 with
 * errno; then either may be there after a power cut. */
int ws_file_replace(const char *dir, const char *name, const void *data, size_t len);

#endif
