/* A loop that appends, rolls and commits, beside threads that ask for facts, let the disk fail, and read what is
 * written: for the thread sanitizer, and a check that the files hold all of it, in order.
 *
 *     log_check DIR */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "faults.h"
#include "log.h"
#include "ticks.h"

enum { TURNS = 4000, LINE = 20 };

static const ws_log_mark PLAIN = {"", 0}, OTHER = {"0123456789012345678901234567890123456789", 12};
static _Atomic int done;

static void *disturb(void *arg) {
    ws_log *l = arg;
    for (int i = 0; !atomic_load(&done); i++) {
        ws_log_facts facts;
        ws_log_files files = {NULL, 0, 0};
        ws_log_get_facts(l, &facts);
        ws_log_get_files(l, &files);
        ws_log_files_clear(&files);
        if (i % 20 == 0) ws_fault_arm(i / 20 % WS_FAULT_LINK, 1, i % 3, ENOSPC);
        usleep(1000);
    }
    return NULL;
}

/* Whether the lines of a piece of the stream that begins at `offset` are its own. */
static int is_stream(const char *piece, int64_t n, int64_t offset) {
    char line[LINE + 1];
    for (int64_t i = 0; i < n; i++) {
        if (i == 0 || (offset + i) % LINE == 0)
            snprintf(line, sizeof line, "%019lld\n", (long long)((offset + i) / LINE));
        if (piece[i] != line[(offset + i) % LINE]) return 0;
    }
    return 1;
}

/* Reads the stream to its end, its pin going along, in pieces that are no whole lines; NULL, or what went wrong. */
static void *follow(void *arg) {
    ws_log *l = arg;
    char piece[333];
    int64_t at, n;
    do {
        at = ws_log_first(l);
    } while (ws_log_pin(l, at) != 0);
    while (at < TURNS * LINE) {
        if ((n = ws_log_read(l, at, piece, sizeof piece)) < 0) return "what is pinned cannot be read";
        if (!is_stream(piece, n, at)) return "other bytes than were written";
        if (n == 0) usleep(200);
        if (ws_log_pin(l, at + n) != 0) return "what lies behind a pin cannot be pinned";
        ws_log_unpin(l, at);
        at += n;
        usleep(100);
    }
    ws_log_unpin(l, at);
    return NULL;
}

static void append(ws_log *l, ws_log_buffer *b, int64_t n) {
    if (b->cap < LINE + 1) {
        b->cap = 256;
        b->data = ws_realloc(b->data, b->cap);
    }
    snprintf(b->data, LINE + 1, "%019lld\n", (long long)n);
    b->len = LINE;
    ws_log_append(l, b, ws_unix_ms());
}

static void make_base(ws_log *l, const char *dir, int64_t n) {
    char name[64], path[512];
    int error;
    if (ws_log_base_pending(l, &error)) return;
    snprintf(name, sizeof name, "log.%lld.base.rdb", (long long)ws_log_next_seq(l, 0));
    snprintf(path, sizeof path, "%s/%s", dir, name);
    fclose(fopen(path, "w"));
    ws_log_roll(l, &PLAIN);
    ws_log_set_base(l, name, ws_log_next_seq(l, 0), n * LINE);
}

/* The number behind the last line of all files; -1: they are not consecutive from the first one on. */
static int64_t lines_of(const char *dir, const ws_log_files *files) {
    int64_t expected = -1;
    for (size_t i = 0; i < files->count; i++) {
        char path[512], line[LINE + 1];
        if (!ws_log_is_incr(&files->at[i])) continue;
        snprintf(path, sizeof path, "%s/%s", dir, files->at[i].name);
        FILE *file = fopen(path, "r");
        if (expected < 0) expected = files->at[i].start / LINE;
        if (file == NULL || files->at[i].start != expected * LINE) return -1;
        fseek(file, files->at[i].preamble, SEEK_SET);
        for (; fread(line, 1, LINE, file) == LINE; expected++)
            if (atoll(line) != expected) return -1;
        fclose(file);
    }
    return expected;
}

static void wait_for_base(ws_log *l) {
    int error = 0;
    while (ws_log_base_pending(l, &error)) usleep(1000);
}

/* A pin keeps all history behind it; without it that goes, and who reads there is told; also of a log that has ended. */
static const char *check_pins(const char *folder) {
    char dir[512], piece[3 * LINE];
    ws_log_buffer buffer = {NULL, 0, 0};
    snprintf(dir, sizeof dir, "%s/pins", folder);
    mkdir(dir, 0755);
    ws_log *l = ws_log_new(dir, "log");
    if (ws_log_begin(l, 0, 0, &PLAIN) != 0) return "no log";
    for (int64_t n = 0; n < 6; n++) {
        append(l, &buffer, n);
        if (n == 1 && ws_log_pin(l, LINE) != 0) return "no pin";
        if (n % 2 == 1) make_base(l, dir, n + 1);
        wait_for_base(l);
    }
    if (ws_log_first(l) != 0) return "what is pinned has gone";
    if (ws_log_read(l, LINE, piece, sizeof piece) != LINE || !is_stream(piece, LINE, LINE)) return "wrong bytes";
    if (ws_log_read(l, 6 * LINE, piece, sizeof piece) != 0) return "bytes that are not there";
    ws_log_unpin(l, LINE);
    make_base(l, dir, 6);
    wait_for_base(l);
    while (ws_log_first(l) != 6 * LINE) usleep(1000);
    if (ws_log_read(l, LINE, piece, sizeof piece) != -1 || errno != ERANGE) return "what has gone is read";
    if (ws_log_pin(l, LINE) != -1 || ws_log_pin(l, 6 * LINE) != 0) return "the wrong pins";
    append(l, &buffer, 6);
    ws_log_keep(l);
    ws_log_stop(l);
    ws_log_free(l);
    if (ws_log_read(l, 6 * LINE, piece, sizeof piece) != LINE) return "nothing to read once it has ended";
    ws_log_free(l);
    ws_free(buffer.data);
    return NULL;
}

/* Reads whatever there is, as streams come and go, and lets go of pins. */
static void *read_anything(void *arg) {
    ws_log *l = arg;
    char piece[100];
    while (!atomic_load(&done)) {
        const int64_t at = ws_log_first(l);
        if (ws_log_pin(l, at) != 0) continue;
        ws_log_read(l, at, piece, sizeof piece);
        ws_log_unpin(l, at);
        usleep(100);
    }
    return NULL;
}

/* Resets beside writes, rolls and bases, while the disk fails now and then: the last stream is what stays. */
static const char *check_resets(const char *folder) {
    char dir[512], path[600];
    ws_log_buffer buffer = {NULL, 0, 0};
    pthread_t other, reader;
    int64_t begin = 0;
    snprintf(dir, sizeof dir, "%s/resets", folder);
    mkdir(dir, 0755);
    ws_log *l = ws_log_new(dir, "log");
    if (ws_log_begin(l, 0, 0, &PLAIN) != 0) return "no log";
    atomic_store(&done, 0);
    pthread_create(&other, NULL, disturb, l);
    pthread_create(&reader, NULL, read_anything, l);
    for (int64_t n = 0; n < TURNS; n++) {
        if (n % 500 == 300) {
            begin = 100 * n;
            snprintf(path, sizeof path, "%s/of-%lld", dir, (long long)n);
            fclose(fopen(path, "w"));
            ws_log_reset(l, strrchr(path, '/') + 1, n, begin * LINE, &OTHER);
        }
        const int64_t line = begin + n - (n < 300 ? 0 : (n - 300) / 500 * 500 + 300);
        append(l, &buffer, line);
        if (n % 70 == 69) ws_log_roll(l, &PLAIN);
        if (n % 170 == 169) make_base(l, dir, line + 1);
        if (n % 10 == 0) usleep(300);
    }
    atomic_store(&done, 1);
    pthread_join(other, NULL);
    pthread_join(reader, NULL);
    for (int kind = 0; kind < WS_FAULTS; kind++) ws_fault_arm(kind, 0, 0, 0);
    const int failed = ws_log_stop(l);
    ws_log_files files;
    ws_log_get_files(l, &files);
    const int64_t lines = lines_of(dir, &files), last = begin + (TURNS - 300) % 500;
    ws_log_files_clear(&files);
    ws_log_free(l);
    ws_free(buffer.data);
    return failed ? "it ended with an error" : lines != last ? "not all of the last stream is there" : NULL;
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    ws_log *l = ws_log_new(argv[1], "log");
    ws_log_buffer buffer = {NULL, 0, 0};
    ws_log_settings settings = {WS_LOG_EVERYSEC, 0, 4000, 0};
    pthread_t other, reader;
    void *wrong;
    if (ws_log_begin(l, 0, 0, &OTHER) != 0) return 3;
    pthread_create(&other, NULL, disturb, l);
    pthread_create(&reader, NULL, follow, l);
    for (int64_t n = 0; n < TURNS; n++) {
        settings.policy = n / 500 % 3;
        ws_log_configure(l, &settings);
        append(l, &buffer, n);
        if (n % 100 == 99) ws_log_roll(l, n % 1000 == 999 ? &OTHER : &PLAIN);
        if (n % 701 == 700) make_base(l, argv[1], n + 1);
        if (settings.policy == WS_LOG_ALWAYS) ws_log_commit(l);
        if (n % 10 == 0) usleep(500);
    }
    atomic_store(&done, 1);
    pthread_join(other, NULL);
    for (int kind = 0; kind < WS_FAULTS; kind++) ws_fault_arm(kind, 0, 0, 0);
    const int failed = ws_log_stop(l);
    pthread_join(reader, &wrong);
    ws_log_files files;
    ws_log_get_files(l, &files);
    const int good = lines_of(argv[1], &files) == TURNS;
    ws_log_files_clear(&files);
    ws_log_free(l);
    ws_free(buffer.data);
    const char *reading = wrong, *pins = check_pins(argv[1]), *resets = check_resets(argv[1]);
    printf("%d %d, reading: %s, pins: %s, resets: %s\n", failed, good, reading, pins, resets);
    return failed || !good || reading != NULL || pins != NULL || resets != NULL;
}
