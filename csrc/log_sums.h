/* log_sums: checksums of a file of the log, in a file beside it: they show damage that leaves the commands readable.
 *
 *     NAME.seq.incr.aof           | block 0 | block 1 | block 2 | ...         of WS_LOG_BLOCK_BYTES, by position
 *     NAME.seq.incr.aof.sums      | closed | sum 0 | sum 1 | sum 2 | ...      64 bits each, little-endian
 *
 * closed: the length of the file once no more comes to it; then its last block has a sum too, though it is not full.
 * Before that 0. sum: the CRC64 (crc64.h) of the block, begun with all bits set; 0: not known, as are those that are
 * not there.
 *
 * Invariants
 * * A sum is written once its block and the unit that it ends in are synced. One that differs is damage: no torn end
 *   has any, so that who cuts that off and writes there, as Redis does, makes none wrong.
 * * Nothing needs them: they are not synced, and a file whose sums cannot be written gets no more of them. */
#ifndef WS_LOG_SUMS_H
#define WS_LOG_SUMS_H

#include <stddef.h>
#include <stdint.h>

enum { WS_LOG_BLOCK_BYTES = 1 << 16 };
#define WS_LOG_SUMS_SUFFIX ".sums"
#define WS_LOG_BAD_BLOCK "the block of 64 KiB that begins there is not as it was written: its checksum does not match"

/* -- of the file that is written to -------------------------------------------------------------------------------- */

typedef struct {
    int fd;                 /* of the file of sums, -1: there are no more */
    int64_t at;             /* of the file; what is in front of it is summed up */
    uint64_t crc;           /* of the block at hand, up to there */
    int64_t written;        /* sums that are in their file */
    uint64_t *waiting;      /* those behind them */
    size_t count, cap;
} ws_log_sums;

/* Go on behind what there is, of a file of that size and descriptor. sums_fd, -1: none, is taken over. */
void ws_log_sums_begin(ws_log_sums *, int sums_fd, int fd, int64_t size_bytes);
void ws_log_sums_end(ws_log_sums *);        /* let go of it, as it is */

void ws_log_sums_add(ws_log_sums *, int64_t position, const void *data, size_t n);  /* written, or written again */
void ws_log_sums_put(ws_log_sums *, int64_t position);      /* units up to there are synced */
void ws_log_sums_close(ws_log_sums *);      /* no more comes to the file, which is synced; ws_log_sums_end */

/* -- of a file that is read ---------------------------------------------------------------------------------------- */

typedef struct {
    int fd;                 /* of the file of sums, -1: there is none */
    int64_t closed_bytes;
} ws_log_known_sums;

void ws_log_known_sums_open(ws_log_known_sums *, const char *path);         /* of the file of the log */
void ws_log_known_sums_close(ws_log_known_sums *);

/* Compare n bytes of a file of that size, from `position` on: of a block that goes on in front of them or behind them
 * the rest is read from fd. -1, or where the first block begins that differs, or cannot be read. */
int64_t ws_log_sums_compare(const ws_log_known_sums *, int64_t size_bytes, int64_t position, const void *data, size_t n,
                            int fd);

/* Compare all blocks that begin in front of `until`. -1: they are well, as far as one knows; where the first one begins
 * that is not; -2: the file cannot be read, with errno. */
int64_t ws_log_sums_check(const char *path, int64_t until);

int64_t ws_log_sums_size(int64_t size_bytes);   /* of their file, if the one beside it is not closed */

#endif
