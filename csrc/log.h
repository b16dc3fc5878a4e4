/* log: takes the stream of writes and has it on disk, in the background or at once.
 *
 *   loop ──append──> queue ──> chunk ──write──> last file ──sync──> durable
 *                    (writer thread, or the loop in ws_log_commit)    (sync thread, or who wrote)
 *
 * Policy: `always`: the caller commits each turn's bytes before it lets replies go; `everysec`: the writer thread
 * writes what there is every WRITE_PAUSE_MS and has the sync thread sync once a second; `no`: it only writes. Whatever
 * the policy, a file is synced before the next one begins.
 *
 * When a write, a sync, or a new file fails, the log is `failing` until it succeeds, which the writer thread tries
 * every RETRY_MS: bytes wait in memory, and are written on from where the failed write ended, so that no file is torn
 * in the middle. With `always` bytes stay in memory until they are synced, and are written again behind a failed sync.
 *
 * Invariants
 * * Offsets: end of the file <= end of the chunk <= end of the queue; synced <= end of the file.
 * * `lock` guards the queue and what is asked of the threads, `disk_lock` the chunk and the files; disk_lock first. */
#ifndef WS_LOG_H
#define WS_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "log_disk.h"
#include "log_files.h"

enum { WS_LOG_NO, WS_LOG_EVERYSEC, WS_LOG_ALWAYS };

typedef struct ws_log ws_log;

typedef struct {            /* as abi.Reply: taken over and given back by ws_log_append */
    char *data;
    size_t len, cap;
} ws_log_buffer;

typedef struct {
    int policy;
    int spare_syncs;        /* no syncs once a second for now */
    int64_t keep_bytes;     /* of history; 0: no limit */
    int64_t keep_ms;        /* its age; 0: no limit; both 0: none is kept */
} ws_log_settings;

typedef struct {
    int64_t end;            /* of the stream */
    int64_t written, synced;
    int64_t file_start;     /* of the last file */
    int64_t current_bytes;  /* base and log behind it */
    int64_t base_bytes;     /* the same when the base was taken, or after a start of the base alone, as in Redis */
    int64_t buffer_bytes;   /* that wait in memory */
    int64_t delayed_syncs;
    int write_error;        /* errno of what fails now, or 0 */
    int sync_error;
    int syncing;
} ws_log_facts;

ws_log *ws_log_new(const char *dir, const char *name);
void ws_log_keep(ws_log *);         /* one more who reads it; ws_log_free is one less */
void ws_log_free(ws_log *);         /* one that has not begun, or has stopped; the last one to let go of it frees it */

/* A file of the manifest, in its order: all is set but size and time. 0, or -1 with errno. */
int ws_log_add(ws_log *, const ws_log_file *file);

/* Begin: go on with the last file, or begin one: behind it if the mark has another id, at `start` if there is none.
 * hidden: begin one, and leave the manifest as it is until the first base; then the files that were added go.
 * 0, or -1 with errno. */
int ws_log_begin(ws_log *, int64_t start, int hidden, const ws_log_mark *mark);

/* Write and sync all there is, end the threads. 0, or errno of what failed: what was not written is lost. */
int ws_log_stop(ws_log *);

void ws_log_configure(ws_log *, const ws_log_settings *);

/* More of the stream, at its end; `buffer` comes back empty. Waits while far too much is waiting to be written. */
void ws_log_append(ws_log *, ws_log_buffer *buffer, int64_t unix_ms);

/* Have all that was appended written and synced now. 0, or errno; the same at once while the log is failing. */
int ws_log_commit(ws_log *);

/* The next byte appended begins a new file. */
void ws_log_roll(ws_log *, const ws_log_mark *mark);

/* dir/name is the base of the file that begins at `offset`: tell the manifest. Done in the background, and tried again
 * while the disk lets it fail. */
void ws_log_set_base(ws_log *, const char *name, int64_t seq, int64_t offset);
int ws_log_base_pending(ws_log *, int *error);      /* 0: it is done; else it goes on. *error: errno of the last try */

/* The stream is another one from here on: dir/name are its data at `offset`, where the next byte appended comes. What
 * is not yet written of the old one is dropped. Done in the background; until then nothing can be read back. */
void ws_log_reset(ws_log *, const char *name, int64_t seq, int64_t offset, const ws_log_mark *mark);

int ws_log_failing(const ws_log *);                 /* errno, or 0 */
int64_t ws_log_file_bytes(const ws_log *);          /* from where the file begins that the next byte goes to */
void ws_log_get_facts(ws_log *, ws_log_facts *);
void ws_log_get_files(ws_log *, ws_log_files *out); /* a copy */
int64_t ws_log_next_seq(ws_log *, int is_incr);

/* -- from any thread, also once the log has stopped: see log_read.h ----------------------------------------------- */

int64_t ws_log_read(ws_log *, int64_t offset, void *to, size_t cap);
int64_t ws_log_first(ws_log *);
int ws_log_pin(ws_log *, int64_t offset);
void ws_log_unpin(ws_log *, int64_t offset);
int ws_log_damage(ws_log *, char *text, size_t cap);

#endif
