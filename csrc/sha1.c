/* SHA-1 after FIPS 180-4, section 6.1.3: the message schedule is a ring of 16 words. */
#include "sha1.h"

#include <endian.h>
#include <string.h>

static inline uint32_t rotl(uint32_t x, int n) {
    return x << n | x >> (32 - n);
}

/* The round function f and its constant K for round t. */
static inline uint32_t mix(int t, uint32_t b, uint32_t c, uint32_t d) {
    if (t < 20) return ((b & c) | (~b & d)) + 0x5a827999u;
    if (t < 40) return (b ^ c ^ d) + 0x6ed9eba1u;
    if (t < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcu;
    return (b ^ c ^ d) + 0xca62c1d6u;
}

static void compress(uint32_t state[5], const uint8_t block[64]) {
    uint32_t w[16], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];

    memcpy(w, block, 64);
    for (int t = 0; t < 16; t++) w[t] = be32toh(w[t]);
    for (int t = 0; t < 80; t++) {
        if (t >= 16) w[t & 15] = rotl(w[(t - 3) & 15] ^ w[(t - 8) & 15] ^ w[(t - 14) & 15] ^ w[t & 15], 1);
        const uint32_t next = rotl(a, 5) + mix(t, b, c, d) + e + w[t & 15];
        e = d;
        d = c;
        c = rotl(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

void ws_sha1(const void *data, size_t n, uint8_t out[20]) {
    uint32_t state[5] = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u};
    const uint8_t *p = data;
    const uint64_t bit_count = htobe64((uint64_t)n * 8);
    uint8_t last[128] = {0};        /* what is left, a one bit, zeros, the length: one block or two */
    size_t rest = n, last_size;

    for (; rest >= 64; rest -= 64, p += 64) compress(state, p);
    last_size = rest < 56 ? 64 : 128;
    if (rest > 0) memcpy(last, p, rest);
    last[rest] = 0x80;
    memcpy(last + last_size - 8, &bit_count, 8);
    compress(state, last);
    if (last_size == 128) compress(state, last + 64);
    for (int i = 0; i < 5; i++) state[i] = htobe32(state[i]);
    memcpy(out, state, 20);
}
