/* CRC64/Jones, eight bytes at a step ("slicing by 8"): see crc64.h, and crc16.c for how slicing works.
 *
 * Invariant: the tables are filled before main or dlopen returns and are constant from there on.
 */
#include "crc64.h"

#include <endian.h>
#include <string.h>

static uint64_t table[8][256];

__attribute__((constructor)) static void fill_tables(void) {
    const uint64_t reflected = 0x95ac9329ac4bc9b5u;     /* 0xad93d23594c935a9 with its bits reversed */
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

uint64_t ws_crc64(uint64_t crc, const void *data, size_t n) {
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
