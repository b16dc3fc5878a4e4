"""The server as a process: going into the background, its pid file, telling systemd how it is."""
import contextlib
import os

PID_FILE_DEFAULT = "/var/run/wstore.pid"


def go_into_background():
    """Become a daemon: a child without terminal, in a session of its own; the parent exits at once."""
    if os.fork() != 0:
        os._exit(0)
    os.setsid()
    handle = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(handle, standard)
    if handle > 2:
        os.close(handle)


def write_pid_file(path):
    """Write this process's id to `path`; OSError if that cannot be."""
    with open(path, "w") as file:
        file.write(f"{os.getpid()}\n")


def remove_file(path):
    """Remove a file if it is there."""
    with contextlib.suppress(OSError):
        os.unlink(path)


def is_supervised(mode):
    """Whether systemd waits for news of this process, as directive `supervised` says ("auto": if it does)."""
    return mode in ("systemd", "auto") and "NOTIFY_SOCKET" in os.environ


def notify_supervisor(text):
    """Send a state ("READY=1\\nSTATUS=...") to systemd, if it waits for one (protocol: sd_notify(3)).

    Whether it was sent.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return False
    import socket  # only here: a server that systemd did not start has no use for it
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect("\0" + address[1:] if address[0] == "@" else address)
        sock.sendall(text.encode())
        return True
    return False


def catch_signals(runtime):
    """From now on SIGTERM and SIGINT end the server; a second SIGINT, whatever it is doing.  SIGHUP is ignored."""
    import signal
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    runtime.loop.catch_signals()


def signal_name(runtime):
    """Name of the signal that ended the server, or "" if it was none."""
    import signal
    number = runtime.loop.stop_signal
    return signal.Signals(number).name if number else ""
