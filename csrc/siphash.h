/* SipHash-1-3, the keyed hash that places keys: an attacker who does not know the key cannot find collisions.
 *
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012), with one compression round and three
 * final ones, as hash tables use it (Rust, Python). Inline, and without a loop over single bytes at the end: keys
 * are short.
 */
#ifndef WS_SIPHASH_H
#define WS_SIPHASH_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t ws_load_le64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return le64toh(v);
}

static inline uint64_t ws_load_le32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return le32toh(v);
}

/* The last n & 7 bytes of p[0:n], little-endian, zero-extended. Reads only within p[0:n]. */
static inline uint64_t ws_sip_tail(const uint8_t *p, size_t n) {
    const size_t rest = n & 7;
    if (rest == 0) return 0;
    if (n >= 8) return ws_load_le64(p + n - 8) >> (64 - 8 * rest);
    /* two reads that may overlap agree where they do */
    if (n >= 4) return ws_load_le32(p) | ws_load_le32(p + n - 4) << (8 * (n - 4));
    return (uint64_t)p[0] | (uint64_t)p[n >> 1] << (8 * (n >> 1)) | (uint64_t)p[n - 1] << (8 * (n - 1));
}

#define WS_ROTL(x, b) ((x) << (b) | (x) >> (64 - (b)))
#define WS_SIP_ROUND(v0, v1, v2, v3) \
    do { \
        v0 += v1; v2 += v3; \
        v1 = WS_ROTL(v1, 13) ^ v0; v3 = WS_ROTL(v3, 16) ^ v2; \
        v0 = WS_ROTL(v0, 32); \
        v2 += v1; v0 += v3; \
        v1 = WS_ROTL(v1, 17) ^ v2; v3 = WS_ROTL(v3, 21) ^ v0; \
        v2 = WS_ROTL(v2, 32); \
    } while (0)

static inline uint64_t ws_siphash13(const void *data, size_t n, const uint64_t key[2]) {
    const uint8_t *p = data;
    const uint8_t *const words_end = p + (n & ~(size_t)7);
    const uint64_t last = (uint64_t)n << 56 | ws_sip_tail(p, n);
    uint64_t v0 = key[0] ^ 0x736f6d6570736575u;
    uint64_t v1 = key[1] ^ 0x646f72616e646f6du;
    uint64_t v2 = key[0] ^ 0x6c7967656e657261u;
    uint64_t v3 = key[1] ^ 0x7465646279746573u;

    for (; p < words_end; p += 8) {
        const uint64_t word = ws_load_le64(p);
        v3 ^= word;
        WS_SIP_ROUND(v0, v1, v2, v3);
        v0 ^= word;
    }
    v3 ^= last;
    WS_SIP_ROUND(v0, v1, v2, v3);
    v0 ^= last;
    v2 ^= 0xff;
    WS_SIP_ROUND(v0, v1, v2, v3);
    WS_SIP_ROUND(v0, v1, v2, v3);
    WS_SIP_ROUND(v0, v1, v2, v3);
    return v0 ^ v1 ^ v2 ^ v3;
}

#endif
