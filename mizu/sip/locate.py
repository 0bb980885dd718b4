"""Where a request for a URI goes: transport, address and port, in the order to try (RFC 3263 4, RFC 2782, RFC 7118).

Asks a resolver that gives Futures (see net/resolver) and draws weights from the entropy it is given.  A name server
that does not know NAPTR or SRV must not keep a call from an address that is there, so their failures count as none.
Knows no sockets, no clock, and not whether a target answers.
"""

from ..base.errors import NotReached

MAX_TARGETS = 16
"""Addresses tried for one URI: by then its caller has hung up."""

SERVICES = {"SIP+D2U": "UDP", "SIP+D2T": "TCP", "SIPS+D2T": "TLS"}
"""NAPTR services of the transports that we open connections of."""

_SRV = {"UDP": "_sip._udp.", "TCP": "_sip._tcp.", "TLS": "_sips._tcp."}


async def locate(resolver, entropy, host, port=None, transport="", secure=False):
    """[(transport, host, port)] with transport UDP, TCP or TLS and numeric hosts; never empty.

    host, port      of the URI (or its maddr), port None where it names none
    transport       its transport parameter, "" where it has none
    secure          a sips URI: nothing but TLS

    NotReached: the name has no address, nobody could tell, or the transport is none that we open.
    """
    wanted = _wanted(transport, secure)
    if resolver.is_numeric(host):
        transport = wanted or ("TLS" if secure else "UDP")
        return [(transport, host.strip("[]"), port or default_port(transport))]
    if port:
        transport = wanted or ("TLS" if secure else "UDP")
        return await _hosts(resolver, host, [(transport, host, port)])
    resolver.addresses(host)        # most names have nothing else: what is needed then is under way meanwhile
    services = [(wanted, _SRV[wanted] + host)] if wanted else await _services(resolver, host, secure)
    found = []
    for transport, records in [(transport, resolver.srv(name)) for transport, name in services]:
        records = await _tolerant(records)
        found += [(transport, target, number) for _, _, number, target in weighted(records, entropy) if target]
    if not found:
        transport = wanted or ("TLS" if secure else "UDP")
        found = [(transport, host, default_port(transport))]
    return await _hosts(resolver, host, found)


def default_port(transport):
    return 5061 if transport in ("TLS", "WSS") else 5060


def weighted(records, entropy):
    """SRV records in the order to try: by priority, among equals by chance as their weights say (RFC 2782)."""
    ordered, left = [], sorted(records)                 # weight 0 stands in front, as the RFC asks
    while left:
        equals = [record for record in left if record[0] == left[0][0]]
        number = int.from_bytes(entropy.bytes(4), "big") % (sum(record[1] for record in equals) + 1)
        for record in equals:
            number -= record[1]
            if number <= 0:
                break
        ordered.append(record)
        left.remove(record)
    return ordered


def _wanted(transport, secure):
    """The transport that the URI leaves no choice about, or ""."""
    transport = transport.upper()
    if not transport:
        return ""
    transport = "TLS" if secure and transport == "TCP" else transport
    if transport not in _SRV or secure and transport != "TLS":
        raise NotReached(502, f"no connection is opened over {'sips and ' if secure else ''}{transport[:16]}")
    return transport


async def _services(resolver, host, secure):
    """[(transport, name of its SRV records)]: what NAPTR says, else what is usual (4.1)."""
    usual = [(transport, _SRV[transport] + host) for transport in (("TLS",) if secure else ("UDP", "TCP", "TLS"))]
    pointers = resolver.naptr(host)
    for _, name in usual:
        resolver.srv(name)          # the same
    rows = await _tolerant(pointers)
    found = [(SERVICES[service.upper()], replacement) for _, _, flags, service, _, replacement in rows
             if flags.lower() == "s" and service.upper() in SERVICES]
    return [each for each in found if each[0] == "TLS" or not secure][:MAX_TARGETS] or usual


async def _hosts(resolver, name, targets):
    """The addresses of the targets; asked for together, so that one slow name delays no other."""
    asked = [(transport, resolver.addresses(host), port) for transport, host, port in targets[:MAX_TARGETS]]
    found, failure = [], None
    for transport, future, port in asked:
        try:
            found += [(transport, host, port) for host in await future]
        except NotReached as error:
            failure = error
    if not found:
        raise failure or NotReached(404, f"{name[:255]} has no address")
    return list(dict.fromkeys(found))[:MAX_TARGETS]


async def _tolerant(future):
    """The records, [] where nobody could tell."""
    try:
        return await future
    except NotReached:
        return []
