/* map: see map.h.  The file lies on top of a reservation that is longer by a page and more, whose rest reads as zeros.
 */
#include "map.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

#define WS_MAP_PAGE ((size_t)4096)
#define WS_MAP_DROP_STEP ((size_t)8 << 20)

static size_t reserved_bytes(const ws_map *m) { return (m->size + WS_MAP_SLACK + 2 * WS_MAP_PAGE) & ~(WS_MAP_PAGE - 1); }

static int map_fd(ws_map *m, int fd) {
    struct stat st;
    if (fstat(fd, &st) != 0) return -1;
    if (!S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        return -1;
    }
    *m = (ws_map){.size = (size_t)st.st_size};
    void *base = mmap(NULL, reserved_bytes(m), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) return -1;
    m->data = base;
    if (m->size > 0 && mmap(base, m->size, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED) {
        const int error = errno;
        ws_map_close(m);
        errno = error;
        return -1;
    }
    madvise(base, m->size, MADV_SEQUENTIAL);
    return 0;
}

int ws_map_open(ws_map *m, const char *path) {
    *m = (ws_map){0};
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    const int result = map_fd(m, fd);
    const int error = errno;
    close(fd);
    errno = error;
    return result;
}

void ws_map_drop(ws_map *m, size_t upto) {
    WS_ASSERT(upto <= m->size);
    upto &= ~(WS_MAP_PAGE - 1);
    if (upto < m->dropped + WS_MAP_DROP_STEP) return;
    madvise((char *)m->data + m->dropped, upto - m->dropped, MADV_DONTNEED);
    m->dropped = upto;
}

void ws_map_close(ws_map *m) {
    if (m->data) munmap((void *)m->data, reserved_bytes(m));
    *m = (ws_map){0};
}
