"""Addresses: plain forms of those we see, our own, and those of the local network.

Own addresses come from /proc (IPv4 fib_trie, route; IPv6 if_inet6, ipv6_route),
elsewhere from the host's name.  Knows no rule of trust.
"""

import socket
import sys

PROC = "/proc/net"

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10")
"""RFC 1918, 3927, 4193, 4291."""


def unmapped(host):
    """The address as rules know it: `::ffff:192.0.2.1` is 192.0.2.1, and a scope (`%eth0`) is left off."""
    if ":" in host:
        host = host.partition("%")[0]
        if host.startswith("::ffff:") and "." in host:
            return host[7:]
    return host


def is_loopback(host):
    return host.startswith("127.") or host == "::1"


def address_key(host):
    """What limits count by: the IPv4 address, the /64 of an IPv6 one."""
    if ":" not in host:
        return host
    try:
        return socket.inet_pton(socket.AF_INET6, host.partition("%")[0])[:8]
    except OSError:
        return host


def own_addresses(proc=PROC):
    """Addresses of this host as texts, IPv4 first, loopback among them, link-local ones not."""
    found = [*_own4(proc), *(host for host, _ in _own6(proc) if not host.startswith("fe80:"))]
    return found or _named()


def _own4(proc):
    """fib_trie shows `|-- 192.0.2.2` and below it `/32 host LOCAL`."""
    found, address = {}, ""
    for line in _lines(proc, "fib_trie"):
        words = line.split()
        if words[:1] == ["|--"]:
            address = words[1]
        elif words[:3] == ["/32", "host", "LOCAL"]:
            found[address] = True
    return list(found)


def _own6(proc):
    """[(address, length of its prefix)]"""
    rows = [line.split() for line in _lines(proc, "if_inet6")]
    return [(socket.inet_ntop(socket.AF_INET6, bytes.fromhex(row[0])), int(row[2], 16)) for row in rows]


def _named():
    """Where there is no /proc: what the host's own name says."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(socket.gethostname(), None)}
    except OSError:
        found = set()
    return ["127.0.0.1", *sorted(found - {"127.0.0.1"})]


class Lan:
    """The private subnets that this host's interfaces are in; the default gateway, behind which
    anybody may be, is no part of them.  Read again every 30 s, because laptops move."""

    SECONDS = 30

    def __init__(self, clock, proc=PROC):
        self._monotonic = clock.monotonic
        self._proc = proc
        self._until = 0.0
        self._subnets = self._gateways = ()

    def __contains__(self, host):
        now = self._monotonic()
        if now >= self._until:
            self._until = now + self.SECONDS
            self._read()
        packed = _packed(host)
        return packed is not None and packed not in self._gateways and _within(packed, self._subnets)

    def _read(self):
        subnets, gateways = [], set()
        for row in [line.split() for line in _lines(self._proc, "route")[1:]]:
            target, gateway, mask = (int(row[at], 16).to_bytes(4, sys.byteorder) for at in (1, 2, 7))
            if gateway != b"\0\0\0\0":
                gateways |= {gateway} if target == mask == b"\0\0\0\0" else set()
            elif _within(target, _PRIVATE):
                subnets.append((target, int.from_bytes(mask, "big").bit_count()))
        for host, length in _own6(self._proc):
            if _within(_packed(host), _PRIVATE):
                subnets.append((_packed(host), length))
        for row in [line.split() for line in _lines(self._proc, "ipv6_route")]:
            if row[1] == "00" and row[4] != "0" * 32:
                gateways.add(bytes.fromhex(row[4]))
        self._subnets, self._gateways = subnets, gateways


def _within(packed, subnets):
    return any(_inside(packed, subnet, length) for subnet, length in subnets)


def _inside(packed, subnet, length):
    differs = int.from_bytes(packed, "big") ^ int.from_bytes(subnet, "big")
    return len(packed) == len(subnet) and differs >> len(packed) * 8 - length == 0


def _packed(host):
    """The address as 4 or 16 bytes, or None."""
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except OSError:
        return None


def _lines(proc, name):
    try:
        with open(f"{proc}/{name}", encoding="ascii") as file:
            return file.read().splitlines()
    except OSError:
        return []


_PRIVATE = [(_packed(network.partition("/")[0]), int(network.partition("/")[2])) for network in PRIVATE]
