/* files: see files.h. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "faults.h"

int ws_file_open(const char *path, int flags, int mode) {
    return ws_fault_fails(WS_FAULT_OPEN) ? -1 : open(path, flags | O_CLOEXEC, mode);
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
    if (!ws_fault_fails(WS_FAULT_WRITE)) return write_all(fd, data, n, written);
    const int error = errno;
    write_all(fd, data, n / 2, written);
    errno = error;
    return -1;
}

int64_t ws_file_read(int fd, void *to, size_t n, int64_t position) {
    size_t done = 0;
    while (done < n) {
        const ssize_t got = pread(fd, (char *)to + done, n - done, position + (int64_t)done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) break;
        done += (size_t)got;
    }
    return (int64_t)done;
}

int ws_file_sync(int fd) {
    return ws_fault_fails(WS_FAULT_SYNC) ? -1 : fdatasync(fd);
}

int ws_file_rename(const char *from, const char *to) {
    return ws_fault_fails(WS_FAULT_RENAME) ? -1 : rename(from, to);
}

int ws_file_truncate(int fd, int64_t size_bytes) {
    return ws_fault_fails(WS_FAULT_TRUNCATE) ? -1 : ftruncate(fd, size_bytes);
}

int ws_file_link(const char *from, const char *to) {
    return ws_fault_fails(WS_FAULT_LINK) ? -1 : link(from, to);
}

int ws_file_unlink(const char *path) {
    return ws_fault_fails(WS_FAULT_UNLINK) ? -1 : unlink(path);
}

int ws_dir_sync(const char *path) {
    if (ws_fault_fails(WS_FAULT_DIR_SYNC)) return -1;
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -1;
    const int failed = fsync(fd);
    const int error = errno;
    close(fd);
    errno = error;
    return failed;
}
