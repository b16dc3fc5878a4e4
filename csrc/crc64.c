/* CRC64/Jones: see crc64.h.  Eight bytes at a step by tables ("slicing by 8": crc16.c tells how that works), or, where
 * the processor multiplies without carry, 64 bytes at a step by folding.
 *
 * Folding.  Bytes are a polynomial whose highest term is the first bit.  Four blocks of 128 bits are carried through
 * them: a block times x^512, taken mod P only as far as it stays 128 bits wide, is added to the block 64 bytes on. With
 * a block's halves a (first) and b: a * (x^(512+64) mod P) + b * (x^512 mod P).  Bits are reflected here, so that the
 * product of two halves comes out shifted by one: constants have an x less.  What is left in the end is 128 bits that
 * have the same CRC as all before them.  After Gopal et al., "Fast CRC Computation for Generic Polynomials Using
 * PCLMULQDQ", Intel 2009.
 *
 * Invariant: tables and constants are filled before main or dlopen returns and are constant from there on.
 */
#include "crc64.h"

#include <endian.h>
#include <string.h>

#if defined(__x86_64__) && !defined(WSTORE_PORTABLE)
#define WS_CRC64_FOLDS 1
#include <immintrin.h>
#endif

static const uint64_t reflected = 0x95ac9329ac4bc9b5u;      /* 0xad93d23594c935a9 with its bits reversed */
static uint64_t table[8][256];

__attribute__((constructor)) static void fill_tables(void) {
    for (unsigned byte = 0; byte < 256; byte++) {
        uint64_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ reflected : crc >> 1;
        table[0][byte] = crc;
    }
    for (int k = 1; k < 8; k++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            const uint64_t crc = table[k - 1][byte];
            table[k][byte] = crc >> 8 ^ table[0][crc & 0xff];
        }
    }
}

uint64_t ws_crc64_by_tables(uint64_t crc, const void *data, size_t n) {
    const uint8_t *p = data;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        crc ^= le64toh(word);
        crc = table[7][crc & 0xff] ^ table[6][crc >> 8 & 0xff] ^ table[5][crc >> 16 & 0xff] ^
              table[4][crc >> 24 & 0xff] ^ table[3][crc >> 32 & 0xff] ^ table[2][crc >> 40 & 0xff] ^
              table[1][crc >> 48 & 0xff] ^ table[0][crc >> 56];
    }
    for (; n > 0; n--, p++) crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xff];
    return crc;
}

#ifdef WS_CRC64_FOLDS

#define FOLD_MIN 256        /* bytes from which on it pays */

static int folds;
static uint64_t far[2], near[2];        /* constants for 512 and 128 bits: of the first half of a block, the second */

/* x^n mod P, reflected. */
static uint64_t power(unsigned n) {
    uint64_t r = (uint64_t)1 << 63;
    for (; n > 0; n--) r = r & 1 ? r >> 1 ^ reflected : r >> 1;
    return r;
}

__attribute__((constructor)) static void fill_constants(void) {
    __builtin_cpu_init();
    folds = __builtin_cpu_supports("pclmul") != 0;
    far[0] = power(512 + 63);
    far[1] = power(512 - 1);
    near[0] = power(128 + 63);
    near[1] = power(128 - 1);
}

__attribute__((target("pclmul,sse2"))) static inline __m128i fold(__m128i block, __m128i by, __m128i onto) {
    return _mm_xor_si128(onto, _mm_xor_si128(_mm_clmulepi64_si128(block, by, 0x00),
                                             _mm_clmulepi64_si128(block, by, 0x11)));
}

/* n is at least 64; *rest: how many bytes at the end are still to be taken. */
__attribute__((target("pclmul,sse2"))) static uint64_t by_folding(uint64_t crc, const uint8_t *p, size_t n,
                                                                  size_t *rest) {
    const __m128i by_far = _mm_set_epi64x((long long)far[1], (long long)far[0]);
    const __m128i by_near = _mm_set_epi64x((long long)near[1], (long long)near[0]);
    __m128i block[4];
    uint8_t last[16];
    for (int i = 0; i < 4; i++) block[i] = _mm_loadu_si128((const __m128i *)(p + 16 * i));
    block[0] = _mm_xor_si128(block[0], _mm_set_epi64x(0, (long long)crc));
    for (n -= 64, p += 64; n >= 64; n -= 64, p += 64)
        for (int i = 0; i < 4; i++)
            block[i] = fold(block[i], by_far, _mm_loadu_si128((const __m128i *)(p + 16 * i)));
    for (int i = 1; i < 4; i++) block[i] = fold(block[i - 1], by_near, block[i]);
    _mm_storeu_si128((__m128i *)last, block[3]);
    *rest = n;
    return ws_crc64_by_tables(0, last, sizeof last);
}

#endif

uint64_t ws_crc64(uint64_t crc, const void *data, size_t n) {
#ifdef WS_CRC64_FOLDS
    if (n >= FOLD_MIN && folds) {
        size_t rest;
        crc = by_folding(crc, data, n, &rest);
        data = (const uint8_t *)data + (n - rest);
        n = rest;
    }
#endif
    return ws_crc64_by_tables(crc, data, n);
}
