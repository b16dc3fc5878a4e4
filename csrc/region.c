/* region: see region.h.  Memory is reserved with MAP_NORESERVE and returned with MADV_DONTNEED. */
#include "region.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "alloc.h"
#include "check.h"

#define WS_REGION_RESERVE_PAGES 32  /* free pages kept with their memory: 2 MB */
#define WS_REGION_MIN_BYTES ((size_t)64 << 20)

int ws_region_init(ws_region *r, size_t max_bytes) {
    size_t bytes = max_bytes;
    for (; bytes >= WS_REGION_MIN_BYTES; bytes /= 2) {
        void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED) continue;
        *r = (ws_region){.base = p, .page_limit = bytes >> WS_PAGE_BITS, .frontier = 1};
        return 0;
    }
    return -1;
}

void ws_region_destroy(ws_region *r) {
    if (r->base) WS_UNPOISON(r->base, (size_t)r->frontier << WS_PAGE_BITS);
    if (r->base) munmap(r->base, r->page_limit << WS_PAGE_BITS);
    ws_free(r->free_pages);
    *r = (ws_region){0};
}

uint32_t ws_region_take(ws_region *r) {
    if (r->free_count > 0) {
        uint32_t page = r->free_pages[--r->free_count];
        if (r->released > r->free_count) r->released = r->free_count;
        return page;
    }
    if (r->frontier >= r->page_limit) {
        fprintf(stderr, "wstore: the %zu MB reserved for one table are used up\n", r->page_limit >> 4);
        abort();
    }
    return r->frontier++;
}

void ws_region_give(ws_region *r, uint32_t page) {
    WS_ASSERT(page > 0 && page < r->frontier);
    WS_ASSERT(r->free_count < r->frontier);
    if (r->free_count == r->free_cap) {
        r->free_cap = r->free_cap ? r->free_cap * 2 : 64;
        r->free_pages = ws_realloc(r->free_pages, r->free_cap * sizeof(uint32_t));
    }
    r->free_pages[r->free_count++] = page;
    WS_UNPOISON(ws_region_page(r, page), WS_PAGE_SIZE);
    while (r->free_count - r->released > WS_REGION_RESERVE_PAGES) {
        uint32_t oldest = r->free_pages[r->released++];
        madvise(ws_region_page(r, oldest), WS_PAGE_SIZE, MADV_DONTNEED);
    }
}
