/* blocks: see blocks.h.
 *
 *   page:  | header 64 B | block 0 | block 1 | ...      a free block begins with the address of the next one
 */
#include "blocks.h"

#include "check.h"

typedef struct page_header {
    void *free;             /* chain of freed blocks */
    uint32_t fresh;         /* blocks at or above this were never used */
    uint32_t used;
    uint32_t prev, next;    /* pages with free blocks */
    char pad[40];
} page_header;

WS_STATIC_ASSERT(sizeof(page_header) == 64, "blocks stay aligned");

void ws_blocks_init(ws_blocks *b, ws_region *region, size_t size) {
    WS_ASSERT(size % 64 == 0 && size > 0);
    *b = (ws_blocks){.region = region, .size = size, .capacity = (uint32_t)((WS_PAGE_SIZE - 64) / size)};
}

static page_header *header_of(const ws_blocks *b, uint32_t page) {
    return (page_header *)ws_region_page(b->region, page);
}

static void list_push(ws_blocks *b, uint32_t page) {
    page_header *h = header_of(b, page);
    h->prev = 0;
    h->next = b->partial;
    if (h->next) header_of(b, h->next)->prev = page;
    b->partial = page;
}

static void list_remove(ws_blocks *b, uint32_t page) {
    page_header *h = header_of(b, page);
    if (h->prev) header_of(b, h->prev)->next = h->next;
    else b->partial = h->next;
    if (h->next) header_of(b, h->next)->prev = h->prev;
}

void *ws_blocks_alloc(ws_blocks *b) {
    if (!b->partial) {
        uint32_t page = ws_region_take(b->region);
        *header_of(b, page) = (page_header){0};
        list_push(b, page);
    }
    uint32_t page = b->partial;
    page_header *h = header_of(b, page);
    WS_ASSERT(h->used < b->capacity);
    void *block = h->free;
    if (block) h->free = *(void **)block;
    else block = (char *)h + 64 + (size_t)h->fresh++ * b->size;
    WS_UNPOISON(block, b->size);
    h->used++;
    b->used++;
    if (h->used == b->capacity) list_remove(b, page);
    return block;
}

void ws_blocks_free(ws_blocks *b, void *block) {
    uint32_t page = (uint32_t)(((char *)block - b->region->base) >> WS_PAGE_BITS);
    page_header *h = header_of(b, page);
    WS_ASSERT(h->used > 0 && page < b->region->frontier);
    if (h->used == b->capacity) list_push(b, page);
    *(void **)block = h->free;
    h->free = block;
    WS_POISON((char *)block + sizeof(void *), b->size - sizeof(void *));
    h->used--;
    b->used--;
    if (h->used == 0) {
        list_remove(b, page);
        ws_region_give(b->region, page);
    }
}
