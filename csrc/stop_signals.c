/* Handlers of SIGTERM and SIGINT; see stop_signals.h. Only async-signal-safe calls here. */
#include "stop_signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t seen;
static int *volatile stop_flag;
static volatile int wake;

static void on_stop_signal(int number)
{
    static const char insisted[] = "Asked to stop a second time: exiting at once.\n";
    int kept_errno = errno;
    ssize_t ignored = 0;

    if (number == SIGINT && seen) {
        ignored = write(STDERR_FILENO, insisted, sizeof(insisted) - 1);
        _exit(1);
    }
    seen = number;
    __atomic_store_n(stop_flag, 1, __ATOMIC_RELAXED);
    ignored = write(wake, "", 1);
    (void)ignored;
    errno = kept_errno;
}

static void set_action(void (*handler)(int))
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = handler;
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

void ws_stop_signals_catch(int *stopping, int wake_fd)
{
    seen = 0;
    stop_flag = stopping;
    wake = wake_fd;
    set_action(on_stop_signal);
}

int ws_stop_signals_seen(void)
{
    return seen;
}

void ws_stop_signals_release(void)
{
    set_action(SIG_DFL);
}
