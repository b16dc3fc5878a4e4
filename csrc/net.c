/* Sockets of Linux; see net.h. */
#define _GNU_SOURCE
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void addr_from(const struct sockaddr_storage *from, ws_addr *out) {
    memset(out, 0, sizeof(*out));
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
        out->family = 4;
        out->port = ntohs(v4->sin_port);
        memcpy(out->ip, &v4->sin_addr, 4);
    } else if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;
        out->family = 6;
        out->port = ntohs(v6->sin6_port);
        memcpy(out->ip, &v6->sin6_addr, 16);
    }
}

int ws_accept(int listener, ws_addr *peer) {
    struct sockaddr_storage from = {0};
    socklen_t size = sizeof(from);
    int fd = accept4(listener, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        addr_from(&from, peer);
    return fd;
}

void ws_local_addr(int fd, ws_addr *out) {
    struct sockaddr_storage own = {0};
    socklen_t size = sizeof(own);
    if (getsockname(fd, (struct sockaddr *)&own, &size) != 0)
        memset(&own, 0, sizeof(own));
    addr_from(&own, out);
}

void ws_peer_addr(int fd, ws_addr *out) {
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof(peer);
    if (getpeername(fd, (struct sockaddr *)&peer, &size) != 0)
        memset(&peer, 0, sizeof(peer));
    addr_from(&peer, out);
}

size_t ws_addr_text(const ws_addr *addr, char *out) {
    char ip[INET6_ADDRSTRLEN] = "";
    out[0] = 0;
    if (addr->family == 0)
        return 0;
    inet_ntop(addr->family == 4 ? AF_INET : AF_INET6, addr->ip, ip, sizeof(ip));
    return (size_t)snprintf(out, WS_ADDR_TEXT_MAX, addr->family == 4 ? "%s:%u" : "[%s]:%u", ip, addr->port);
}

int ws_addr_is_loopback(const ws_addr *addr) {
    static const uint8_t mapped[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};
    static const uint8_t loopback6[16] = {[15] = 1};
    if (addr->family == 0)
        return 1;
    if (addr->family == 4)
        return addr->ip[0] == 127;
    return memcmp(addr->ip, loopback6, 16) == 0 || memcmp(addr->ip, mapped, 13) == 0;
}

void ws_tcp_options(int fd, int nodelay, int keepalive_seconds) {
    int on = 1, idle = keepalive_seconds, interval = keepalive_seconds / 3, count = 3;
    if (nodelay)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (keepalive_seconds <= 0)
        return;
    if (interval == 0)
        interval = 1;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

static ssize_t outcome(ssize_t n) {
    if (n >= 0)
        return n;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? -1 : -2;
}

ssize_t ws_receive(int fd, void *buf, size_t cap) {
    return outcome(recv(fd, buf, cap, MSG_DONTWAIT));
}

ssize_t ws_send(int fd, const void *buf, size_t len) {
    return outcome(send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL));
}

int ws_wake_pipe(int fds[2]) {
    return pipe2(fds, O_NONBLOCK | O_CLOEXEC);
}

int ws_wake_drain(int fd) {
    unsigned char bytes[64];
    int last = -1;
    ssize_t n;
    while ((n = read(fd, bytes, sizeof(bytes))) > 0)
        last = bytes[n - 1];
    return last;
}

void ws_wake(int fd) {
    char one = 0;
    ssize_t ignored = write(fd, &one, 1);
    (void)ignored;
}
