/* log_history: see log_history.h. */
#include "log_history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "background.h"
#include "files.h"
#include "log_read.h"
#include "ticks.h"

/* -- files that go ------------------------------------------------------------------------------------------------- */

static char *beside(const char *path, const char *suffix) {
    const size_t n = strlen(path) + strlen(suffix) + 1;
    char *out = ws_alloc(n);
    snprintf(out, n, "%s%s", path, suffix);
    return out;
}

static void unlink_beside(const char *path, const char *suffix) {
    char *name = beside(path, suffix);
    ws_file_unlink(name);
    ws_free(name);
}

static void run_unlink(void *path) {
    ws_file_unlink(path);
    unlink_beside(path, WS_LOG_TIMES_SUFFIX);
    unlink_beside(path, WS_LOG_SUMS_SUFFIX);
    ws_free(path);
}

static void unlink_later(ws_log_disk *d, const char *name) {
    ws_background_run(run_unlink, ws_log_disk_path(d, name), 1, &d->unlinking, NULL);
}

static int is_listed(const ws_log_files *files, const char *name) {
    for (size_t i = 0; i < files->count; i++)
        if (strcmp(files->at[i].name, name) == 0) return 1;
    return 0;
}

/* Let go of the files that are not of the log any more; the list of them is empty then. */
static void let_go(ws_log_disk *d, ws_log_files *files) {
    for (size_t i = 0; i < files->count; i++)
        if (!is_listed(&d->files, files->at[i].name)) unlink_later(d, files->at[i].name);
    ws_log_files_clear(files);
}

/* The manifest names this log from here on. */
static void show(ws_log_disk *d) {
    if (!d->hidden) return;
    d->hidden = 0;
    ws_log_disk_unmark_hidden(d);
    let_go(d, &d->replaced);
}

/* All its files. */
static void let_go_now(ws_log_disk *d) {
    pthread_mutex_lock(&d->list_lock);
    ws_log_files files = d->files;
    d->files = (ws_log_files){NULL, 0, 0};
    pthread_mutex_unlock(&d->list_lock);
    let_go(d, &files);
    ws_background_wait(&d->unlinking);
}

void ws_log_disk_drop_hidden(ws_log_disk *d) {
    if (!d->hidden) return;
    let_go_now(d);
    ws_log_disk_unmark_hidden(d);
}

/* -- bases --------------------------------------------------------------------------------------------------------- */

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
    if (ws_log_disk_stat(d, &base) != 0) return -1;
    ws_log_files_copy(&list, &d->files);
    for (size_t i = 0; i < list.count; i++) {
        ws_log_file *file = &list.at[i];
        if (file->type == WS_LOG_INCR && file->start == offset) {
            begins = 1;
            ws_log_label_id(base.label, file->label);
        } else if (file->type == WS_LOG_BASE || file->start < offset) {
            file->type = WS_LOG_HISTORY;
        }
    }
    if (!begins) {
        ws_log_files_clear(&list);
        errno = EAGAIN;
        return -1;
    }
    ws_log_files_add(&list, base);
    sort_files(&list);
    if (ws_log_disk_replace(d, &list, 0) != 0) return -1;
    show(d);
    ws_log_disk_count(d);
    atomic_store(&d->base_bytes, atomic_load(&d->closed_bytes) + atomic_load(&d->end) - d->start);
    return 0;
}

/* The bytes of a file that somebody else has written, and its name. */
static int sync_file(ws_log_disk *d, const char *name) {
    char *path = ws_log_disk_path(d, name);
    const int fd = ws_file_open(path, O_RDONLY, 0);
    const int failed = fd < 0 || ws_file_sync(fd) != 0;
    const int error = errno;
    if (fd >= 0) close(fd);
    ws_free(path);
    errno = error;
    return failed ? -1 : ws_dir_sync(d->dir);
}

int ws_log_disk_reset(ws_log_disk *d, const char *name, int64_t seq, int64_t offset, const ws_log_mark *mark) {
    ws_log_file base = {.name = (char *)name, .type = WS_LOG_BASE, .seq = seq, .start = offset};
    ws_log_file last = {.type = WS_LOG_INCR, .seq = ws_log_disk_next_seq(d, 1), .start = offset};
    ws_log_files list = {NULL, 0, 0}, before;
    char suffix[48];
    if (sync_file(d, name) != 0 || ws_log_disk_stat(d, &base) != 0) return -1;
    snprintf(suffix, sizeof suffix, ".%lld.incr.aof", (long long)last.seq);
    char *last_name = last.name = beside(d->name, suffix);
    ws_log_label_id(base.label, mark->label);
    ws_log_label_copy(last.label, mark->label);
    const int fd = ws_log_disk_create(d, &last, mark->db);
    int failed = fd < 0;
    if (!failed) {
        ws_log_files_add(&list, base);
        ws_log_files_add(&list, last);
        ws_log_files_copy(&before, &d->files);
        failed = ws_log_disk_replace(d, &list, 0);
        if (failed) close(fd);
        else ws_log_disk_use(d, fd, &last, offset);
        if (!failed) let_go(d, &before);
        else ws_log_files_clear(&before);
    }
    const int error = errno;
    ws_free(last_name);
    if (!failed) {
        pthread_mutex_lock(&d->list_lock);
        d->dropped_to = offset;
        d->lost_to = 0;
        pthread_mutex_unlock(&d->list_lock);
        atomic_store(&d->base_bytes, base.size_bytes);
        show(d);
    }
    errno = error;
    return failed ? -1 : 0;
}

/* -- history ------------------------------------------------------------------------------------------------------- */

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
    if (ws_log_is_incr(file) && ws_log_file_end(file) > pinned) return 0;
    return too_old || too_many || (keep_bytes == 0 && keep_ms == 0);
}

/* Move what goes from `list` to `gone`; returns the offset up to which commands were kept before. */
static int64_t pick_history(ws_log_disk *d, ws_log_files *list, ws_log_files *gone, int64_t keep_bytes,
                            int64_t keep_ms) {
    pthread_mutex_lock(&d->list_lock);
    const int64_t before = d->dropped_to, pinned = ws_log_disk_pinned(d);
    for (size_t i; (i = oldest(list)) < list->count;) {
        const ws_log_file *file = &list->at[i];
        const int64_t end = ws_log_file_end(file);
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
    } else if (ws_log_disk_replace(d, &list, 0) == 0) {
        for (size_t i = 0; i < gone.count; i++) unlink_later(d, gone.at[i].name);
    } else {
        pthread_mutex_lock(&d->list_lock);
        d->dropped_to = before;
        pthread_mutex_unlock(&d->list_lock);
    }
    ws_log_files_clear(&gone);
}
