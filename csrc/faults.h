/* faults: numbered calls that tests let fail, of disk work (files.h) and of the allocator (alloc.h).
 *
 * Calls are counted by kind. Once a fault is armed, some calls of its kind fail instead of doing their work (a failing
 * write does half of it), as a full or broken disk, or a machine without memory, would have them. */
#ifndef WS_FAULTS_H
#define WS_FAULTS_H

#include <stdatomic.h>
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
    WS_FAULT_ALLOC,             /* counted only while it is armed, as allocations are many */
    WS_FAULTS
};

extern const char *const ws_fault_names[WS_FAULTS];
int ws_fault_kind(const char *name, size_t n);      /* in any case; -1: there is no such kind */

/* Let the calls number after .. after + times - 1 of that kind from now on (0: the next one) fail with `error`; times 0
 * disarms. */
void ws_fault_arm(int kind, int64_t after, int64_t times, int error);
int64_t ws_fault_calls(int kind);       /* calls of that kind so far */

int ws_fault_fails(int kind);           /* counts a call; 1, with errno set: it is to fail */

extern _Atomic int ws_fault_alloc_armed;

#endif
