"""Files of this host that tell about names: resolv.conf(5) and hosts(5), read again when they have changed."""

import os
import socket

from .addresses import unmapped

MAX_SERVERS = 3             # as resolv.conf(5)
MAX_SEARCH = 6
MAX_NAMES = 10_000          # of hosts(5)
MAX_FILE = 1 << 20          # bytes


class File:
    """What a file says, read again when it has changed."""

    def __init__(self, path, read):
        self.path = path
        self._read = read
        self._stamp = ""
        self.value = read(())

    def look(self):
        """Whether it says something else than before."""
        try:
            stat = os.stat(self.path)
            stamp = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if stamp == self._stamp:
                return False
            with open(self.path, encoding="utf-8", errors="replace") as file:
                lines = file.read(MAX_FILE).splitlines()
        except OSError:
            stamp, lines = None, ()
        self._stamp, before = stamp, self.value
        self.value = self._read([words for line in lines if (words := line.split("#")[0].split(";")[0].split())])
        return self.value != before


def read_resolv(lines):
    """([(host, port)], [search domain]) of resolv.conf(5); a name server of this host where none is named."""
    servers = [server for words in lines if words[0] == "nameserver" and (server := parse_server(words[-1]))]
    search = [words[1:] for words in lines if words[0] in ("search", "domain") and len(words) > 1]
    return servers[:MAX_SERVERS] or [("127.0.0.1", 53)], (search[-1] if search else [])[:MAX_SEARCH]


def read_hosts(lines):
    """{name: [address]} of hosts(5), v4 first."""
    found = {}
    for address, *names in lines:
        if is_numeric(address):
            for name in names:
                if len(found) < MAX_NAMES:
                    found.setdefault(name.lower(), []).append(unmapped(address))
    return {name: sorted(dict.fromkeys(hosts), key=lambda host: ":" in host) for name, hosts in found.items()}


def parse_server(text):
    """(host, port) of 9.9.9.9, 9.9.9.9:53, 2001:db8::1 or [2001:db8::1]:53; None for something else."""
    host, port = text, "53"
    if text[:1] == "[":
        host, _, port = text[1:].partition("]")
        port = port[1:] or "53"
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    return (host, int(port)) if is_numeric(host) and port.isdecimal() and int(port) < 65536 else None


def is_numeric(host):
    """Whether it is an address and no name."""
    host = host.strip("[]")
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host.partition("%")[0])
    except (OSError, ValueError):
        return False
    return True
