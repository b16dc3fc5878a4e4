/* SHA-1 (FIPS 180-4) of one buffer: the names of scripts and the digests that DEBUG DIGEST compares. Not for secrets. */
#ifndef WS_SHA1_H
#define WS_SHA1_H

#include <stddef.h>
#include <stdint.h>

void ws_sha1(const void *data, size_t n, uint8_t out[20]);

#endif
