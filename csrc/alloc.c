/* malloc with a byte count that ends the process when memory is out: see alloc.h. */
#include "alloc.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "faults.h"

static _Atomic size_t used_bytes;

__attribute__((noreturn, cold)) static void out_of_memory(size_t size_bytes) {
    fprintf(stderr, "wstore: out of memory: %zu bytes wanted, %zu in use\n", size_bytes, ws_alloc_used());
    abort();
}

static inline void *count(void *p, size_t size_bytes) {
    const int armed = atomic_load_explicit(&ws_fault_alloc_armed, memory_order_relaxed);
    if (p == NULL || (__builtin_expect(armed, 0) && ws_fault_fails(WS_FAULT_ALLOC))) out_of_memory(size_bytes);
    atomic_fetch_add_explicit(&used_bytes, malloc_usable_size(p), memory_order_relaxed);
    return p;
}

static inline void uncount(void *p) {
    if (p != NULL) atomic_fetch_sub_explicit(&used_bytes, malloc_usable_size(p), memory_order_relaxed);
}

void *ws_alloc(size_t size_bytes) {
    return count(malloc(size_bytes ? size_bytes : 1), size_bytes);
}

void *ws_alloc_zeroed(size_t size_bytes) {
    return count(calloc(1, size_bytes ? size_bytes : 1), size_bytes);
}

void *ws_realloc(void *p, size_t size_bytes) {
    uncount(p);
    return count(realloc(p, size_bytes ? size_bytes : 1), size_bytes);
}

void ws_free(void *p) {
    uncount(p);
    free(p);
}

size_t ws_alloc_used(void) {
    return atomic_load_explicit(&used_bytes, memory_order_relaxed);
}
