"""The service manager's protocol: sd_notify(3) and sd_listen_fds(3).  Without one everything here does nothing."""

import os
import socket

FIRST = 3       # SD_LISTEN_FDS_START
FDS = 64        # more than any unit file lists


def notify(environ, **fields):
    """Send fields such as READY=1, STATUS="12 calls" in one datagram; errors are ignored.  True if it was sent."""
    path = environ.get("NOTIFY_SOCKET", "")
    if path[:1] not in ("/", "@"):
        return False
    text = "\n".join(f"{name}={' '.join(str(value).splitlines())}" for name, value in fields.items())
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.setblocking(False)
            sock.sendto(text.encode(), "\0" + path[1:] if path[0] == "@" else path)
    except OSError:
        return False
    return True


def watchdog_seconds(environ, pid):
    """How often to send WATCHDOG=1: half of what the manager allows; 0 if it does not watch this process."""
    if environ.get("WATCHDOG_PID", str(pid)) != str(pid) or not environ.get("WATCHDOG_USEC", "").isdigit():
        return 0.0
    return int(environ["WATCHDOG_USEC"]) / 2e6


def inherited(environ, pid):
    """[(fd, name)] of the sockets that were passed to this process; from now on its children do not get them."""
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != str(pid) or not count.isdigit():
        return []
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    fds = range(FIRST, FIRST + min(int(count), FDS))
    for fd in fds:
        os.set_inheritable(fd, False)
    return [(fd, names[at] if at < len(names) else "") for at, fd in enumerate(fds)]


def socket_kind(fd):
    """("tcp" or "udp", host, port) of an inherited socket, or None if it is no such thing."""
    try:
        with socket.socket(fileno=os.dup(fd)) as sock:
            kind = {socket.SOCK_STREAM: "tcp", socket.SOCK_DGRAM: "udp"}.get(sock.type)
            if kind is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
                return None
            return kind, *sock.getsockname()[:2]
    except OSError:
        return None
