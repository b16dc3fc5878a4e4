/* arena: cells of fine size classes, referred to by 40-bit references.
 *
 *   reference < 2^39    offset in the region:  page = ref >> 16, place in the page = ref & 0xffff
 *   reference >= 2^39   ref - 2^39 is an index into `large`: records over WS_ARENA_CELL_MAX, from malloc
 *
 * A page holds cells of one size class: steps of 2 bytes up to 256, of 1/16 beyond.  Free cells of a page are
 * chained inside the page by 16-bit cell numbers; cells at or above `fresh` were never used, so that memory is
 * only touched as it fills.  Each class keeps its partly used pages in eight lists by how full they are and
 * allocates from the fullest: sparse pages run empty by themselves or are cheap to evacuate.
 *
 * Evacuation: when more than a tenth of a class's cells are free, ws_arena_sparse() names its emptiest page; the
 * owner of the references moves the cells that ws_arena_live() lists, one by one, with alloc and free.
 *
 * Invariants: reference 0 is never given out; a page is in the list of its bin, or is full, current or being
 * evacuated; live cells of a class = sum of `used` over its pages.
 */
#ifndef WS_ARENA_H
#define WS_ARENA_H
#include <stddef.h>
#include <stdint.h>
#include "region.h"

#define WS_ARENA_FINE_MAX 256
#define WS_ARENA_CELL_MAX 16384
#define WS_ARENA_CLASSES (127 + 16 * 6)
#define WS_ARENA_BINS 8
#define WS_ARENA_LARGE ((uint64_t)1 << 39)
#define WS_ARENA_NONE 0xffffu

typedef struct ws_page {
    uint8_t cls;
    uint8_t bin;        /* list it is in, or one of WS_PAGE_* in arena.c */
    uint16_t used;      /* live cells */
    uint16_t free;      /* first free cell, or WS_ARENA_NONE */
    uint16_t fresh;     /* cells at or above this were never used */
    uint32_t prev, next;
} ws_page;

typedef struct ws_class {
    uint32_t current;               /* page that is allocated from, 0: none */
    uint32_t bins[WS_ARENA_BINS];   /* heads of the lists, by eighths of fullness */
    uint16_t capacity;              /* cells a page */
    uint16_t size;                  /* bytes a cell */
    uint8_t bin_mask;               /* bit b: bins[b] is not empty */
    uint64_t pages;
    uint64_t live;
} ws_class;

typedef struct ws_arena {
    ws_region region;
    ws_page *pages;                 /* by page number */
    size_t page_cap;
    ws_class classes[WS_ARENA_CLASSES];
    uint32_t evacuating;            /* page under evacuation, 0: none */
    int sparse_class;               /* a class that has too many free cells, or -1 */
    void **large;                   /* large[i]: a record, or the index of the next free place, tagged */
    size_t large_count, large_cap;
    size_t large_free;              /* first free place + 1, 0: none */
    size_t large_bytes;
} ws_arena;

int ws_arena_init(ws_arena *a, size_t max_bytes);   /* 0, or -1: no addresses to be had */
void ws_arena_destroy(ws_arena *a);
uint64_t ws_arena_alloc(ws_arena *a, size_t size);
void ws_arena_free(ws_arena *a, uint64_t ref);
size_t ws_arena_cell_size(const ws_arena *a, uint64_t ref);
size_t ws_arena_bytes(const ws_arena *a);           /* memory behind all pages and large records */
size_t ws_arena_live_bytes(const ws_arena *a);      /* of the pages: in cells that are in use */

/* Name a page that should be evacuated, or 0.  While it is, nothing is allocated from it; it is given back by
 * the ws_arena_free of its last cell.  Returns the same page until then. */
uint32_t ws_arena_sparse(ws_arena *a);
size_t ws_arena_live(const ws_arena *a, uint32_t page, uint64_t *refs, size_t max);
int ws_arena_validate(const ws_arena *a);           /* walks everything: 1 if all invariants hold */

static inline int ws_arena_class_of(size_t size) {
    if (size <= WS_ARENA_FINE_MAX) return size <= 4 ? 0 : (int)((size + 1) / 2) - 2;
    int log = 63 - __builtin_clzll(size - 1);        /* 2^log < size <= 2^(log+1) */
    return 127 + (log - 8) * 16 + (int)(((size - 1) >> (log - 4)) & 15);
}
static inline void *ws_arena_at(const ws_arena *a, uint64_t ref) {
    if (__builtin_expect(ref >= WS_ARENA_LARGE, 0)) return a->large[ref - WS_ARENA_LARGE];
    return a->region.base + ref;
}
/* Does a record of `size` bytes fit the cell of `ref` exactly as well as a new one would? */
static inline int ws_arena_same_cell(const ws_arena *a, uint64_t ref, size_t size) {
    if (ref >= WS_ARENA_LARGE || size > WS_ARENA_CELL_MAX) return 0;
    return a->pages[ref >> WS_PAGE_BITS].cls == ws_arena_class_of(size);
}
#endif
