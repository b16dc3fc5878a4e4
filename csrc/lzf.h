/* LZF: the compression of long strings in RDB files and DUMP payloads.
 *
 * Format (of LibLZF, as RDB files carry it): a sequence of items, each beginning with a control byte c.
 *   000LLLLL                      c + 1 literal bytes follow: 1 to 32
 *   LLLooooo oooooooo             copy L + 2 bytes (L 1 to 6) from `o` + 1 bytes back in the output
 *   111ooooo LLLLLLLL oooooooo    the same with L = 7 + the second byte: copies of 9 to 264 bytes
 * Source and target of a copy may overlap, which repeats a pattern.
 */
#ifndef WS_LZF_H
#define WS_LZF_H

#include <stddef.h>

/* Compress in[0:n] into out[0:cap]; returns the size, or 0: it does not fit (or n is 0, or 4 GiB and more). */
size_t ws_lzf_compress(const void *in, size_t n, void *out, size_t cap);

/* Decompress; returns the size, or 0: the input is corrupt or its output is larger than cap.
 * Neither reads outside in[0:n] nor writes outside out[0:cap], whatever the input. */
size_t ws_lzf_decompress(const void *in, size_t n, void *out, size_t cap);

#endif
