/* arena: see arena.h for the layout and the invariants. */
#include "arena.h"

#include <string.h>

#include "alloc.h"
#include "check.h"

enum { WS_PAGE_FULL = 100, WS_PAGE_CURRENT = 101, WS_PAGE_EVACUATING = 102, WS_PAGE_UNUSED = 103 };

static size_t class_size(int cls) {
    if (cls < 127) return (size_t)(cls + 2) * 2;
    int log = 8 + (cls - 127) / 16, step = (cls - 127) % 16;
    return ((size_t)1 << log) + ((size_t)(step + 1) << (log - 4));
}

int ws_arena_init(ws_arena *a, size_t max_bytes) {
    memset(a, 0, sizeof(*a));
    if (ws_region_init(&a->region, max_bytes) != 0) return -1;
    for (int i = 0; i < WS_ARENA_CLASSES; i++) {
        a->classes[i].size = (uint16_t)class_size(i);
        a->classes[i].capacity = (uint16_t)(WS_PAGE_SIZE / class_size(i));
    }
    a->sparse_class = -1;
    return 0;
}

/* A large record has 16 bytes in front of it, so that it stays aligned: its size stands there. */
static size_t *large_header(void *record) {
    return (size_t *)record - 2;
}

void ws_arena_destroy(ws_arena *a) {
    for (size_t i = 0; i < a->large_count; i++)
        if (!((uintptr_t)a->large[i] & 1)) ws_free(large_header(a->large[i]));
    ws_free(a->large);
    ws_free(a->pages);
    ws_region_destroy(&a->region);
}

/* -- lists of partly used pages ---------------------------------------------------------------------------- */

static void list_push(ws_arena *a, ws_class *c, uint32_t page, int bin) {
    ws_page *p = &a->pages[page];
    p->bin = (uint8_t)bin;
    p->prev = 0;
    p->next = c->bins[bin];
    if (p->next) a->pages[p->next].prev = page;
    c->bins[bin] = page;
    c->bin_mask |= (uint8_t)(1u << bin);
}

static void list_remove(ws_arena *a, ws_class *c, uint32_t page) {
    ws_page *p = &a->pages[page];
    if (p->prev) a->pages[p->prev].next = p->next;
    else c->bins[p->bin] = p->next;
    if (p->next) a->pages[p->next].prev = p->prev;
    if (!c->bins[p->bin]) c->bin_mask &= (uint8_t)~(1u << p->bin);
}

static int bin_of(const ws_class *c, const ws_page *p) {
    return (int)((uint32_t)p->used * WS_ARENA_BINS / (c->capacity + 1u));
}

/* -- cells ---------------------------------------------------------------------------------------------------- */

static uint32_t new_page(ws_arena *a, int cls) {
    uint32_t page = ws_region_take(&a->region);
    if (page >= a->page_cap) {
        a->page_cap = a->page_cap ? a->page_cap * 2 : 64;
        a->pages = ws_realloc(a->pages, a->page_cap * sizeof(ws_page));
    }
    WS_POISON(ws_region_page(&a->region, page), WS_PAGE_SIZE);
    a->pages[page] = (ws_page){.cls = (uint8_t)cls, .bin = WS_PAGE_CURRENT, .free = WS_ARENA_NONE};
    a->classes[cls].pages++;
    return page;
}

static void next_current(ws_arena *a, int cls) {
    ws_class *c = &a->classes[cls];
    if (c->current) a->pages[c->current].bin = WS_PAGE_FULL;
    if (c->bin_mask) {
        int bin = 31 - __builtin_clz(c->bin_mask);
        c->current = c->bins[bin];
        list_remove(a, c, c->current);
        a->pages[c->current].bin = WS_PAGE_CURRENT;
    } else {
        c->current = new_page(a, cls);
    }
}

static uint64_t alloc_large(ws_arena *a, size_t size) {
    size_t place;
    if (a->large_free) {
        place = a->large_free - 1;
        a->large_free = (uintptr_t)a->large[place] >> 1;
    } else {
        if (a->large_count == a->large_cap) {
            a->large_cap = a->large_cap ? a->large_cap * 2 : 16;
            a->large = ws_realloc(a->large, a->large_cap * sizeof(void *));
        }
        place = a->large_count++;
    }
    size_t *block = ws_alloc(size + 16);
    block[0] = size;
    a->large[place] = block + 2;
    a->large_bytes += size;
    return WS_ARENA_LARGE + place;
}

uint64_t ws_arena_alloc(ws_arena *a, size_t size) {
    if (size > WS_ARENA_CELL_MAX) return alloc_large(a, size);
    int cls = ws_arena_class_of(size);
    ws_class *c = &a->classes[cls];
    WS_ASSERT(c->size >= size);
    if (!c->current || a->pages[c->current].used == c->capacity) next_current(a, cls);
    ws_page *p = &a->pages[c->current];
    WS_ASSERT(p->used < c->capacity);
    uint64_t start = (uint64_t)c->current << WS_PAGE_BITS;
    uint32_t cell = p->free;
    if (cell != WS_ARENA_NONE) memcpy(&p->free, a->region.base + start + (size_t)cell * c->size, 2);
    else cell = p->fresh++;
    p->used++;
    c->live++;
    WS_UNPOISON(a->region.base + start + (size_t)cell * c->size, c->size);
    return start + (uint64_t)cell * c->size;
}

static void note_sparse(ws_arena *a, int cls) {
    ws_class *c = &a->classes[cls];
    uint64_t cells = c->pages * c->capacity;
    if (cells - c->live > cells / 10 + 2u * c->capacity) a->sparse_class = cls;
}

static void drop_page(ws_arena *a, ws_class *c, uint32_t page) {
    a->pages[page].bin = WS_PAGE_UNUSED;
    if (a->evacuating == page) a->evacuating = 0;
    c->pages--;
    ws_region_give(&a->region, page);
}

static void settle(ws_arena *a, int cls, uint32_t page) {
    ws_class *c = &a->classes[cls];
    ws_page *p = &a->pages[page];
    if (p->bin == WS_PAGE_CURRENT) return;
    if (p->bin == WS_PAGE_EVACUATING) {
        if (p->used == 0) drop_page(a, c, page);
        return;
    }
    int bin = bin_of(c, p);
    if (p->used > 0 && p->bin == bin) return;
    if (p->bin != WS_PAGE_FULL) list_remove(a, c, page);
    if (p->used == 0) drop_page(a, c, page);
    else list_push(a, c, page, bin);
}

static void free_large(ws_arena *a, size_t place) {
    WS_ASSERT(place < a->large_count);
    size_t *block = large_header(a->large[place]);
    a->large_bytes -= *block;
    ws_free(block);
    a->large[place] = (void *)(a->large_free << 1 | 1);
    a->large_free = place + 1;
}

void ws_arena_free(ws_arena *a, uint64_t ref) {
    if (ref >= WS_ARENA_LARGE) {
        free_large(a, ref - WS_ARENA_LARGE);
        return;
    }
    uint32_t page = (uint32_t)(ref >> WS_PAGE_BITS);
    ws_page *p = &a->pages[page];
    ws_class *c = &a->classes[p->cls];
    uint16_t cell = (uint16_t)((ref & (WS_PAGE_SIZE - 1)) / c->size);
    WS_ASSERT(p->used > 0 && cell < p->fresh);
    WS_ASSERT((ref & (WS_PAGE_SIZE - 1)) % c->size == 0);
    memcpy(a->region.base + ref, &p->free, 2);
    WS_POISON(a->region.base + ref + 2, c->size - 2u);
    p->free = cell;
    p->used--;
    c->live--;
    note_sparse(a, p->cls);
    settle(a, p->cls, page);
}

size_t ws_arena_cell_size(const ws_arena *a, uint64_t ref) {
    if (ref >= WS_ARENA_LARGE) return *large_header(a->large[ref - WS_ARENA_LARGE]) + 16;
    return a->classes[a->pages[ref >> WS_PAGE_BITS].cls].size;
}

size_t ws_arena_bytes(const ws_arena *a) {
    return ws_region_bytes(&a->region) + a->large_bytes + a->page_cap * sizeof(ws_page);
}

size_t ws_arena_live_bytes(const ws_arena *a) {
    size_t bytes = 0;
    for (int cls = 0; cls < WS_ARENA_CLASSES; cls++) bytes += a->classes[cls].live * a->classes[cls].size;
    return bytes;
}

/* -- evacuation ------------------------------------------------------------------------------------------------- */

uint32_t ws_arena_sparse(ws_arena *a) {
    if (a->evacuating) return a->evacuating;
    if (a->sparse_class < 0) return 0;
    ws_class *c = &a->classes[a->sparse_class];
    a->sparse_class = -1;
    uint64_t cells = c->pages * c->capacity;
    if (cells - c->live <= cells / 10 + 2u * c->capacity || !c->bin_mask) return 0;
    int bin = __builtin_ctz(c->bin_mask);
    if (bin == WS_ARENA_BINS - 1) return 0;
    uint32_t page = c->bins[bin];
    list_remove(a, c, page);
    a->pages[page].bin = WS_PAGE_EVACUATING;
    a->evacuating = page;
    a->sparse_class = (int)(c - a->classes);    /* look at this class again when the page is done */
    return page;
}

size_t ws_arena_live(const ws_arena *a, uint32_t page, uint64_t *refs, size_t max) {
    const ws_page *p = &a->pages[page];
    const ws_class *c = &a->classes[p->cls];
    uint8_t is_free[WS_PAGE_SIZE / 4 / 8] = {0};
    char *start = ws_region_page(&a->region, page);
    for (uint16_t cell = p->free; cell != WS_ARENA_NONE; memcpy(&cell, start + (size_t)cell * c->size, 2))
        is_free[cell >> 3] |= (uint8_t)(1u << (cell & 7));
    size_t n = 0;
    for (uint32_t cell = 0; cell < p->fresh && n < max; cell++)
        if (!(is_free[cell >> 3] >> (cell & 7) & 1))
            refs[n++] = ((uint64_t)page << WS_PAGE_BITS) + (uint64_t)cell * c->size;
    return n;
}

static int validate_page(const ws_arena *a, uint32_t page) {
    const ws_page *p = &a->pages[page];
    const ws_class *c = &a->classes[p->cls];
    uint32_t free_cells = 0;
    char *start = ws_region_page(&a->region, page);
    for (uint16_t cell = p->free; cell != WS_ARENA_NONE; memcpy(&cell, start + (size_t)cell * c->size, 2))
        if (cell >= p->fresh || ++free_cells > c->capacity) return 0;
    if (p->fresh > c->capacity || p->used + free_cells != p->fresh) return 0;
    if (p->bin < WS_ARENA_BINS) return p->bin == bin_of(c, p) && p->used > 0 && p->used < c->capacity;
    if (p->bin == WS_PAGE_FULL) return p->used == c->capacity;
    return p->bin == WS_PAGE_CURRENT ? c->current == page : a->evacuating == page;
}

int ws_arena_validate(const ws_arena *a) {
    uint64_t live[WS_ARENA_CLASSES] = {0}, pages[WS_ARENA_CLASSES] = {0};
    for (uint32_t page = 1; page < a->region.frontier; page++) {
        if (a->pages[page].bin == WS_PAGE_UNUSED) continue;
        if (!validate_page(a, page)) return 0;
        live[a->pages[page].cls] += a->pages[page].used;
        pages[a->pages[page].cls]++;
    }
    for (int i = 0; i < WS_ARENA_CLASSES; i++)
        if (live[i] != a->classes[i].live || pages[i] != a->classes[i].pages) return 0;
    return 1;
}
