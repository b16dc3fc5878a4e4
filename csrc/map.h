/* map: a whole file as read-only memory, to be read once from front to back.
 *
 * Behind the last byte lie at least WS_MAP_SLACK readable zeros. A file that another process cuts short while it is
 * mapped ends this one (SIGBUS): who maps a file owns it. */
#ifndef WS_MAP_H
#define WS_MAP_H

#include <stddef.h>

#define WS_MAP_SLACK 64

typedef struct {
    const unsigned char *data;
    size_t size;            /* of the file */
    size_t dropped;         /* bytes at the front whose pages were given back */
} ws_map;

int ws_map_open(ws_map *m, const char *path);   /* 0, or -1 with errno */
void ws_map_drop(ws_map *m, size_t upto);       /* bytes before that are done with: their pages need no memory */
void ws_map_close(ws_map *m);

#endif
