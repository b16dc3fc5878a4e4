/* Sockets: accepting, options, addresses as text. Stream sockets over IPv4, IPv6 and Unix paths, non-blocking. */
#ifndef WS_NET_H
#define WS_NET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { WS_ADDR_TEXT_MAX = 64 };     /* "[ipv6]:port" and its NUL fit */

typedef struct {
    uint8_t ip[16];                 /* IPv4 in the first four bytes */
    uint16_t port;
    uint8_t family;                 /* 4, 6, or 0: Unix socket or unknown */
} ws_addr;

/* A new non-blocking connection of a listener and its peer, or -1 with errno. */
int ws_accept(int listener, ws_addr *peer);
/* The socket's own end. */
void ws_local_addr(int fd, ws_addr *out);
/* The other end. */
void ws_peer_addr(int fd, ws_addr *out);
/* "127.0.0.1:6379", "[::1]:6379"; nothing for family 0. Returns the length, without the NUL. */
size_t ws_addr_text(const ws_addr *addr, char *out);
/* 1 for a loopback address (mapped into IPv6 as well) and for family 0. */
int ws_addr_is_loopback(const ws_addr *addr);

/* TCP only; keepalive_seconds 0: off. */
void ws_tcp_options(int fd, int nodelay, int keepalive_seconds);

/* As recv and send, never blocking and without SIGPIPE: bytes moved, 0 at the end of the stream (receive),
 * -1: nothing now, -2: the connection is broken. */
ssize_t ws_receive(int fd, void *buf, size_t cap);
ssize_t ws_send(int fd, const void *buf, size_t len);

/* A non-blocking pipe, close-on-exec. 0, or -1 with errno. */
int ws_wake_pipe(int fds[2]);
/* Reads a wake pipe empty; the last byte, or -1 if there was none. */
int ws_wake_drain(int fd);
void ws_wake(int fd);

#endif
