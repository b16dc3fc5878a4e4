/* output: a file that is being written, for those who read it meanwhile.
 *
 * The writer opens it, tells how far it has come, and how it ended; readers have its descriptor, read at positions of
 * their own, and may be on any thread. It is gone when the last of them has let go of it, whatever its name.
 *
 * Invariants
 * * Bytes in front of `written` stay as they are.
 * * `state` is set once, behind the last change of `written`. */
#ifndef WS_OUTPUT_H
#define WS_OUTPUT_H

#include <stdint.h>

enum { WS_OUTPUT_GROWS, WS_OUTPUT_WHOLE, WS_OUTPUT_FAILED };

typedef struct ws_output ws_output;

ws_output *ws_output_new(void);             /* nothing is written yet; the caller holds it */
void ws_output_keep(ws_output *);           /* one more who holds it */
void ws_output_free(ws_output *);           /* one less */

void ws_output_open(ws_output *, int fd);   /* the descriptor, which may be -1, is its own from here on */
void ws_output_add(ws_output *, int64_t n); /* so many bytes more have been written */
void ws_output_end(ws_output *, int failed);

/* State, then how far it may be read and where (-1: it is not open yet); NULL: not asked for. */
int ws_output_look(const ws_output *, int64_t *written, int *fd);

#endif
