/* output: see output.h. */
#include "output.h"

#include <stdatomic.h>
#include <unistd.h>

#include "alloc.h"
#include "background.h"
#include "check.h"

struct ws_output {
    _Atomic int holders, fd, state;
    _Atomic int64_t written;
};

ws_output *ws_output_new(void) {
    ws_output *o = ws_alloc_zeroed(sizeof *o);
    atomic_store(&o->holders, 1);
    atomic_store(&o->fd, -1);
    return o;
}

void ws_output_keep(ws_output *o) { atomic_fetch_add(&o->holders, 1); }

static int64_t closing;         /* in the background */

/* A file without a name is freed as it is closed, which takes the system some ms for each hundred megabytes. */
static void run_close(void *arg) {
    ws_output *o = arg;
    if (atomic_load(&o->fd) >= 0) close(atomic_load(&o->fd));
    ws_free(o);
}

void ws_output_free(ws_output *o) {
    if (atomic_fetch_sub(&o->holders, 1) == 1) ws_background_run(run_close, o, 1, &closing, NULL);
}

void ws_output_open(ws_output *o, int fd) {
    WS_ASSERT(atomic_load(&o->fd) < 0);
    atomic_store(&o->fd, fd);
}

void ws_output_add(ws_output *o, int64_t n) {
    WS_ASSERT(atomic_load(&o->state) == WS_OUTPUT_GROWS);
    atomic_fetch_add(&o->written, n);
}

void ws_output_end(ws_output *o, int failed) {
    WS_ASSERT(atomic_load(&o->state) == WS_OUTPUT_GROWS);
    atomic_store(&o->state, failed ? WS_OUTPUT_FAILED : WS_OUTPUT_WHOLE);
}

int ws_output_look(const ws_output *o, int64_t *written, int *fd) {
    const int state = atomic_load(&o->state);
    if (fd != NULL) *fd = atomic_load(&o->fd);
    if (written != NULL) *written = atomic_load(&o->written);
    return state;
}
