/* probe: one 64-byte bucket of a hash table and how it is searched.
 *
 *   0          10                                                    60      64
 *   | fp x 10  | ref x 10, 5 bytes each, little-endian; 0: free      | meta  |
 *
 *   meta, bits  0-9   entry i sits in the bucket after its home ("displaced")
 *              10-29  two access bits an entry
 *              30-31  how many entries of this home are in the stash, 3: three or more
 *
 * An entry has a fingerprint `fp` and a 40-bit reference.  SSE2 compares all ten fingerprints at once; the
 * portable path (also chosen by -DWSTORE_PORTABLE) does the same with 64-bit words.
 */
#ifndef WS_PROBE_H
#define WS_PROBE_H
#include <stdint.h>
#include <string.h>
#include "check.h"
#if defined(__SSE2__) && !defined(WSTORE_PORTABLE)
#include <emmintrin.h>
#endif

#define WS_BUCKET_ENTRIES 10

typedef struct ws_bucket {
    uint8_t fp[WS_BUCKET_ENTRIES];
    uint8_t ref[WS_BUCKET_ENTRIES * 5];
    uint32_t meta;
} ws_bucket;

WS_STATIC_ASSERT(sizeof(ws_bucket) == 64, "a bucket is one cache line");

/* Bit i is set if fp[i] == fp; free entries may match too. */
static inline uint32_t ws_probe_portable(const ws_bucket *b, uint8_t fp) {
    uint64_t word;
    uint32_t found = 0;
    memcpy(&word, b->fp, 8);
    word ^= 0x0101010101010101ULL * fp;
    uint64_t low = word & 0x7f7f7f7f7f7f7f7fULL;
    uint64_t zero = ~((low + 0x7f7f7f7f7f7f7f7fULL) | word | 0x7f7f7f7f7f7f7f7fULL);   /* 0x80 where equal */
    for (; zero; zero &= zero - 1) found |= 1u << (__builtin_ctzll(zero) >> 3);
    found |= (uint32_t)(b->fp[8] == fp) << 8;
    return found | (uint32_t)(b->fp[9] == fp) << 9;
}

static inline uint32_t ws_probe(const ws_bucket *b, uint8_t fp) {
#if defined(__SSE2__) && !defined(WSTORE_PORTABLE)
    __m128i have = _mm_loadu_si128((const __m128i *)(const void *)b);
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(have, _mm_set1_epi8((char)fp))) & 0x3ff;
#else
    return ws_probe_portable(b, fp);
#endif
}

static inline uint64_t ws_bucket_ref(const ws_bucket *b, int i) {
    uint64_t ref;
    memcpy(&ref, (const uint8_t *)b + WS_BUCKET_ENTRIES + i * 5, 8);   /* ends in `meta`: inside the bucket */
    return ref & 0xffffffffffULL;
}

static inline void ws_bucket_set_ref(ws_bucket *b, int i, uint64_t ref) {
    memcpy(b->ref + i * 5, &ref, 5);
}

/* A free place, or -1. */
static inline int ws_bucket_free_place(const ws_bucket *b) {
    for (int i = 0; i < WS_BUCKET_ENTRIES; i++)
        if (ws_bucket_ref(b, i) == 0) return i;
    return -1;
}

/* Are n bytes the same?  Most keys have 4 to 16: two words that may overlap, without a call. */
static inline int ws_same_bytes(const void *a, const void *b, size_t n) {
    uint64_t first_a, first_b, last_a, last_b;
    if (n >= 4 && n < 8) {
        uint32_t half_a, half_b, rest_a, rest_b;
        memcpy(&half_a, a, 4);
        memcpy(&half_b, b, 4);
        memcpy(&rest_a, (const char *)a + n - 4, 4);
        memcpy(&rest_b, (const char *)b + n - 4, 4);
        return ((half_a ^ half_b) | (rest_a ^ rest_b)) == 0;
    }
    if (n < 8 || n > 16) return memcmp(a, b, n) == 0;
    memcpy(&first_a, a, 8);
    memcpy(&first_b, b, 8);
    memcpy(&last_a, (const char *)a + n - 8, 8);
    memcpy(&last_b, (const char *)b + n - 8, 8);
    return ((first_a ^ first_b) | (last_a ^ last_b)) == 0;
}

static inline void ws_prefetch(const void *p) {
    __builtin_prefetch(p, 0, 3);
    __asm__ volatile("");       /* else gcc takes a function that only prefetches for pure, and drops its calls */
}
#endif
