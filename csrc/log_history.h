/* log_history: what a log has beside its last file: the base, which takes the place of all in front of it, and history,
 * which goes oldest first.
 *
 * Invariants
 * * The manifest is replaced as a whole: a crash leaves the log of before or the one of after.
 * * A file goes once the manifest does not name it any more, and is unlinked in the background. */
#ifndef WS_LOG_HISTORY_H
#define WS_LOG_HISTORY_H

#include <stdint.h>

#include "log_disk.h"

/* dir/name holds the data as they stood at `offset`: what is older becomes history. EAGAIN: no file begins there. */
int ws_log_disk_base(ws_log_disk *, const char *name, int64_t seq, int64_t offset);

/* The log is another one from here on: base dir/name, and behind it a file that begins at `offset`. All others go. */
int ws_log_disk_reset(ws_log_disk *, const char *name, int64_t seq, int64_t offset, const ws_log_mark *mark);

/* Let go of the oldest history that nobody has pinned, in the background: more than that many bytes, or older than
 * that; 0: no such limit, both 0: all. */
void ws_log_disk_trim(ws_log_disk *, int64_t keep_bytes, int64_t keep_ms);

/* It ends: if it has had no base until now, none of it is left. */
void ws_log_disk_drop_hidden(ws_log_disk *);

#endif
