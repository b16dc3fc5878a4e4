/* log_sums: see log_sums.h. */
#include "log_sums.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "check.h"
#include "crc64.h"
#include "files.h"

enum { BLOCK = WS_LOG_BLOCK_BYTES, WORD = 8, REST_BYTES = 1 << 13, CHECK_BYTES = 1 << 18 };

static const uint64_t SEED = UINT64_MAX;

static int64_t place_of(int64_t block) { return WORD * (block + 1); }

int64_t ws_log_sums_size(int64_t size_bytes) { return place_of(size_bytes / BLOCK); }

/* That many bytes, or -1. */
static int read_all(int fd, void *to, size_t n, int64_t position) {
    return ws_file_read(fd, to, n, position) == (int64_t)n ? 0 : -1;
}

/* Continue a CRC over bytes of a file. 0, or -1: they are not there. */
static int sum_file(int fd, int64_t from, int64_t to, uint64_t *crc) {
    char piece[REST_BYTES];
    for (size_t n; from < to; from += (int64_t)n) {
        n = to - from < REST_BYTES ? (size_t)(to - from) : REST_BYTES;
        if (read_all(fd, piece, n, from) != 0) return -1;
        *crc = ws_crc64(*crc, piece, n);
    }
    return 0;
}

/* The first word of a file of sums; 0: nothing is there. */
static int64_t read_closed(int fd) {
    uint64_t word;
    return read_all(fd, &word, WORD, 0) == 0 ? (int64_t)le64toh(word) : 0;
}

/* -- of the file that is written to -------------------------------------------------------------------------------- */

void ws_log_sums_end(ws_log_sums *s) {
    if (s->fd >= 0) close(s->fd);
    ws_free(s->waiting);
    *s = (ws_log_sums){.fd = -1};
}

static int write_words(ws_log_sums *s, int64_t place, const uint64_t *words, size_t n) {
    size_t written;
    if (lseek(s->fd, place, SEEK_SET) >= 0 && ws_file_write(s->fd, words, n * WORD, &written) == 0) return 0;
    ws_log_sums_end(s);
    return -1;
}

/* Have the file of sums be one of a file of that size, to which more comes; blocks that it tells nothing of get 0 once
 * more is written behind them. What tells that the file is closed goes last: until then the sum of a block that was not
 * full does not count. */
static int reopen(ws_log_sums *s, int64_t size_bytes) {
    static const uint64_t open = 0;
    const int64_t closed = read_closed(s->fd);
    int64_t keep = ws_log_sums_size(closed > 0 && closed < size_bytes ? closed : size_bytes);
    struct stat st;
    if (fstat(s->fd, &st) != 0) return -1;
    if (st.st_size < keep) keep = st.st_size - st.st_size % WORD;
    if (st.st_size > keep && ws_file_truncate(s->fd, keep) != 0) return -1;
    return closed == 0 ? 0 : write_words(s, 0, &open, 1);
}

void ws_log_sums_begin(ws_log_sums *s, int sums_fd, int fd, int64_t size_bytes) {
    *s = (ws_log_sums){.fd = sums_fd, .at = size_bytes, .crc = SEED, .written = size_bytes / BLOCK};
    if (sums_fd < 0) return;
    if (reopen(s, size_bytes) != 0 || sum_file(fd, size_bytes - size_bytes % BLOCK, size_bytes, &s->crc) != 0)
        ws_log_sums_end(s);
}

static void push(ws_log_sums *s) {
    if (s->count == s->cap) {
        s->cap = 2 * s->cap + 8;
        s->waiting = ws_realloc(s->waiting, s->cap * sizeof *s->waiting);
    }
    s->waiting[s->count++] = htole64(s->crc);
    s->crc = SEED;
}

void ws_log_sums_add(ws_log_sums *s, int64_t position, const void *data, size_t n) {
    if (s->fd < 0) return;
    WS_ASSERT(position <= s->at);
    const char *end = (const char *)data + n;
    for (const char *p = (const char *)data + (s->at - position); p < end;) {
        const int64_t room = BLOCK - s->at % BLOCK;
        const size_t taken = end - p < room ? (size_t)(end - p) : (size_t)room;
        s->crc = ws_crc64(s->crc, p, taken);
        s->at += (int64_t)taken;
        p += taken;
        if (s->at % BLOCK == 0) push(s);
    }
}

void ws_log_sums_put(ws_log_sums *s, int64_t position) {
    const int64_t ready = position / BLOCK - s->written;
    if (s->fd < 0 || s->count == 0 || ready <= 0) return;
    const size_t n = (size_t)ready < s->count ? (size_t)ready : s->count;
    if (write_words(s, place_of(s->written), s->waiting, n) != 0) return;
    s->written += (int64_t)n;
    s->count -= n;
    memmove(s->waiting, s->waiting + n, s->count * sizeof *s->waiting);
}

void ws_log_sums_close(ws_log_sums *s) {
    const uint64_t closed = htole64((uint64_t)s->at), last = htole64(s->crc);
    ws_log_sums_put(s, s->at);
    if (s->fd >= 0 && write_words(s, 0, &closed, 1) == 0 && s->at % BLOCK != 0)
        write_words(s, place_of(s->written), &last, 1);
    ws_log_sums_end(s);
}

/* -- of a file that is read ---------------------------------------------------------------------------------------- */

void ws_log_known_sums_open(ws_log_known_sums *k, const char *path) {
    const size_t n = strlen(path) + sizeof WS_LOG_SUMS_SUFFIX;
    char *name = ws_alloc(n);
    snprintf(name, n, "%s%s", path, WS_LOG_SUMS_SUFFIX);
    k->fd = open(name, O_RDONLY | O_CLOEXEC);
    k->closed_bytes = k->fd >= 0 ? read_closed(k->fd) : 0;
    ws_free(name);
}

void ws_log_known_sums_close(ws_log_known_sums *k) {
    if (k->fd >= 0) close(k->fd);
    k->fd = -1;
}

/* The sum of a block of a file of that size, 0: it has none. */
static uint64_t known(const ws_log_known_sums *k, int64_t block, int64_t size_bytes) {
    const int is_full = (block + 1) * BLOCK <= size_bytes, was_full = (block + 1) * BLOCK <= k->closed_bytes;
    uint64_t word;
    if (k->closed_bytes == 0 ? !is_full : k->closed_bytes != size_bytes && !(is_full && was_full)) return 0;
    return read_all(k->fd, &word, WORD, place_of(block)) == 0 ? le64toh(word) : 0;
}

/* Whether the block that `begins` there has the sum that is known of it; arguments as of ws_log_sums_compare. */
static int is_well(const ws_log_known_sums *k, int64_t size_bytes, int64_t begins, int64_t position, const char *data,
                   int64_t end, int fd) {
    const int64_t ends = begins + BLOCK < size_bytes ? begins + BLOCK : size_bytes;
    const int64_t from = begins > position ? begins : position, to = ends < end ? ends : end;
    const uint64_t wanted = known(k, begins / BLOCK, size_bytes);
    uint64_t crc = SEED;
    if (wanted == 0) return 1;
    if (sum_file(fd, begins, from, &crc) != 0) return 0;
    crc = ws_crc64(crc, data + (from - position), (size_t)(to - from));
    return sum_file(fd, to, ends, &crc) == 0 && crc == wanted;
}

int64_t ws_log_sums_compare(const ws_log_known_sums *k, int64_t size_bytes, int64_t position, const void *data,
                            size_t n, int fd) {
    const int64_t end = position + (int64_t)n;
    if (k->fd < 0) return -1;
    for (int64_t begins = position - position % BLOCK; begins < end; begins += BLOCK)
        if (!is_well(k, size_bytes, begins, position, data, end, fd)) return begins;
    return -1;
}

/* ws_log_sums_check of an open file. */
static int64_t check_all(const ws_log_known_sums *k, int fd, int64_t until) {
    struct stat st;
    int64_t found = -1;
    if (fstat(fd, &st) != 0) return -2;
    char *piece = ws_alloc(CHECK_BYTES);
    for (int64_t at = 0, n; at < st.st_size && at < until && found == -1; at += n) {
        n = st.st_size - at < CHECK_BYTES ? st.st_size - at : CHECK_BYTES;
        if (until - at < n) n = until - at;
        if (read_all(fd, piece, (size_t)n, at) != 0) found = -2;
        else found = ws_log_sums_compare(k, st.st_size, at, piece, (size_t)n, fd);
    }
    const int error = errno;
    ws_free(piece);
    errno = error;
    return found;
}

int64_t ws_log_sums_check(const char *path, int64_t until) {
    ws_log_known_sums known_sums;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -2;
    ws_log_known_sums_open(&known_sums, path);
    const int64_t found = known_sums.fd < 0 ? -1 : check_all(&known_sums, fd, until);
    const int error = errno;
    ws_log_known_sums_close(&known_sums);
    close(fd);
    errno = error;
    return found;
}
