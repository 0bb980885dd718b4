"""Getting a port, or saying in one sentence why it cannot be had and who has it."""

import errno
import os
import socket

from .addresses import PROC

WILDCARDS = ("", "*", "0.0.0.0", "::")


class PortTaken(Exception):
    """The port cannot be had; the text is a sentence for whoever started the program.   udp: it is no TCP port"""

    def __init__(self, host, port, code, kind=socket.SOCK_STREAM):
        super().__init__(bind_error(host, port, code, kind))
        self.host = host
        self.port = port
        self.errno = code
        self.udp = kind == socket.SOCK_DGRAM

    def advise(self, how):
        """Itself, saying how another port is chosen, where that helps."""
        other = {errno.EADDRINUSE: "another one", errno.EACCES: "one above 1023"}.get(self.errno)
        if other:
            self.args = (f"{self}; choose {other} with {how}",)
        return self


def bound_socket(kind, host, port):
    """A non-blocking socket of SOCK_STREAM or SOCK_DGRAM bound to host ("" or "*": all of IPv4; "::" all of IPv6)."""
    host = "0.0.0.0" if host in ("", "*") else host
    try:
        name = host.encode() if host.isascii() else host       # as bytes it takes no tables of Unicode: 1 MB
        family, _, _, _, address = socket.getaddrinfo(name, port, 0, kind, 0, socket.AI_PASSIVE)[0]
        sock = socket.socket(family, kind)
    except OSError as error:
        raise PortTaken(host, port, error.errno, kind) from error
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)      # past connections in TIME_WAIT may stay
        sock.setblocking(False)
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise PortTaken(host, port, error.errno, kind) from error
    return sock


def bind_error(host, port, code, kind=socket.SOCK_STREAM):
    """The sentence for an errno of bind()."""
    what = f"{'UDP' if kind == socket.SOCK_DGRAM else 'TCP'} port {port}"
    if code == errno.EADDRINUSE:
        who = holder(port, kind)
        return f"{what} is in use{' by ' + who if who else ''}"
    if code == errno.EACCES:
        return f"{what} needs root or the capability CAP_NET_BIND_SERVICE"
    if code == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this host, so port {port} cannot be opened there"
    return f"{what} of {host} cannot be opened: {os.strerror(code) if code and code > 0 else 'unknown address'}"


def holder(port, kind=socket.SOCK_STREAM, proc="/proc"):
    """`nginx (pid 123)` for the process that has the port, "" if it cannot be found (other users' are hidden)."""
    inodes = _inodes(port, "udp" if kind == socket.SOCK_DGRAM else "tcp", proc + PROC.removeprefix("/proc"))
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for pid in filter(str.isdigit, os.listdir(proc) if wanted else ()):
        if wanted.intersection(_links(f"{proc}/{pid}/fd")):
            return f"{_name(f'{proc}/{pid}/comm')} (pid {pid})"
    return ""


def _name(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return "a process"


def _links(folder):
    """What the descriptors of a process are; nothing if it is gone, or not ours to look at."""
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        try:
            yield os.readlink(f"{folder}/{name}")
        except OSError:
            pass        # closed meanwhile


def _inodes(port, protocol, folder):
    """Inodes of the sockets that listen on the port (state 0A), or for UDP have it (07)."""
    found = set()
    for name in (protocol, protocol + "6"):
        try:
            with open(f"{folder}/{name}", encoding="ascii") as file:
                rows = [line.split() for line in file.readlines()[1:]]
        except OSError:
            continue
        state = "07" if protocol == "udp" else "0A"
        found |= {row[9] for row in rows if row[3] == state and int(row[1].rpartition(":")[2], 16) == port}
    return found
