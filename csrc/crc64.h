/* CRC64 as RDB files and DUMP payloads end with.
 *
 * The variant is David Jones's: polynomial 0xad93d23594c935a9, reflected, initial value 0, no final XOR; the check
 * value of "123456789" is 0xe9c6d914c4b8d9ca.
 */
#ifndef WS_CRC64_H
#define WS_CRC64_H

#include <stddef.h>
#include <stdint.h>

/* Continue `crc` (0 to begin) over n bytes: ws_crc64(ws_crc64(0, a), b) is the CRC of a and b joined. */
uint64_t ws_crc64(uint64_t crc, const void *data, size_t n);

/* The same without special instructions. */
uint64_t ws_crc64_by_tables(uint64_t crc, const void *data, size_t n);

#endif
