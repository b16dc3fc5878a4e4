/* region: a reserved range of addresses, handed out in pages of 64 KB.
 *
 * The range is reserved once and is only backed by memory where it is written, so an address inside it is a
 * base and a small offset for ever: that is what makes 5-byte references possible.  Freed pages go on a stack
 * and are reused first; beyond a small reserve their memory is given back to the system at once.
 *
 * Invariants: page 0 is never handed out (offset 0 means "none"); a page on the free stack holds nothing;
 * pages at or above `frontier` were never used.
 */
#ifndef WS_REGION_H
#define WS_REGION_H
#include <stddef.h>
#include <stdint.h>

#define WS_PAGE_BITS 16
#define WS_PAGE_SIZE ((size_t)1 << WS_PAGE_BITS)

typedef struct ws_region {
    char *base;
    size_t page_limit;      /* pages reserved */
    uint32_t frontier;      /* first page never used */
    uint32_t *free_pages;   /* stack */
    uint32_t free_count;
    uint32_t free_cap;
    uint32_t released;      /* the lowest `released` pages of the stack have no memory behind them */
} ws_region;

/* Reserve up to max_bytes, less where the system refuses that much.  0, or -1: nothing can be reserved. */
int ws_region_init(ws_region *r, size_t max_bytes);
void ws_region_destroy(ws_region *r);
uint32_t ws_region_take(ws_region *r);      /* page number; aborts when the range is used up */
void ws_region_give(ws_region *r, uint32_t page);

static inline size_t ws_region_bytes(const ws_region *r) {
    return ((size_t)r->frontier - 1 - r->released) * WS_PAGE_SIZE;
}
static inline char *ws_region_page(const ws_region *r, uint32_t page) {
    return r->base + ((size_t)page << WS_PAGE_BITS);
}
#endif
