/* powercut: what a disk would hold if the power went now. A library to preload (LD_PRELOAD) into a server.
 *
 * A strict disk: of a file only the bytes survive that were there at its last fsync or fdatasync, and of a directory
 * the names that were in it at the directory's last fsync. Nothing else does, not even a name that was renamed.
 * The survivors of all below POWERCUT_ROOT are kept in POWERCUT_SHADOW, on the same file system:
 *
 *   data/INODE     a file's bytes as they were last synced
 *   names/INODE    a directory's entries as they were last synced: "INODE f|d NAME\n", the whole replaced by a rename
 *   keep/INODE     a link to each file that lost a name: its inode number is not given to another file
 *
 * With POWERCUT_AT=N the process kills itself at its N-th call of those that are looked at here, before it is carried
 * out; the calls are counted in the file calls of the shadow, one byte each.
 *
 * Files may grow, be cut, or be written anew under another name; bytes that are there already are taken for unchanged,
 * as for logs and snapshots they are. The real sync is left out: the machine does not crash, only the process is
 * killed, and a copy that was begun and not finished stands for a sync that was. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK_BYTES = 1 << 16, PLACE_BYTES = PATH_MAX + 64 };

/* Whether a descriptor is that of a file or directory below POWERCUT_ROOT, and its path. */
static int is_watched(int fd, char *path) {
    const char *root = getenv("POWERCUT_ROOT");
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(link, path, PATH_MAX - 1);
    if (root == NULL || n < 0) return 0;
    path[n] = 0;
    const size_t length = strlen(root);
    return strncmp(path, root, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static void place(char *out, const char *folder, unsigned long long inode, const char *suffix) {
    snprintf(out, PLACE_BYTES, "%s/%s/%llu%s", getenv("POWERCUT_SHADOW"), folder, inode, suffix);
}

/* One more call that changes the disk: the last one that there is to be? */
static void count(void) {
    const char *at = getenv("POWERCUT_AT"), *shadow = getenv("POWERCUT_SHADOW");
    char path[PLACE_BYTES];
    struct stat st;
    const int error = errno;
    snprintf(path, sizeof path, "%s/calls", shadow != NULL ? shadow : "");
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, ".", 1) != 1 || fstat(fd, &st) < 0) abort();
    close(fd);
    if (at != NULL && st.st_size >= atoll(at)) raise(SIGKILL);
    errno = error;
}

/* Bring the copy of a file up to its present bytes. */
static int keep_data(int fd, const struct stat *st) {
    char path[PLACE_BYTES], source[64];
    static __thread char chunk[CHUNK_BYTES];
    place(path, "data", st->st_ino, "");
    snprintf(source, sizeof source, "/proc/self/fd/%d", fd);
    const int from = open(source, O_RDONLY | O_CLOEXEC), to = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct stat had;
    int failed = from < 0 || to < 0 || fstat(to, &had) < 0;
    off_t at = failed ? 0 : had.st_size;
    if (!failed && at > st->st_size) failed = ftruncate(to, st->st_size);
    while (!failed && at < st->st_size) {
        const off_t left = st->st_size - at;
        const ssize_t n = pread(from, chunk, left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES, at);
        if (n <= 0) break;
        failed = pwrite(to, chunk, (size_t)n, at) != n;
        at += n;
    }
    if (from >= 0) close(from);
    if (to >= 0) close(to);
    return failed ? -1 : 0;
}

static int (*next_rename(void))(const char *, const char *) {
    return (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
}

/* Note the names that a directory has now. */
static int keep_names(const char *folder, const struct stat *st) {
    char path[PLACE_BYTES], unfinished[PLACE_BYTES], suffix[32];
    snprintf(suffix, sizeof suffix, ".%d.tmp", (int)gettid());
    place(path, "names", st->st_ino, "");
    place(unfinished, "names", st->st_ino, suffix);
    DIR *names = opendir(folder);
    FILE *out = fopen(unfinished, "we");
    if (names == NULL || out == NULL) abort();
    for (struct dirent *entry; (entry = readdir(names)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            fprintf(out, "%llu %c %s\n", (unsigned long long)entry->d_ino, entry->d_type == DT_DIR ? 'd' : 'f',
                    entry->d_name);
    closedir(names);
    if (fclose(out) != 0) abort();
    return next_rename()(unfinished, path);
}

static int synced(int fd) {
    char path[PATH_MAX];
    struct stat st;
    if (fstat(fd, &st) < 0) return -1;
    if (!is_watched(fd, path)) return 0;
    count();
    return S_ISDIR(st.st_mode) ? keep_names(path, &st) : keep_data(fd, &st);
}

/* A name is about to go: the file stays, so that its number does. */
static void keep_file(int folder, const char *name) {
    char path[PLACE_BYTES], resolved[PATH_MAX];
    struct stat st;
    const int error = errno, fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    count();
    if (fd >= 0) {
        if (is_watched(fd, resolved) && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
            place(path, "keep", st.st_ino, "");
            linkat(folder, name, AT_FDCWD, path, 0);
        }
        close(fd);
    }
    errno = error;
}

int fsync(int fd) {
    return synced(fd);
}

int fdatasync(int fd) {
    return synced(fd);
}

int rename(const char *from, const char *to) {
    keep_file(AT_FDCWD, to);
    return next_rename()(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    keep_file(to_folder, to);
    int (*next)(int, const char *, int, const char *) =
        (int (*)(int, const char *, int, const char *))dlsym(RTLD_NEXT, "renameat");
    return next(from_folder, from, to_folder, to);
}

int unlink(const char *path) {
    keep_file(AT_FDCWD, path);
    int (*next)(const char *) = (int (*)(const char *))dlsym(RTLD_NEXT, "unlink");
    return next(path);
}

int unlinkat(int folder, const char *name, int flags) {
    keep_file(folder, name);
    int (*next)(int, const char *, int) = (int (*)(int, const char *, int))dlsym(RTLD_NEXT, "unlinkat");
    return next(folder, name, flags);
}
