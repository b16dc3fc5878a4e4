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
#include "ticks.h"

enum { LINE_BYTES = 35, REDO_BYTES = 1 << 18, SELECT_BYTES_MAX = 64 };

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
    d->fd = d->times_fd = d->sums.fd = -1;
    pthread_mutex_init(&d->list_lock, NULL);
    return d;
}

static void close_files(ws_log_disk *d) {
    if (d->fd >= 0) close(d->fd);
    if (d->times_fd >= 0) close(d->times_fd);
    ws_log_sums_end(&d->sums);
    d->fd = d->times_fd = -1;
}

void ws_log_disk_free(ws_log_disk *d) {
    ws_background_wait(&d->unlinking);
    close_files(d);
    ws_log_files_clear(&d->files);
    ws_log_files_clear(&d->replaced);
    ws_free(d->pins);
    ws_free(d->damaged);
    pthread_mutex_destroy(&d->list_lock);
    ws_free(d->dir);
    ws_free(d->name);
    ws_free(d);
}

/* -- the list ------------------------------------------------------------------------------------------------------ */

char *ws_log_disk_path(const ws_log_disk *d, const char *name) { return join(d->dir, "/", name); }

static int open_in(const ws_log_disk *d, const char *name, const char *suffix, int flags) {
    char *file = join(name, "", suffix), *path = ws_log_disk_path(d, file);
    const int fd = ws_file_open(path, flags, 0644);
    const int error = errno;
    ws_free(file);
    ws_free(path);
    errno = error;
    return fd;
}

int ws_log_disk_stat(const ws_log_disk *d, ws_log_file *file) {
    struct stat st;
    char *path = ws_log_disk_path(d, file->name);
    const int failed = stat(path, &st);
    ws_free(path);
    if (failed) return -1;
    file->size_bytes = st.st_size;
    file->changed_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    return 0;
}

void ws_log_disk_count(ws_log_disk *d) {
    int64_t closed = 0;
    for (size_t i = 0; i < d->files.count; i++)
        if (d->files.at[i].type != WS_LOG_HISTORY) closed += d->files.at[i].size_bytes;
    if (d->fd >= 0) closed -= d->files.at[d->files.count - 1].size_bytes;
    atomic_store(&d->closed_bytes, closed);
}

int ws_log_disk_add(ws_log_disk *d, const ws_log_file *listed) {
    ws_log_file file = *listed;
    const int is_history = file.type == WS_LOG_HISTORY;
    if (ws_log_disk_stat(d, &file) != 0 && !is_history) return -1;
    if (file.size_bytes < file.preamble && !is_history) {
        errno = EINVAL;
        return -1;
    }
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

int ws_log_disk_replace(ws_log_disk *d, ws_log_files *list, int hidden) {
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

/* -- hidden -------------------------------------------------------------------------------------------------------- */

static char *hidden_mark(const ws_log_disk *d) { return join("temp-", d->name, ".hidden"); }

/* Say it on disk; half of the mark does no harm, as no file has anything in it before it is whole. */
static int mark_hidden(const ws_log_disk *d, int64_t seq) {
    char text[32], *name = hidden_mark(d);
    const int n = snprintf(text, sizeof text, "%lld\n", (long long)seq);
    const int fd = open_in(d, name, "", O_WRONLY | O_CREAT | O_TRUNC);
    size_t written;
    const int failed = fd < 0 || ws_file_write(fd, text, (size_t)n, &written) != 0 || ws_file_sync(fd) != 0;
    const int error = errno;
    if (fd >= 0) close(fd);
    ws_free(name);
    errno = error;
    return failed ? -1 : ws_dir_sync(d->dir);
}

void ws_log_disk_unmark_hidden(ws_log_disk *d) {
    char *name = hidden_mark(d), *path = ws_log_disk_path(d, name);
    ws_file_unlink(path);
    ws_free(name);
    ws_free(path);
}

/* -- the last file ------------------------------------------------------------------------------------------------- */

static int64_t position_of(const ws_log_disk *d, int64_t offset) { return d->preamble + offset - d->start; }

void ws_log_disk_use(ws_log_disk *d, int fd, const ws_log_file *file, int64_t end) {
    const int is_new = end == file->start, flags = O_CREAT | (is_new ? O_TRUNC : 0);
    ws_log_sums_close(&d->sums);
    close_files(d);
    d->fd = fd;
    d->start = file->start;
    d->preamble = file->preamble;
    if (file->label[0] != 0) ws_log_label_id(d->label, file->label);
    atomic_store(&d->end, end);
    d->times_fd = open_in(d, file->name, WS_LOG_TIMES_SUFFIX, O_WRONLY | O_APPEND | flags);
    d->times_torn = !is_new;
    ws_log_sums_begin(&d->sums, open_in(d, file->name, WS_LOG_SUMS_SUFFIX, O_RDWR | flags), fd, position_of(d, end));
    ws_log_disk_count(d);
    ws_log_disk_stamp(d, ws_unix_ms(), end);
}

/* Have the file begin with a SELECT; what was written stays whatever becomes of the first bytes behind it. */
static int write_preamble(int fd, ws_log_file *file, int db) {
    char digits[16], text[SELECT_BYTES_MAX];
    size_t written;
    file->preamble = file->size_bytes = 0;
    if (db <= 0) return 0;
    const int n = snprintf(digits, sizeof digits, "%d", db);
    const int len = snprintf(text, sizeof text, "*2\r\n$6\r\nSELECT\r\n$%d\r\n%s\r\n", n, digits);
    file->preamble = file->size_bytes = len;
    return ws_file_write(fd, text, (size_t)len, &written) != 0 || ws_file_sync(fd) != 0 ? -1 : 0;
}

int ws_log_disk_create(ws_log_disk *d, ws_log_file *file, int db) {
    const int fd = open_in(d, file->name, "", O_RDWR | O_CREAT | O_TRUNC);
    file->changed_ms = ws_unix_ms();
    if (fd < 0 || write_preamble(fd, file, db) == 0) return fd;
    const int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* The list with a new last file. */
static void list_with(ws_log_disk *d, ws_log_files *list, const ws_log_file *file) {
    ws_log_files_copy(list, &d->files);
    if (d->fd >= 0) {
        ws_log_file *last = &list->at[list->count - 1];
        last->size_bytes = last->preamble + file->start - last->start;
        last->changed_ms = file->changed_ms;
    }
    ws_log_files_add(list, *file);
}

static int begin_file(ws_log_disk *d, int64_t start, const ws_log_mark *mark, int hidden) {
    ws_log_file file = {.type = WS_LOG_INCR, .seq = ws_log_disk_next_seq(d, 1), .start = start};
    ws_log_files list;
    char suffix[48];
    snprintf(suffix, sizeof suffix, "%lld.incr.aof", (long long)file.seq);
    char *name = file.name = join(d->name, ".", suffix);
    ws_log_label_copy(file.label, mark->label[0] != 0 ? mark->label : d->label);
    const int fd = ws_log_disk_create(d, &file, mark->db);
    int failed = fd < 0;
    if (!failed) {
        list_with(d, &list, &file);
        failed = ws_log_disk_replace(d, &list, hidden);
        if (failed) close(fd);
    }
    const int error = errno;
    if (!failed) ws_log_disk_use(d, fd, &file, start);
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
    if (lseek(fd, last->size_bytes, SEEK_SET) < 0 || ws_log_disk_replace(d, &list, 0) != 0) {
        const int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    last = &d->files.at[d->files.count - 1];
    ws_log_disk_use(d, fd, last, ws_log_file_end(last));
    return 0;
}

/* The last file, in which nothing is yet, begins under other ids. */
static int change_label(ws_log_disk *d, const char *label) {
    ws_log_files list;
    if (label[0] == 0) return 0;
    ws_log_files_copy(&list, &d->files);
    ws_log_label_copy(list.at[list.count - 1].label, label);
    if (ws_log_disk_replace(d, &list, d->hidden) != 0) return -1;
    ws_log_label_id(d->label, label);
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
    char *path = ws_log_disk_path(d, "..");
    const int failed = ws_dir_sync(path);
    ws_free(path);
    return failed;
}

/* Go on with the last file, or behind it if the stream goes on under another id. */
static int go_on(ws_log_disk *d, const ws_log_mark *mark) {
    if (continue_file(d) != 0) return -1;
    if (mark->label[0] == 0 || strncmp(mark->label, d->label, WS_LOG_ID_CHARS) == 0) return 0;
    return ws_file_sync(d->fd) != 0 ? -1 : ws_log_disk_roll(d, mark);
}

static int open_hidden(ws_log_disk *d, int64_t start, const ws_log_mark *mark) {
    d->hidden = 1;
    d->last_seq = highest_seq(d);
    d->replaced = d->files;
    d->files = (ws_log_files){NULL, 0, 0};
    return mark_hidden(d, d->last_seq + 1) != 0 ? -1 : begin_file(d, start, mark, 1);
}

int ws_log_disk_open(ws_log_disk *d, int64_t start, int hidden, const ws_log_mark *mark) {
    const size_t n = d->files.count;
    if (sync_parent(d) != 0) return -1;
    if (hidden) return open_hidden(d, start, mark);
    const int failed = n > 0 && d->files.at[n - 1].type == WS_LOG_INCR ? go_on(d, mark) : begin_file(d, start, mark, 0);
    for (size_t i = 0; i < d->files.count; i++)
        if (d->files.at[i].type == WS_LOG_BASE) atomic_store(&d->base_bytes, d->files.at[i].size_bytes);
    return failed;
}

/* A file without a byte of the stream will do, unless it lacks the preamble: the stream was thought to begin with a
 * SELECT, and does not. */
int ws_log_disk_roll(ws_log_disk *d, const ws_log_mark *mark) {
    const int64_t end = atomic_load(&d->end);
    const int will_do = end == d->start && (mark->db <= 0 || d->preamble > 0);
    return will_do ? change_label(d, mark->label) : begin_file(d, end, mark, d->hidden);
}

int ws_log_disk_write(ws_log_disk *d, const void *data, size_t len) {
    const int64_t end = atomic_load(&d->end);
    size_t written = 0;
    if (lseek(d->fd, position_of(d, end), SEEK_SET) < 0) return -1;
    const int failed = ws_file_write(d->fd, data, len, &written);
    ws_log_sums_add(&d->sums, position_of(d, end), data, written);
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
        const int64_t n = ws_file_read(d->fd, block, wanted, position_of(d, at));
        if (n == 0) errno = EIO;
        failed = n <= 0 || lseek(d->fd, position_of(d, at), SEEK_SET) < 0
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

void ws_log_disk_sum_up(ws_log_disk *d, int64_t offset) {
    if (d->fd >= 0) ws_log_sums_put(&d->sums, position_of(d, offset));
}
