/* blocks: equal blocks of one size (a multiple of 64 bytes, aligned to 64) out of region pages.
 *
 * A page of 64 KB begins with one 64-byte header; pages with free blocks form a list.  Invariants: a page is in
 * the list exactly if it has a free block; a page without a used block is given back to the region.
 */
#ifndef WS_BLOCKS_H
#define WS_BLOCKS_H
#include <stddef.h>
#include <stdint.h>
#include "region.h"

typedef struct ws_blocks {
    ws_region *region;
    size_t size;            /* bytes a block */
    uint32_t capacity;      /* blocks a page */
    uint32_t partial;       /* first page that has a free block, 0: none */
    uint64_t used;          /* blocks handed out */
} ws_blocks;

void ws_blocks_init(ws_blocks *b, ws_region *region, size_t size);
void *ws_blocks_alloc(ws_blocks *b);        /* not zeroed; never NULL */
void ws_blocks_free(ws_blocks *b, void *block);
#endif
