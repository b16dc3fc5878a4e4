/* log_disk: see log_disk.h. */
#include "log_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "background.h"
#include "check.h"
#include "files.h"
#include "log_read.h"
#include "ticks.h"

enum { LINE_BYTES = 35, REDO_BYTES = 1 << 18 };

static char *join(const char *a, const char *between, const char *b) {
    const size_t n = strlen(a) + strlen(between) + strlen(b) + 1;
    char *out = ws_alloc(n);
    snprintf(out, n, "%s%s%s", a, between, b);
    return out;
}

ws_log_disk *ws_log_disk_new(const char *dir, const char *name) {
    ws_log_disk *d = ws_alloc_zeroed(sizeof *d);
    d->dir = join(dir, "", "");
    d->name = join(name, "", "");
    d->fd = d->times_fd = -1;
    pthread_mutex_init(&d->list_lock, NULL);
    return d;
}

static void close_files(ws_log_disk *d) {
    if (d->fd >= 0) close(d->fd);
    if (d->times_fd >= 0) close(d->times_fd);
    d->fd = d->times_fd = -1;
}

void ws_log_disk_free(ws_log_disk *d) {
    ws_background_wait(&d->unlinking);
    close_files(d);
    ws_log_files_clear(&d->files);
    ws_free(d->pins);
    pthread_mutex_destroy(&d->list_lock);
    ws_free(d->dir);
    ws_free(d->name);
    ws_free(d);
}

/* -- the list ------------------------------------------------------------------------------------------------------ */

static int stat_file(const ws_log_disk *d, ws_log_file *file) {
    struct stat st;
    char *path = join(d->dir, "/", file->name);
    const int failed = stat(path, &st);
    ws_free(path);
    if (failed) return -1;
    file->size_bytes = st.st_size;
    file->changed_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    return 0;
}

static void count_bytes(ws_log_disk *d) {
    int64_t closed = 0;
    for (size_t i = 0; i < d->files.count; i++)
        if (d->files.at[i].type != WS_LOG_HISTORY) closed += d->files.at[i].size_bytes;
    if (d->fd >= 0) closed -= d->files.at[d->files.count - 1].size_bytes;
    atomic_store(&d->closed_bytes, closed);
}

int ws_log_disk_add(ws_log_disk *d, const char *name, char type, int64_t seq, int64_t start) {
    ws_log_file file = {.name = (char *)name, .type = type, .seq = seq, .start = start};
    if (stat_file(d, &file) != 0 && type != WS_LOG_HISTORY) return -1;
    ws_log_files_add(&d->files, file);
    return 0;
}

int64_t ws_log_disk_next_seq(ws_log_disk *d, int is_incr) {
    int64_t last = d->last_seq;
    pthread_mutex_lock(&d->list_lock);
    for (size_t i = 0; i < d->files.count; i++) {
        const ws_log_file *file = &d->files.at[i];
        if (ws_log_is_incr(file) == is_incr && file->seq > last) last = file->seq;
    }
    pthread_mutex_unlock(&d->list_lock);
    return last + 1;
}

/* Have the manifest say `list` and take it over; or, with -1, nothing of that: it is freed. */
static int replace_list(ws_log_disk *d, ws_log_files *list, int hidden) {
    int failed = 0;
    if (!hidden) {
        size_t len;
        char *text = ws_log_manifest(list, &len), *name = join(d->name, ".", "manifest");
        failed = ws_file_replace(d->dir, name, text, len);
        const int error = errno;
        ws_free(text);
        ws_free(name);
        errno = error;
    }
    if (!failed) {
        pthread_mutex_lock(&d->list_lock);
        const ws_log_files before = d->files;
        d->files = *list;
        *list = before;
        pthread_mutex_unlock(&d->list_lock);
    }
    const int error = errno;
    ws_log_files_clear(list);
    errno = error;
    return failed ? -1 : 0;
}

/* -- the last file ------------------------------------------------------------------------------------------------- */

static int open_in(const ws_log_disk *d, const char *name, const char *suffix, int flags) {
    char *file = join(name, "", suffix), *path = join(d->dir, "/", file);
    const int fd = ws_file_open(path, flags, 0644);
    const int error = errno;
    ws_free(file);
    ws_free(path);
    errno = error;
    return fd;
}

static void use_file(ws_log_disk *d, int fd, const char *name, int64_t start, int64_t end) {
    close_files(d);
    d->fd = fd;
    d->start = start;
    atomic_store(&d->end, end);
    d->times_fd = open_in(d, name, ".times", O_WRONLY | O_CREAT | O_APPEND | (end == start ? O_TRUNC : 0));
    d->times_torn = end > start;
    count_bytes(d);
    ws_log_disk_stamp(d, ws_unix_ms(), end);
}

static int begin_file(ws_log_disk *d, int64_t start, int hidden) {
    ws_log_file file = {.type = WS_LOG_INCR, .seq = ws_log_disk_next_seq(d, 1), .start = start};
    ws_log_files list;
    char suffix[48];
    snprintf(suffix, sizeof suffix, "%lld.incr.aof", (long long)file.seq);
    char *name = file.name = join(d->name, ".", suffix);
    const int fd = open_in(d, name, "", O_RDWR | O_CREAT | O_TRUNC);
    int failed = fd < 0;
    file.changed_ms = ws_unix_ms();
    if (!failed) {
        ws_log_files_copy(&list, &d->files);
        if (d->fd >= 0) {
            list.at[list.count - 1].size_bytes = start - d->start;
            list.at[list.count - 1].changed_ms = file.changed_ms;
        }
        ws_log_files_add(&list, file);
        failed = replace_list(d, &list, hidden);
        if (failed) close(fd);
    }
    const int error = errno;
    if (!failed) use_file(d, fd, name, start, start);
    ws_free(name);
    errno = error;
    return failed ? -1 : 0;
}

static int continue_file(ws_log_disk *d) {
    const ws_log_file *last = &d->files.at[d->files.count - 1];
    const int fd = open_in(d, last->name, "", O_RDWR);
    ws_log_files list;
    if (fd < 0) return -1;
    ws_log_files_copy(&list, &d->files);
    if (lseek(fd, last->size_bytes, SEEK_SET) < 0 || replace_list(d, &list, 0) != 0) {
        const int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    last = &d->files.at[d->files.count - 1];
    use_file(d, fd, last->name, last->start, last->start + last->size_bytes);
    return 0;
}

/* The highest number that a file of this log in the folder has, listed or not; 0: there is none. */
static int64_t highest_seq(const ws_log_disk *d) {
    const size_t n = strlen(d->name);
    int64_t last = 0;
    DIR *names = opendir(d->dir);
    if (names == NULL) return 0;
    for (const struct dirent *entry; (entry = readdir(names)) != NULL;) {
        if (strncmp(entry->d_name, d->name, n) != 0 || entry->d_name[n] != '.') continue;
        const int64_t seq = strtoll(entry->d_name + n + 1, NULL, 10);
        if (seq > last) last = seq;
    }
    closedir(names);
    return last;
}

/* Have the folder of the log stay where it is: it may be new. */
static int sync_parent(const ws_log_disk *d) {
    char *path = join(d->dir, "/", "..");
    const int failed = ws_dir_sync(path);
    ws_free(path);
    return failed;
}

int ws_log_disk_open(ws_log_disk *d, int64_t start, int hidden) {
    const size_t n = d->files.count;
    int failed;
    if (sync_parent(d) != 0) return -1;
    d->hidden = hidden;
    d->last_seq = hidden ? highest_seq(d) : 0;      /* of an older log, which is in force until the base is done */
    if (!hidden && n > 0 && d->files.at[n - 1].type == WS_LOG_INCR) failed = continue_file(d);
    else failed = begin_file(d, start, hidden);
    for (size_t i = 0; i < n; i++)
        if (d->files.at[i].type == WS_LOG_BASE) atomic_store(&d->base_bytes, d->files.at[i].size_bytes);
    return failed;
}

int ws_log_disk_roll(ws_log_disk *d) {
    return begin_file(d, atomic_load(&d->end), d->hidden);
}

int ws_log_disk_write(ws_log_disk *d, const void *data, size_t len) {
    const int64_t end = atomic_load(&d->end);
    size_t written = 0;
    if (lseek(d->fd, end - d->start, SEEK_SET) < 0) return -1;
    const int failed = ws_file_write(d->fd, data, len, &written);
    atomic_store(&d->end, end + (int64_t)written);
    return failed;
}

void ws_log_disk_go_back(ws_log_disk *d, int64_t offset) {
    atomic_store(&d->end, offset > d->start ? offset : d->start);
}

int ws_log_disk_redo(ws_log_disk *d, int64_t from, int64_t to) {
    char *block = ws_alloc(REDO_BYTES);
    size_t written;
    int failed = 0;
    for (int64_t at = from > d->start ? from : d->start; at < to && !failed;) {
        const size_t wanted = to - at < REDO_BYTES ? (size_t)(to - at) : REDO_BYTES;
        const ssize_t n = pread(d->fd, block, wanted, at - d->start);
        if (n == 0) errno = EIO;
        failed = n <= 0 || lseek(d->fd, at - d->start, SEEK_SET) < 0
                 || ws_file_write(d->fd, block, (size_t)n, &written) != 0;
        at += n;
    }
    const int error = errno;
    ws_free(block);
    errno = error;
    return failed ? -1 : 0;
}

void ws_log_disk_stamp(ws_log_disk *d, int64_t unix_ms, int64_t offset) {
    char line[LINE_BYTES + 2];
    size_t written;
    if (d->times_fd < 0) return;
    snprintf(line, sizeof line, "\n%013lld %020lld\n", (long long)unix_ms, (long long)offset);
    const int skip = !d->times_torn;    /* a line break in front ends what is torn */
    d->times_torn = ws_file_write(d->times_fd, line + skip, sizeof line - 1 - (size_t)skip, &written) != 0;
}

/* -- bases and history --------------------------------------------------------------------------------------------- */

static int goes_behind(const ws_log_file *a, const ws_log_file *b) {
    return a->start != b->start ? a->start > b->start : ws_log_is_incr(a) > ws_log_is_incr(b);
}

/* By their starts, a base in front of the log behind it; the file that is written to stays the last. */
static void sort_files(ws_log_files *files) {
    for (size_t i = 1; i < files->count; i++) {
        const ws_log_file file = files->at[i];
        size_t to = i;
        for (; to > 0 && goes_behind(&files->at[to - 1], &file); to--) files->at[to] = files->at[to - 1];
        files->at[to] = file;
    }
}

int ws_log_disk_base(ws_log_disk *d, const char *name, int64_t seq, int64_t offset) {
    ws_log_file base = {.name = (char *)name, .type = WS_LOG_BASE, .seq = seq, .start = offset};
    ws_log_files list;
    int begins = 0;
    if (stat_file(d, &base) != 0) return -1;
    ws_log_files_copy(&list, &d->files);
    for (size_t i = 0; i < list.count; i++) {
        ws_log_file *file = &list.at[i];
        if (file->type == WS_LOG_INCR && file->start == offset) begins = 1;
        else if (file->type == WS_LOG_BASE || file->start < offset) file->type = WS_LOG_HISTORY;
    }
    if (!begins) {
        ws_log_files_clear(&list);
        errno = EAGAIN;
        return -1;
    }
    ws_log_files_add(&list, base);
    sort_files(&list);
    if (replace_list(d, &list, 0) != 0) return -1;
    d->hidden = 0;
    count_bytes(d);
    atomic_store(&d->base_bytes, atomic_load(&d->closed_bytes) + atomic_load(&d->end) - d->start);
    return 0;
}

typedef struct {
    char *path, *times;
} unlink_job;

static void run_unlink(void *arg) {
    unlink_job *job = arg;
    ws_file_unlink(job->path);
    ws_file_unlink(job->times);
    ws_free(job->path);
    ws_free(job->times);
    ws_free(job);
}

static void unlink_later(ws_log_disk *d, const char *name) {
    unlink_job *job = ws_alloc(sizeof *job);
    job->path = join(d->dir, "/", name);
    job->times = join(job->path, "", ".times");
    ws_background_run(run_unlink, job, 1, &d->unlinking, NULL);
}

static int64_t history_bytes(const ws_log_files *files) {
    int64_t n = 0;
    for (size_t i = 0; i < files->count; i++)
        if (files->at[i].type == WS_LOG_HISTORY) n += files->at[i].size_bytes;
    return n;
}

/* The oldest of history, or files->count. */
static size_t oldest(const ws_log_files *files) {
    size_t found = files->count;
    for (size_t i = 0; i < files->count; i++) {
        const ws_log_file *file = &files->at[i];
        if (file->type != WS_LOG_HISTORY) continue;
        if (found == files->count || file->start < files->at[found].start) found = i;
    }
    return found;
}

/* Whether the oldest file of history goes, by limits and by its `end` in the stream: what is pinned stays. */
static int has_to_go(const ws_log_files *list, const ws_log_file *file, int64_t keep_bytes, int64_t keep_ms,
                     int64_t pinned) {
    const int too_old = keep_ms > 0 && ws_unix_ms() - file->changed_ms > keep_ms;
    const int too_many = keep_bytes > 0 && history_bytes(list) > keep_bytes;
    if (ws_log_is_incr(file) && file->start + file->size_bytes > pinned) return 0;
    return too_old || too_many || (keep_bytes == 0 && keep_ms == 0);
}

/* Move what goes from `list` to `gone`; returns the offset up to which commands were kept before. */
static int64_t pick_history(ws_log_disk *d, ws_log_files *list, ws_log_files *gone, int64_t keep_bytes,
                            int64_t keep_ms) {
    pthread_mutex_lock(&d->list_lock);
    const int64_t before = d->dropped_to, pinned = ws_log_disk_pinned(d);
    for (size_t i; (i = oldest(list)) < list->count;) {
        const ws_log_file *file = &list->at[i];
        const int64_t end = file->start + file->size_bytes;
        if (!has_to_go(list, file, keep_bytes, keep_ms, pinned)) break;
        if (ws_log_is_incr(file) && end > d->dropped_to) d->dropped_to = end;
        ws_log_files_add(gone, *file);
        ws_log_files_remove(list, i);
    }
    pthread_mutex_unlock(&d->list_lock);
    return before;
}

void ws_log_disk_trim(ws_log_disk *d, int64_t keep_bytes, int64_t keep_ms) {
    ws_log_files list, gone = {NULL, 0, 0};
    if (d->hidden || oldest(&d->files) == d->files.count) return;
    ws_log_files_copy(&list, &d->files);
    const int64_t before = pick_history(d, &list, &gone, keep_bytes, keep_ms);
    if (gone.count == 0) {
        ws_log_files_clear(&list);
    } else if (replace_list(d, &list, 0) == 0) {
        for (size_t i = 0; i < gone.count; i++) unlink_later(d, gone.at[i].name);
    } else {
        pthread_mutex_lock(&d->list_lock);
        d->dropped_to = before;
        pthread_mutex_unlock(&d->list_lock);
    }
    ws_log_files_clear(&gone);
}
