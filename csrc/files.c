/* files: see files.h. Faults are process-wide and atomic, as several threads write. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static struct {
    _Atomic int64_t calls, first, end;      /* calls first .. end - 1 fail */
    _Atomic int error;
} faults[WS_FAULTS];

void ws_fault_arm(int kind, int64_t after, int64_t times, int error) {
    atomic_store(&faults[kind].end, 0);
    atomic_store(&faults[kind].error, error);
    atomic_store(&faults[kind].first, atomic_load(&faults[kind].calls) + after);
    if (times > 0) atomic_store(&faults[kind].end, atomic_load(&faults[kind].first) + times);
}

int64_t ws_fault_calls(int kind) {
    return atomic_load(&faults[kind].calls);
}

/* Counts a call; 1, with errno set: it is to fail. */
static int fails(int kind) {
    const int64_t call = atomic_fetch_add(&faults[kind].calls, 1);
    if (call >= atomic_load(&faults[kind].end) || call < atomic_load(&faults[kind].first)) return 0;
    errno = atomic_load(&faults[kind].error);
    return 1;
}

int ws_file_open(const char *path, int flags, int mode) {
    return fails(WS_FAULT_OPEN) ? -1 : open(path, flags | O_CLOEXEC, mode);
}

static int write_all(int fd, const char *p, size_t n, size_t *written) {
    *written = 0;
    while (*written < n) {
        const ssize_t done = write(fd, p + *written, n - *written);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return -1;
        *written += (size_t)done;
    }
    return 0;
}

int ws_file_write(int fd, const void *data, size_t n, size_t *written) {
    if (!fails(WS_FAULT_WRITE)) return write_all(fd, data, n, written);
    const int error = errno;
    write_all(fd, data, n / 2, written);
    errno = error;
    return -1;
}

int ws_file_sync(int fd) {
    return fails(WS_FAULT_SYNC) ? -1 : fdatasync(fd);
}

int ws_file_rename(const char *from, const char *to) {
    return fails(WS_FAULT_RENAME) ? -1 : rename(from, to);
}

int ws_file_truncate(int fd, int64_t size_bytes) {
    return fails(WS_FAULT_TRUNCATE) ? -1 : ftruncate(fd, size_bytes);
}

int ws_file_link(const char *from, const char *to) {
    return fails(WS_FAULT_LINK) ? -1 : link(from, to);
}

int ws_file_unlink(const char *path) {
    return fails(WS_FAULT_UNLINK) ? -1 : unlink(path);
}

int ws_dir_sync(const char *path) {
    if (fails(WS_FAULT_DIR_SYNC)) return -1;
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -1;
    const int failed = fsync(fd);
    const int error = errno;
    close(fd);
    errno = error;
    return failed;
}
