/* Runs every C kernel over random and hostile input in buffers of the exact size, and prints a digest of the results.
 *
 * Built by test_kernels_memory.py with the address and undefined-behaviour sanitizers, which end it at the first
 * read or write out of bounds; and once more with WSTORE_PORTABLE: the digests must be the same. Deterministic.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "check.h"
#include "crc16.h"
#include "crc64.h"
#include "glob.h"
#include "lzf.h"
#include "numbers.h"
#include "sha1.h"
#include "siphash.h"

enum { ROUNDS = 4000, SIZE_MAX_BYTES = 300 };

static uint64_t random_state = 0x9e3779b97f4a7c15u;
static uint64_t digest;

/* xorshift64 (Marsaglia, 2003) */
static uint64_t next_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void record(const void *data, size_t n) {
    digest = ws_crc64(digest, data, n);
}

static void record_number(uint64_t n) {
    record(&n, sizeof(n));
}

/* n random bytes of `alphabet` (NULL: all bytes), on the heap without a byte to spare. */
static char *random_bytes(size_t n, const char *alphabet) {
    char *const p = ws_alloc(n);
    for (size_t i = 0; i < n; i++) {
        const uint64_t r = next_random() >> 20;
        p[i] = alphabet ? alphabet[r % strlen(alphabet)] : (char)r;
    }
    return p;
}

static void check_hashes(size_t n) {
    const uint64_t key[2] = {next_random(), next_random()};
    char *const p = random_bytes(n, next_random() & 1 ? "{}ab" : NULL);
    uint8_t sha[20];
    ws_sha1(p, n, sha);
    record(sha, sizeof(sha));
    record_number(ws_crc16(p, n));
    record_number((uint64_t)ws_key_slot(p, n));
    record_number(ws_siphash13(p, n, key));
    ws_free(p);
}

static void check_lzf(size_t n) {
    char *const p = random_bytes(n, next_random() & 1 ? "ab" : NULL);
    const size_t cap = next_random() % (n + n / 8 + 2);
    char *const packed = ws_alloc(cap), *const back = ws_alloc(n);
    const size_t size = ws_lzf_compress(p, n, packed, cap);
    WS_ASSERT(size <= cap);
    record(packed, size);
    if (size > 0) {
        const size_t unpacked = ws_lzf_decompress(packed, size, back, n);
        if (unpacked != n || memcmp(p, back, n) != 0) abort();
        packed[next_random() % size] = (char)next_random();
        record_number(ws_lzf_decompress(packed, size, back, n));
    }
    record_number(ws_lzf_decompress(p, n, back, n));
    ws_free(p);
    ws_free(packed);
    ws_free(back);
}

static void check_glob(size_t n) {
    const size_t pattern_size = next_random() % 12;
    char *const pattern = random_bytes(pattern_size, "*?[]^-\\aB"), *const text = random_bytes(n % 20, "aBb-]");
    record_number((uint64_t)ws_glob_match(pattern, pattern_size, text, n % 20, (int)(next_random() & 1)));
    ws_free(pattern);
    ws_free(text);
}

static void check_numbers(size_t n) {
    char *const text = random_bytes(n % 25, next_random() & 1 ? "0123456789" : "0123456789-+.einfax ");
    int64_t i = 0;
    double d = 0;
    long double ld = 0;
    record_number((uint64_t)ws_str_to_i64(text, n % 25, &i));
    record_number((uint64_t)i);
    record_number((uint64_t)ws_str_to_double(text, n % 25, &d));
    record(&d, sizeof(d));
    if (ws_str_to_long_double(text, n % 25, &ld)) {
        char *const out = ws_alloc(WS_LONG_DOUBLE_TEXT_MAX);
        record(out, ws_long_double_to_str(out, ld));
        ws_free(out);
    }
    ws_free(text);
}

static void check_texts(void) {
    const uint64_t bits = next_random() >> (next_random() & 63);
    double d;
    char *const out = ws_alloc(WS_U64_TEXT_MAX), *const wide = ws_alloc(WS_DOUBLE_TEXT_MAX);
    memcpy(&d, &bits, sizeof(d));
    record(out, ws_u64_to_str(out, bits));
    record(out, ws_i64_to_str(out, (int64_t)bits));
    record(out, ws_i64_to_str(out, (int64_t)(0 - bits)));
    record(wide, ws_double_to_str(wide, d));
    ws_free(out);
    ws_free(wide);
}

int main(void) {
    for (int round = 0; round < ROUNDS; round++) {
        const size_t n = next_random() % SIZE_MAX_BYTES;
        check_hashes(n);
        check_lzf(n);
        check_glob(n);
        check_numbers(n);
        check_texts();
    }
    if (ws_alloc_used() != 0) abort();
    printf("%016llx\n", (unsigned long long)digest);
    return 0;
}
