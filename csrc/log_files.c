/* log_files: see log_files.h. */
#include "log_files.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "files.h"

static const char INCR_SUFFIX[] = ".incr.aof";

static char *copy_text(const char *text) {
    const size_t n = strlen(text) + 1;
    return memcpy(ws_alloc(n), text, n);
}

void ws_log_files_add(ws_log_files *files, ws_log_file file) {
    if (files->count == files->cap) {
        files->cap = files->cap * 2 + 8;
        files->at = ws_realloc(files->at, files->cap * sizeof *files->at);
    }
    file.name = copy_text(file.name);
    files->at[files->count++] = file;
}

void ws_log_files_remove(ws_log_files *files, size_t i) {
    ws_free(files->at[i].name);
    files->count--;
    memmove(files->at + i, files->at + i + 1, (files->count - i) * sizeof *files->at);
}

void ws_log_files_copy(ws_log_files *to, const ws_log_files *files) {
    *to = (ws_log_files){NULL, 0, 0};
    for (size_t i = 0; i < files->count; i++) ws_log_files_add(to, files->at[i]);
}

void ws_log_files_clear(ws_log_files *files) {
    for (size_t i = 0; i < files->count; i++) ws_free(files->at[i].name);
    ws_free(files->at);
    *files = (ws_log_files){NULL, 0, 0};
}

int ws_log_is_incr(const ws_log_file *file) {
    const size_t n = strlen(file->name), suffix = sizeof INCR_SUFFIX - 1;
    if (file->type != WS_LOG_HISTORY) return file->type == WS_LOG_INCR;
    return n > suffix && strcmp(file->name + n - suffix, INCR_SUFFIX) == 0;
}

int64_t ws_log_file_end(const ws_log_file *file) {
    return ws_log_is_incr(file) ? file->start + file->size_bytes - file->preamble : file->start;
}

void ws_log_label_copy(char *to, const char *label) {
    snprintf(to, WS_LOG_LABEL_BYTES, "%s", label);
}

void ws_log_label_id(char *to, const char *label) {
    snprintf(to, WS_LOG_LABEL_BYTES, "%.*s", WS_LOG_ID_CHARS, label);
}

/* -- text ---------------------------------------------------------------------------------------------------------- */

enum { TEXT_MIN = 1024 };

typedef struct {
    char *data;
    size_t len, cap;
} text;

static void put(text *t, const char *p, size_t n) {
    if (t->len + n > t->cap) {
        t->cap = 2 * t->cap + n;
        t->data = ws_realloc(t->data, t->cap);
    }
    memcpy(t->data + t->len, p, n);
    t->len += n;
}

static int is_plain(const char *name) {
    for (; *name != 0; name++)
        if (*name == '"' || *name == '\\' || *name == '\'' || !isgraph((unsigned char)*name)) return 0;
    return 1;
}

/* A name as a word: bare, or in double quotes if blanks or the like are in it. */
static void put_word(text *t, const char *name) {
    static const char plain[] = "\n\r\t\a\b", letters[] = "nrtab";
    char escaped[8];
    if (is_plain(name)) {
        put(t, name, strlen(name));
        return;
    }
    put(t, "\"", 1);
    for (; *name != 0; name++) {
        const char *known = strchr(plain, *name);
        int n = 1;
        if (*name == '"' || *name == '\\') n = snprintf(escaped, sizeof escaped, "\\%c", *name);
        else if (known != NULL) n = snprintf(escaped, sizeof escaped, "\\%c", letters[known - plain]);
        else if (!isprint((unsigned char)*name)) n = snprintf(escaped, 8, "\\x%02x", (unsigned char)*name);
        else escaped[0] = *name;
        put(t, escaped, (size_t)n);
    }
    put(t, "\"", 1);
}

static void put_lines(text *t, const ws_log_files *files, char type) {
    char rest[160 + WS_LOG_LABEL_BYTES];
    for (size_t i = 0; i < files->count; i++) {
        const ws_log_file *f = &files->at[i];
        if (f->type != type) continue;
        put(t, "file ", 5);
        put_word(t, f->name);
        int n = snprintf(rest, sizeof rest, " seq %lld type %c startoffset %lld", (long long)f->seq, type,
                         (long long)f->start);
        if (f->label[0] != 0) n += snprintf(rest + n, sizeof rest - (size_t)n, " replid %s", f->label);
        if (f->preamble > 0)
            n += snprintf(rest + n, sizeof rest - (size_t)n, " preamble %lld", (long long)f->preamble);
        put(t, rest, (size_t)n);
        put(t, "\n", 1);
    }
}

char *ws_log_manifest(const ws_log_files *files, size_t *len) {
    text t = {ws_alloc(TEXT_MIN), 0, TEXT_MIN};
    put_lines(&t, files, WS_LOG_BASE);
    put_lines(&t, files, WS_LOG_HISTORY);
    put_lines(&t, files, WS_LOG_INCR);
    *len = t.len;
    return t.data;
}

/* -- replacing ----------------------------------------------------------------------------------------------------- */

static int write_new(const char *path, const void *data, size_t len) {
    size_t written;
    const int fd = ws_file_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0) return -1;
    const int failed = ws_file_write(fd, data, len, &written) != 0 || ws_file_sync(fd) != 0;
    const int error = errno;
    close(fd);
    errno = error;
    return failed ? -1 : 0;
}

int ws_file_replace(const char *dir, const char *name, const void *data, size_t len) {
    const size_t n = strlen(dir) + strlen(name) + 16;
    char *path = ws_alloc(2 * n), *temp = path + n;
    snprintf(path, n, "%s/%s", dir, name);
    snprintf(temp, n, "%s/temp-%s", dir, name);
    int failed = write_new(temp, data, len) != 0 || ws_file_rename(temp, path) != 0;
    const int error = errno;
    if (failed) unlink(temp);
    errno = error;
    failed = failed || ws_dir_sync(dir) != 0;
    ws_free(path);
    return failed ? -1 : 0;
}
