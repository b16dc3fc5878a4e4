/* Runs every C kernel over random and hostile input in buffers of the exact size, and prints a digest of the results.
 *
 * Built by test_kernels_memory.py with the address and undefined-behaviour sanitizers, which end it at the first
 * read or write out of bounds; and once more with WSTORE_PORTABLE: the digests must be the same. Deterministic.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "arena.h"
#include "bits.h"
#include "blocks.h"
#include "crc16.h"
#include "crc64.h"
#include "glob.h"
#include "lzf.h"
#include "numbers.h"
#include "probe.h"
#include "sha1.h"
#include "siphash.h"

enum { ROUNDS = 4000, SIZE_MAX_BYTES = 300, CELLS = 30000, STEPS = 300000 };

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            abort(); \
        } \
    } while (0)

static uint64_t random_state = 0x9e3779b97f4a7c15u;
static uint64_t digest;

/* xorshift64 (Marsaglia, 2003) */
static uint64_t next_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void record(const void *data, size_t n) {
    digest = ws_crc64(digest, data, n);
}

static void record_number(uint64_t n) {
    record(&n, sizeof(n));
}

/* n random bytes of `alphabet` (NULL: all bytes), on the heap without a byte to spare. */
static char *random_bytes(size_t n, const char *alphabet) {
    char *const p = ws_alloc(n);
    for (size_t i = 0; i < n; i++) {
        const uint64_t r = next_random() >> 20;
        p[i] = alphabet ? alphabet[r % strlen(alphabet)] : (char)r;
    }
    return p;
}

static void check_hashes(size_t n) {
    const uint64_t key[2] = {next_random(), next_random()};
    char *const p = random_bytes(n, next_random() & 1 ? "{}ab" : NULL);
    uint8_t sha[20];
    ws_sha1(p, n, sha);
    record(sha, sizeof(sha));
    record_number(ws_crc16(p, n));
    record_number((uint64_t)ws_key_slot(p, n));
    record_number(ws_siphash13(p, n, key));
    ws_free(p);
}

static void check_lzf(size_t n) {
    char *const p = random_bytes(n, next_random() & 1 ? "ab" : NULL);
    const size_t cap = next_random() % (n + n / 8 + 2);
    char *const packed = ws_alloc(cap), *const back = ws_alloc(n);
    const size_t size = ws_lzf_compress(p, n, packed, cap);
    CHECK(size <= cap);
    record(packed, size);
    if (size > 0) {
        const size_t unpacked = ws_lzf_decompress(packed, size, back, n);
        CHECK(unpacked == n && memcmp(p, back, n) == 0);
        packed[next_random() % size] = (char)next_random();
        record_number(ws_lzf_decompress(packed, size, back, n));
    }
    record_number(ws_lzf_decompress(p, n, back, n));
    ws_free(p);
    ws_free(packed);
    ws_free(back);
}

static void check_glob(size_t n) {
    const size_t pattern_size = next_random() % 12;
    char *const pattern = random_bytes(pattern_size, "*?[]^-\\aB"), *const text = random_bytes(n % 20, "aBb-]");
    record_number((uint64_t)ws_glob_match(pattern, pattern_size, text, n % 20, (int)(next_random() & 1)));
    ws_free(pattern);
    ws_free(text);
}

static void check_numbers(size_t n) {
    char *const text = random_bytes(n % 25, next_random() & 1 ? "0123456789" : "0123456789-+.einfax ");
    int64_t i = 0;
    double d = 0;
    long double ld = 0;
    record_number((uint64_t)ws_str_to_i64(text, n % 25, &i));
    record_number((uint64_t)i);
    record_number((uint64_t)ws_str_to_double(text, n % 25, &d));
    record(&d, sizeof(d));
    if (ws_str_to_long_double(text, n % 25, &ld)) {
        char *const out = ws_alloc(WS_LONG_DOUBLE_TEXT_MAX);
        record(out, ws_long_double_to_str(out, ld));
        ws_free(out);
    }
    ws_free(text);
}

static void check_texts(void) {
    const uint64_t bits = next_random() >> (next_random() & 63);
    double d;
    char *const out = ws_alloc(WS_U64_TEXT_MAX), *const wide = ws_alloc(WS_DOUBLE_TEXT_MAX);
    memcpy(&d, &bits, sizeof(d));
    record(out, ws_u64_to_str(out, bits));
    record(out, ws_i64_to_str(out, (int64_t)bits));
    record(out, ws_i64_to_str(out, (int64_t)(0 - bits)));
    record(wide, ws_double_to_str(wide, d));
    ws_free(out);
    ws_free(wide);
}

static void check_probe(void) {
    ws_bucket b;
    char *const bytes = random_bytes(sizeof(b), next_random() & 1 ? "ab" : NULL);
    const uint8_t wanted = (uint8_t)bytes[next_random() % WS_BUCKET_ENTRIES];
    const uint64_t ref = next_random() & 0xffffffffffu;
    const int place = (int)(next_random() % WS_BUCKET_ENTRIES);
    memcpy(&b, bytes, sizeof(b));
    for (int i = 0; i < WS_BUCKET_ENTRIES; i++) {
        CHECK((ws_probe(&b, wanted) >> i & 1) == (b.fp[i] == wanted));
    }
    CHECK(ws_probe(&b, wanted) == ws_probe_portable(&b, wanted));
    record_number(ws_probe(&b, (uint8_t)next_random()));
    ws_bucket_set_ref(&b, place, ref);
    CHECK(ws_bucket_ref(&b, place) == ref);
    ws_bucket_set_ref(&b, place, 0);
    CHECK(ws_bucket_ref(&b, ws_bucket_free_place(&b)) == 0);
    record(&b, sizeof(b));
    ws_free(bytes);
}

typedef struct Cell {
    uint64_t ref;
    size_t size;        /* 0: free */
} Cell;

static Cell cells[CELLS];

/* A cell holds its own number, over and over. */
static void cell_fill(ws_arena *arena, uint32_t number) {
    char *const p = ws_arena_at(arena, cells[number].ref);
    for (size_t i = 0; i + 4 <= cells[number].size; i += 4) memcpy(p + i, &number, 4);
}

static void cell_check(ws_arena *arena, uint32_t number) {
    const char *const p = ws_arena_at(arena, cells[number].ref);
    for (size_t i = 0; i + 4 <= cells[number].size; i += 4) CHECK(memcmp(p + i, &number, 4) == 0);
    CHECK(ws_arena_cell_size(arena, cells[number].ref) >= cells[number].size);
}

static void cell_toggle(ws_arena *arena, uint32_t number) {
    Cell *const cell = &cells[number];
    if (cell->size > 0) {
        cell_check(arena, number);
        ws_arena_free(arena, cell->ref);
        cell->size = 0;
        return;
    }
    /* mostly of a few sizes, so that pages fill and run empty; some from malloc */
    cell->size = next_random() % 64 ? 24 + next_random() % 4 : 4 + next_random() % 30000;
    cell->ref = ws_arena_alloc(arena, cell->size);
    cell_fill(arena, number);
}

/* Move all that lives in the sparse page, if there is one; returns how many cells were moved. */
static size_t evacuate(ws_arena *arena) {
    const uint32_t page = ws_arena_sparse(arena);
    uint64_t refs[WS_PAGE_SIZE / 4];
    const size_t live = page ? ws_arena_live(arena, page, refs, WS_PAGE_SIZE / 4) : 0;
    for (size_t i = 0; i < live; i++) {
        uint32_t number;
        memcpy(&number, ws_arena_at(arena, refs[i]), 4);
        CHECK(number < CELLS && cells[number].ref == refs[i]);
        cell_check(arena, number);
        cells[number].ref = ws_arena_alloc(arena, cells[number].size);
        CHECK(cells[number].ref >> WS_PAGE_BITS != page);
        cell_fill(arena, number);
        ws_arena_free(arena, refs[i]);
    }
    return live;
}

/* Fill and empty an arena by turns, moving cells out of sparse pages. */
static unsigned bit_at(const uint8_t *p, uint64_t i) {
    return p[i / 8] >> (7 - i % 8) & 1;
}

/* Counting and finding against a loop over single bits, fields by writing and reading back. */
static void check_bits(size_t n) {
    static const uint8_t fills[] = {0, 0xff};
    uint8_t *const p = (uint8_t *)random_bytes(n, NULL);
    const uint64_t end = next_random() % (n * 8 + 1), first = end == 0 ? 0 : next_random() % end;
    const unsigned width = 1 + (unsigned)(next_random() % 64);
    const int bit = (int)(next_random() & 1);
    uint64_t count = 0, i = first;
    if (next_random() & 1) memset(p, fills[next_random() & 1], n);
    for (uint64_t at = first; at < end; at++) count += bit_at(p, at);
    CHECK(ws_popcount_range(p, first, end) == count);
    while (i < end && bit_at(p, i) != (unsigned)bit) i++;
    CHECK(ws_find_bit(p, first, end, bit) == (i < end ? (int64_t)i : -1));
    if (first + width <= n * 8) {
        const uint64_t value = next_random(), before = ws_popcount(p, n);
        const uint64_t old = ws_field_load(p, n, first, width);
        CHECK((unsigned)(old & 1) == bit_at(p, first + width - 1));
        ws_field_store(p, first, width, value);
        CHECK(ws_field_load(p, n, first, width) == value << (64 - width) >> (64 - width));
        ws_field_store(p, first, width, old);
        CHECK(ws_popcount(p, n) == before);
    }
    record_number(ws_field_load(p, n, first, width));
    ws_free(p);
}

static void check_arena(void) {
    ws_arena arena;
    size_t moved = 0;
    CHECK(ws_arena_init(&arena, (size_t)1 << 32) == 0);
    for (int step = 0; step < STEPS; step++) {
        const uint32_t number = (uint32_t)(next_random() % CELLS);
        const int shrinking = step / (STEPS / 6) % 2;
        if (!shrinking || cells[number].size > 0) cell_toggle(&arena, number);
        if (step % 500 == 0) moved += evacuate(&arena);
        CHECK(step % 20000 != 0 || ws_arena_validate(&arena));
    }
    for (uint32_t number = 0; number < CELLS; number++) {
        if (cells[number].size > 0) cell_toggle(&arena, number);
    }
    CHECK(ws_arena_validate(&arena));
    record_number(ws_arena_bytes(&arena));
    printf("moved %zu\n", moved);
    ws_arena_destroy(&arena);
}

static void check_blocks(size_t size) {
    static char *blocks[CELLS];
    ws_region region;
    ws_blocks pool;
    CHECK(ws_region_init(&region, (size_t)1 << 30) == 0);
    ws_blocks_init(&pool, &region, size);
    for (int step = 0; step < STEPS; step++) {
        char **const block = &blocks[next_random() % CELLS];
        if (*block == NULL) {
            *block = ws_blocks_alloc(&pool);
            CHECK((uintptr_t)*block % 64 == 0);
            memset(*block, (int)((uintptr_t)*block >> 6), size);
        } else {
            CHECK((*block)[size - 1] == (char)((uintptr_t)*block >> 6));
            ws_blocks_free(&pool, *block);
            *block = NULL;
        }
    }
    for (int i = 0; i < CELLS; i++) {
        if (blocks[i] != NULL) ws_blocks_free(&pool, blocks[i]);
        blocks[i] = NULL;
    }
    CHECK(pool.used == 0 && pool.partial == 0);
    record_number(region.frontier);
    ws_region_destroy(&region);
}

int main(void) {
    for (int round = 0; round < ROUNDS; round++) {
        const size_t n = next_random() % SIZE_MAX_BYTES;
        check_hashes(n);
        check_lzf(n);
        check_glob(n);
        check_numbers(n);
        check_bits(n);
        check_texts();
        check_probe();
    }
    check_arena();
    check_blocks(768);
    check_blocks(64);
    CHECK(ws_alloc_used() == 0);
    printf("%016llx\n", (unsigned long long)digest);
    return 0;
}
