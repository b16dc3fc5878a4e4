/* files: writing to disk as the snapshot, the log and the manifest do it; tests let the calls fail (faults.h).
 *
 * All functions but ws_file_read return 0 (or a descriptor), or -1 with errno. */
#ifndef WS_FILES_H
#define WS_FILES_H

#include <stddef.h>
#include <stdint.h>

int ws_file_open(const char *path, int flags, int mode);        /* O_CLOEXEC is added */
int ws_file_write(int fd, const void *data, size_t n, size_t *written);     /* all n; else *written tells how many */
/* Up to n bytes from a position on: how many there were, less only where the file ends; or -1. Never let fail. */
int64_t ws_file_read(int fd, void *to, size_t n, int64_t position);
int ws_file_sync(int fd);               /* fdatasync: data, and the length needed to read it */
int ws_file_rename(const char *from, const char *to);
int ws_file_truncate(int fd, int64_t size_bytes);
int ws_file_link(const char *from, const char *to);
int ws_file_unlink(const char *path);
int ws_dir_sync(const char *path);      /* a directory: names created, renamed and removed in it */

#endif
