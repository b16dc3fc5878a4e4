/* log_read: see log_read.h. */
#include "log_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "check.h"
#include "files.h"

typedef struct {
    char *path;
    int64_t start, end;     /* of what it has of the stream */
    int64_t preamble;
    int64_t damaged_at;     /* position in the file, or -1 */
} place;

/* With list_lock: the stream is there from here on, as far as one knows. */
static int64_t kept_from(const ws_log_disk *d) { return d->dropped_to > d->lost_to ? d->dropped_to : d->lost_to; }

/* With list_lock: the file of commands that begins last of those that begin at `offset` or before, or NULL; *end is
 * where the next one begins, or the last one ends. */
static const ws_log_file *file_at(ws_log_disk *d, int64_t offset, int64_t *end) {
    const ws_log_file *found = NULL;
    *end = atomic_load(&d->end);
    for (size_t i = 0; i < d->files.count; i++) {
        const ws_log_file *file = &d->files.at[i];
        if (!ws_log_is_incr(file)) continue;
        if (file->start > offset) *end = file->start < *end ? file->start : *end;
        else if (found == NULL || file->start >= found->start) found = file;
    }
    return found;
}

/* Where that byte is, its path to be freed. 0, or -1: it is not kept. */
static int find_place(ws_log_disk *d, int64_t offset, place *out) {
    pthread_mutex_lock(&d->list_lock);
    const ws_log_file *file = offset < kept_from(d) ? NULL : file_at(d, offset, &out->end);
    if (file != NULL) {
        const size_t n = strlen(d->dir) + strlen(file->name) + 2;
        out->start = file->start;
        out->preamble = file->preamble;
        out->damaged_at = -1;
        out->path = ws_alloc(n);
        snprintf(out->path, n, "%s/%s", d->dir, file->name);
    }
    pthread_mutex_unlock(&d->list_lock);
    return file != NULL ? 0 : -1;
}

/* A read ends where a block does, so that the next one has that to itself. */
static size_t up_to_block(int64_t position, size_t n) {
    const size_t behind = (size_t)((position + (int64_t)n) % WS_LOG_BLOCK_BYTES);
    return behind < n ? n - behind : n;
}

static int64_t read_place(place *at, int64_t offset, void *to, size_t cap) {
    const int64_t position = at->preamble + offset - at->start, left = at->end - offset;
    const int fd = open(at->path, O_RDONLY | O_CLOEXEC);
    ws_log_known_sums sums;
    if (fd < 0) return -1;
    int64_t got = ws_file_read(fd, to, (int64_t)cap < left ? up_to_block(position, cap) : (size_t)left, position);
    int error = got == 0 ? EIO : errno;
    if (got > 0) {
        ws_log_known_sums_open(&sums, at->path);
        at->damaged_at = ws_log_sums_compare(&sums, at->preamble + at->end - at->start, position, to, (size_t)got, fd);
        ws_log_known_sums_close(&sums);
        if (at->damaged_at >= 0) {
            got = -1;
            error = ERANGE;
        }
    }
    close(fd);
    errno = error;
    return got > 0 ? got : -1;
}

/* Whoever asks for that offset again, or for an earlier one, is told that it is not kept. */
static void note_lost(ws_log_disk *d, const place *at) {
    pthread_mutex_lock(&d->list_lock);
    if (at->end > d->lost_to) d->lost_to = at->end;
    if (at->damaged_at >= 0) {
        const size_t n = strlen(at->path) + 1;
        ws_free(d->damaged);
        d->damaged = memcpy(ws_alloc(n), at->path, n);
        d->damaged_at = at->damaged_at;
    }
    pthread_mutex_unlock(&d->list_lock);
}

int ws_log_disk_damage(ws_log_disk *d, char *text, size_t cap) {
    pthread_mutex_lock(&d->list_lock);
    const int found = d->damaged != NULL;
    if (found) snprintf(text, cap, "%s at offset %lld", d->damaged, (long long)d->damaged_at);
    ws_free(d->damaged);
    d->damaged = NULL;
    pthread_mutex_unlock(&d->list_lock);
    return found;
}

int64_t ws_log_disk_read(ws_log_disk *d, int64_t offset, void *to, size_t cap) {
    place at;
    WS_ASSERT(cap > 0);
    if (offset >= atomic_load(&d->end)) return 0;
    if (find_place(d, offset, &at) != 0) {
        errno = ERANGE;
        return -1;
    }
    const int64_t got = at.end > offset ? read_place(&at, offset, to, cap) : 0;
    const int error = errno;
    if (got < 0 && (error == ENOENT || error == EIO || at.damaged_at >= 0)) note_lost(d, &at);
    ws_free(at.path);
    errno = error == ENOENT ? ERANGE : error;
    return got;
}

/* The one that ends where `start` is, or NULL. */
static const ws_log_file *file_in_front(const ws_log_disk *d, int64_t start) {
    for (size_t i = 0; i < d->files.count; i++) {
        const ws_log_file *file = &d->files.at[i];
        if (ws_log_is_incr(file) && file->start < start && ws_log_file_end(file) == start) return file;
    }
    return NULL;
}

int64_t ws_log_disk_first(ws_log_disk *d) {
    pthread_mutex_lock(&d->list_lock);
    int64_t first = d->start;
    for (const ws_log_file *file; (file = file_in_front(d, first)) != NULL;) first = file->start;
    if (first < kept_from(d)) first = kept_from(d);
    pthread_mutex_unlock(&d->list_lock);
    return first;
}

/* -- pins ---------------------------------------------------------------------------------------------------------- */

int ws_log_disk_pin(ws_log_disk *d, int64_t offset) {
    int64_t end;
    pthread_mutex_lock(&d->list_lock);
    const int kept = offset >= kept_from(d) && file_at(d, offset, &end) != NULL;
    if (kept) {
        if (d->pin_count == d->pin_cap) {
            d->pin_cap = 2 * d->pin_cap + 4;
            d->pins = ws_realloc(d->pins, d->pin_cap * sizeof *d->pins);
        }
        d->pins[d->pin_count++] = offset;
    }
    pthread_mutex_unlock(&d->list_lock);
    return kept ? 0 : -1;
}

void ws_log_disk_unpin(ws_log_disk *d, int64_t offset) {
    size_t i = 0;
    pthread_mutex_lock(&d->list_lock);
    while (i < d->pin_count && d->pins[i] != offset) i++;
    WS_ASSERT(i < d->pin_count);
    d->pins[i] = d->pins[--d->pin_count];
    pthread_mutex_unlock(&d->list_lock);
}

int64_t ws_log_disk_pinned(ws_log_disk *d) {
    int64_t lowest = INT64_MAX;
    for (size_t i = 0; i < d->pin_count; i++)
        if (d->pins[i] < lowest) lowest = d->pins[i];
    return lowest;
}
