/* faults: see faults.h. Process-wide and atomic, as several threads write and allocate. */
#include "faults.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

const char *const ws_fault_names[WS_FAULTS] = {
    [WS_FAULT_OPEN] = "open",         [WS_FAULT_WRITE] = "write",       [WS_FAULT_SYNC] = "sync",
    [WS_FAULT_RENAME] = "rename",     [WS_FAULT_DIR_SYNC] = "dir_sync", [WS_FAULT_TRUNCATE] = "truncate",
    [WS_FAULT_LINK] = "link",         [WS_FAULT_UNLINK] = "unlink",     [WS_FAULT_ALLOC] = "alloc",
};

_Atomic int ws_fault_alloc_armed;

static struct {
    _Atomic int64_t calls, first, end;      /* calls first .. end - 1 fail */
    _Atomic int error;
} faults[WS_FAULTS];

int ws_fault_kind(const char *name, size_t n) {
    int kind = WS_FAULTS;
    while (--kind >= 0 && (strlen(ws_fault_names[kind]) != n || strncasecmp(ws_fault_names[kind], name, n) != 0)) {}
    return kind;
}

void ws_fault_arm(int kind, int64_t after, int64_t times, int error) {
    atomic_store(&faults[kind].end, 0);
    atomic_store(&faults[kind].error, error);
    atomic_store(&faults[kind].first, atomic_load(&faults[kind].calls) + after);
    if (times > 0) atomic_store(&faults[kind].end, atomic_load(&faults[kind].first) + times);
    if (kind == WS_FAULT_ALLOC) atomic_store(&ws_fault_alloc_armed, times > 0);
}

int64_t ws_fault_calls(int kind) {
    return atomic_load(&faults[kind].calls);
}

int ws_fault_fails(int kind) {
    const int64_t call = atomic_fetch_add(&faults[kind].calls, 1);
    if (call >= atomic_load(&faults[kind].end) || call < atomic_load(&faults[kind].first)) return 0;
    errno = atomic_load(&faults[kind].error);
    return 1;
}
