/* Bit strings: counting, finding, combining. Bit 0 is the highest bit of byte 0, as in a drawing from left to right.
 *
 * Ranges are bit numbers [first, end): empty if first >= end. All lengths are in bytes unless the name says bits.
 */
#ifndef WS_BITS_H
#define WS_BITS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "check.h"

#if defined(__x86_64__) && !defined(WSTORE_PORTABLE)
#define WS_BITS_POPCNT 1
#endif

static inline uint64_t ws_load64_be(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

static inline void ws_store64_be(uint8_t *p, uint64_t v) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    memcpy(p, &v, 8);
}

/* -- counting ------------------------------------------------------------------------------------------- */
static inline __attribute__((always_inline)) uint64_t ws_popcount_words(const uint8_t *p, size_t n) {
    uint64_t total = 0, word;
    for (; n >= 8; p += 8, n -= 8) {
        memcpy(&word, p, 8);
        total += (uint64_t)__builtin_popcountll(word);
    }
    word = 0;
    memcpy(&word, p, n);
    return total + (uint64_t)__builtin_popcountll(word);
}

#ifdef WS_BITS_POPCNT
/* The same with the processor's own instruction. */
__attribute__((target("popcnt"))) static uint64_t ws_popcount_hw(const uint8_t *p, size_t n) {
    return ws_popcount_words(p, n);
}
#endif

/* Bits set in p[0:n]. */
static inline uint64_t ws_popcount(const uint8_t *p, size_t n) {
#ifdef WS_BITS_POPCNT
    if (n >= 8 && __builtin_cpu_supports("popcnt")) return ws_popcount_hw(p, n);
#endif
    return ws_popcount_words(p, n);
}

/* Bits set among bits [first, end) of p. */
static inline uint64_t ws_popcount_range(const uint8_t *p, uint64_t first, uint64_t end) {
    uint64_t total;
    if (first >= end) return 0;
    total = ws_popcount(p + first / 8, (size_t)((end + 7) / 8 - first / 8));
    total -= (uint64_t)__builtin_popcount(p[first / 8] & ~(0xFFu >> first % 8) & 0xFFu);
    if (end % 8) total -= (uint64_t)__builtin_popcount(p[end / 8] & (0xFFu >> end % 8));
    return total;
}

/* -- finding -------------------------------------------------------------------------------------------- */
/* Whole bytes from `byte` on, up to `end`, that hold no bit of the value whose absence `blank` (0 or 255) means. */
static inline uint64_t ws_skip_blank(const uint8_t *p, uint64_t byte, uint64_t end, uint8_t blank) {
    const uint64_t word_blank = blank ? UINT64_MAX : 0;
    for (; end - byte >= 8; byte += 8) {
        uint64_t word;
        memcpy(&word, p + byte, 8);
        if (word != word_blank) break;
    }
    while (byte < end && p[byte] == blank) byte++;
    return byte;
}

/* Number of the first bit in [first, end) of p that has value `bit`, or -1. */
static inline int64_t ws_find_bit(const uint8_t *p, uint64_t first, uint64_t end, int bit) {
    const uint8_t blank = bit ? 0 : 0xFF;
    uint64_t byte = first / 8, found;
    unsigned wanted;
    if (first >= end) return -1;
    wanted = (p[byte] ^ blank) & (0xFFu >> first % 8);
    if (!wanted) {
        byte = ws_skip_blank(p, byte + 1, (end + 7) / 8, blank);
        if (byte >= (end + 7) / 8) return -1;
        wanted = (unsigned)(p[byte] ^ blank);
    }
    found = byte * 8 + (uint64_t)__builtin_clz(wanted) - 24;
    WS_ASSERT(found >= first);
    return found < end ? (int64_t)found : -1;
}

/* -- combining ------------------------------------------------------------------------------------------ */
static inline void ws_bits_and(uint8_t *restrict out, const uint8_t *restrict in, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] &= in[i];
}

static inline void ws_bits_or(uint8_t *restrict out, const uint8_t *restrict in, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] |= in[i];
}

static inline void ws_bits_xor(uint8_t *restrict out, const uint8_t *restrict in, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] ^= in[i];
}

static inline void ws_bits_not(uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) p[i] = (uint8_t)~p[i];
}

/* -- fields --------------------------------------------------------------------------------------------- */
/* The `width` (1 to 64) bits from bit `first` on of p[0:n], as an unsigned number; bits past the end are 0. */
static inline uint64_t ws_field_load(const uint8_t *p, size_t n, uint64_t first, unsigned width) {
    uint8_t window[9] = {0};
    const unsigned shift = first % 8;
    uint64_t value;
    WS_ASSERT(width >= 1 && width <= 64);
    if (first / 8 >= n) return 0;
    n -= first / 8;
    memcpy(window, p + first / 8, n < 9 ? n : 9);
    value = ws_load64_be(window) << shift | (uint64_t)window[8] >> (8 - shift);
    return value >> (64 - width);
}

/* Write the low `width` bits of value to bits from `first` on of p, which reaches that far. */
static inline void ws_field_store(uint8_t *p, uint64_t first, unsigned width, uint64_t value) {
    const unsigned shift = first % 8;
    const size_t touched = (shift + width + 7) / 8;
    const uint64_t mask = UINT64_MAX >> (64 - width) << (64 - width);   /* of a value moved to the left */
    uint8_t window[9] = {0};
    uint8_t *const from = p + first / 8;
    WS_ASSERT(width >= 1 && width <= 64 && touched <= 9);
    value <<= 64 - width;
    memcpy(window, from, touched);
    ws_store64_be(window, (ws_load64_be(window) & ~(mask >> shift)) | value >> shift);
    if (touched == 9) window[8] = (uint8_t)((window[8] & 0xFFu >> (shift + width - 64)) | value << (64 - shift) >> 56);
    memcpy(from, window, touched);
}

#endif
