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

static inline uint16_t fold8(uint16_t crc, const uint8_t *p) {
    return table[7][p[0] ^ crc >> 8] ^ table[6][p[1] ^ (crc & 0xff)] ^ table[5][p[2]] ^ table[4][p[3]] ^
           table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
}

/* The last 2 to 7 bytes. */
static inline uint16_t fold_tail(uint16_t crc, const uint8_t *p, size_t n) {
    uint16_t result = table[n - 1][p[0] ^ crc >> 8] ^ table[n - 2][p[1] ^ (crc & 0xff)];
    for (size_t i = 2; i < n; i++) result ^= table[n - 1 - i][p[i]];
    return result;
}

uint16_t ws_crc16(const char *data, size_t n) {
    const uint8_t *p = (const uint8_t *)data;
    uint16_t crc = 0;
    for (; n >= 8; n -= 8, p += 8) crc = fold8(crc, p);
    if (n > 1) return fold_tail(crc, p, n);
    if (n == 1) crc = (uint16_t)(crc << 8 ^ table[0][*p ^ crc >> 8]);
    return crc;
}

/* Is there a '{'?  Eight bytes at a time, the last eight overlapping: most keys have none, and a call of memchr would
 * cost more than the CRC.  A byte is zero exactly if (x - 1) & ~x has its high bit set, borrows aside, which only
 * follow a true zero (Mycroft 1987). */
static inline int has_open_brace(const char *p, size_t n) {
    if (n < 8) {
        for (size_t i = 0; i < n; i++)
            if (p[i] == '{') return 1;
        return 0;
    }
    uint64_t found = 0;
    for (size_t i = 0;; i += 8) {
        uint64_t word;
        if (i + 8 > n) i = n - 8;
        memcpy(&word, p + i, 8);
        word ^= 0x0101010101010101ULL * '{';
        found |= (word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL;
        if (i + 8 == n) return found != 0;
    }
}

int ws_key_slot(const char *p, size_t n) {
    const char *const open = has_open_brace(p, n) ? memchr(p, '{', n) : NULL;
    if (open != NULL) {
        const char *const tag = open + 1;
        const char *const close = memchr(tag, '}', (size_t)(p + n - tag));
        if (close != NULL && close > tag) {
            p = tag;
            n = (size_t)(close - tag);
        }
    }
    return ws_crc16(p, n) & (WS_SLOT_COUNT - 1);
}
