/* CRC16 of keys and the hash slot it gives.
 *
 * The variant is XMODEM: polynomial 0x1021, initial value 0, not reflected, no final XOR; the check value of
 * "123456789" is 0x31C3. Redis Cluster's specification takes it modulo 16384 for the slot of a key.
 */
#ifndef WS_CRC16_H
#define WS_CRC16_H

#include <stddef.h>
#include <stdint.h>

enum { WS_SLOT_COUNT = 16384 };

uint16_t ws_crc16(const char *p, size_t n);

/* The slot, 0 to 16383, of key p[0:n]. If the key holds a '{' and behind it a '}' with at least one byte between
 * the first '{' and the first '}' after it, only those bytes are hashed (the hash tag). */
int ws_key_slot(const char *p, size_t n);

#endif
