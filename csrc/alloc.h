/* The allocator of everything outside the arena: malloc, counted, never failing.
 *
 * When there is no memory the process ends with a line on stderr: a data plane half way through a change has nothing
 * better to do, and maxmemory is what keeps it from getting there.
 *
 * Invariant: ws_alloc_used() is the sum of malloc_usable_size over all that is allocated here and not freed. The
 * counter is relaxed: exact once threads are at rest.
 */
#ifndef WS_ALLOC_H
#define WS_ALLOC_H

#include <stddef.h>

void *ws_alloc(size_t size_bytes) __attribute__((malloc, returns_nonnull));
void *ws_alloc_zeroed(size_t size_bytes) __attribute__((malloc, returns_nonnull));
void *ws_realloc(void *p, size_t size_bytes) __attribute__((returns_nonnull));     /* p may be NULL */
void ws_free(void *p);                                                              /* p may be NULL */

/* Bytes in use, with malloc's rounding but not its headers. */
size_t ws_alloc_used(void);

#endif
