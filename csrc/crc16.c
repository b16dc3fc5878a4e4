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

int ws_key_slot(const char *p, size_t n) {
    const char *const open = n ? memchr(p, '{', n) : NULL;
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
