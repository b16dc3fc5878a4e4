/* files: writing to disk as the snapshot, the log and the manifest do it, with numbered places where tests let it fail.
 *
 * All functions return 0 (or a descriptor), or -1 with errno. Each counts how often it was called, by kind; once armed,
 * a fault lets some of the calls of its kind fail instead of doing their work (a failing write does half of it), as a
 * full or broken disk would. */
#ifndef WS_FILES_H
#define WS_FILES_H

#include <stddef.h>
#include <stdint.h>

enum ws_fault {
    WS_FAULT_OPEN,
    WS_FAULT_WRITE,
    WS_FAULT_SYNC,
    WS_FAULT_RENAME,
    WS_FAULT_DIR_SYNC,
    WS_FAULT_TRUNCATE,
    WS_FAULT_LINK,
    WS_FAULT_UNLINK,
    WS_FAULTS
};

/* Let the calls number after .. after + times - 1 of that kind from now on (0: the next one) fail with `error`; times 0
 * disarms. */
void ws_fault_arm(int kind, int64_t after, int64_t times, int error);
int64_t ws_fault_calls(int kind);       /* calls of that kind so far */

int ws_file_open(const char *path, int flags, int mode);        /* O_CLOEXEC is added */
int ws_file_write(int fd, const void *data, size_t n, size_t *written);     /* all n; else *written tells how many */
int ws_file_sync(int fd);               /* fdatasync: data, and the length needed to read it */
int ws_file_rename(const char *from, const char *to);
int ws_file_truncate(int fd, int64_t size_bytes);
int ws_file_link(const char *from, const char *to);
int ws_file_unlink(const char *path);
int ws_dir_sync(const char *path);      /* a directory: names created, renamed and removed in it */

#endif
