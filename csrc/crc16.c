/* CRC16/XMODEM, eight bytes at a step ("slicing by 8"): see crc16.h.
 *
 * table[k][b] is the CRC of byte b followed by k zero bytes. The CRC is linear, so that of a block of n <= 8 bytes
 * is the XOR of one look-up for each, the old CRC being folded into the first two bytes. The look-ups do not
 * depend on each other: a 14-byte key costs two short steps where the usual loop waits fourteen times.
 *
 * Invariant: the tables are filled before main or dlopen returns and are constant from there on.
 */
#include "crc16.h"

#include <string.h>

static uint16_t table[8][256];

__attribute__((constructor)) static void fill_tables(void) {
    for (unsigned byte = 0; byte < 256; byte++) {
        uint16_t crc = (uint16_t)(byte << 8);
        for (int bit = 0; bit < 8; bit++) crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
        table[0][byte] = crc;
    }
    for (int k = 1; k < 8; k++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            const uint16_t crc = table[k - 1][byte];
            table[k][byte] = (uint16_t)(crc << 8 ^ table[0][crc >> 8]);
        }
    }
}

/* CRC of what came before (crc) and of the eight bytes of `word`, its first byte lowest. */
static inline uint16_t fold_word(uint16_t crc, uint64_t word) {
    word ^= (uint16_t)(crc << 8 | crc >> 8);
    return table[7][word & 0xff] ^ table[6][word >> 8 & 0xff] ^ table[5][word >> 16 & 0xff] ^
           table[4][word >> 24 & 0xff] ^ table[3][word >> 32 & 0xff] ^ table[2][word >> 40 & 0xff] ^
           table[1][word >> 48 & 0xff] ^ table[0][word >> 56];
}

/* Nonzero if one of the eight bytes is a '{': a byte is zero exactly if (x - 1) & ~x has its high bit set, borrows
 * aside, which only follow a true zero (Mycroft 1987). */
static inline uint64_t open_brace(uint64_t word) {
    word ^= 0x0101010101010101ULL * '{';
    return (word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL;
}

static inline uint64_t load_word(const char *p) {
    uint64_t word;
    memcpy(&word, p, 8);
    return word;
}

/* Up to seven bytes as a word, with zeros in front of them. */
static inline uint64_t load_short(const char *p, size_t n) {
    uint64_t word = 0;
    for (size_t i = 0; i < n; i++) word |= (uint64_t)(uint8_t)p[i] << (64 - 8 * (n - i));
    return word;
}

/* The CRC, and whether there is a '{'. Zeros in front of a message do not change its CRC, which begins with 0: so the
 * bytes that do not fill a word come first, zeros in front of them, and whole words follow. */
static inline uint16_t crc_and_brace(const char *p, size_t n, uint64_t *brace) {
    uint16_t crc = 0;
    size_t odd = n & 7;
    *brace = 0;
    if (odd && n > 8) {
        uint64_t word = load_word(p);
        *brace = open_brace(word);
        crc = fold_word(0, word << (64 - 8 * odd));
    } else if (odd) {
        uint64_t word = load_short(p, odd);
        *brace = open_brace(word);
        crc = fold_word(0, word);
    }
    for (p += odd, n -= odd; n; n -= 8, p += 8) {
        uint64_t word = load_word(p);
        *brace |= open_brace(word);
        crc = fold_word(crc, word);
    }
    return crc;
}

uint16_t ws_crc16(const char *p, size_t n) {
    uint64_t brace;
    return crc_and_brace(p, n, &brace);
}

int ws_key_slot(const char *p, size_t n) {
    uint64_t brace;
    uint16_t crc = crc_and_brace(p, n, &brace);
    if (__builtin_expect(brace != 0, 0)) {
        const char *const tag = (const char *)memchr(p, '{', n) + 1;
        const char *const close = memchr(tag, '}', (size_t)(p + n - tag));
        if (close != NULL && close > tag) crc = ws_crc16(tag, (size_t)(close - tag));
    }
    return crc & (WS_SLOT_COUNT - 1);
}
