"""What the header fields of an HTTP request say of the asker: address behind a proxy, foreign site, CORS.

Worked out once per block of fields (a connection sends the same block again and again).  Trust by address never
reaches a request that a browser sends for another site or that came through a proxy which is not ours.
"""

import ipaddress

from ..base.message import Peer

_FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-host", "x-forwarded-proto", "via")
"""Fields that show that a request came through a proxy."""

FIXED = b"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"


class WebFacts:
    """peer (the client behind a trusted proxy), direct (see Request), accept, and the CORS fields as bytes:
    `cors` for any answer, `cors_fixed` with the fixed fields of API answers, `preflight` for OPTIONS.
    `proxies`: the server's trusted_proxies, another object once the settings have been read again."""
    __slots__ = ("peer", "direct", "accept", "cors", "cors_fixed", "preflight", "proxies")


def web_facts(peer, fields, server):
    """Peer of the connection, {name in lower case: value} -> WebFacts."""
    facts = WebFacts()
    facts.proxies = server.trusted_proxies
    facts.peer, unknown = _client(peer, fields, facts.proxies)
    facts.direct = not unknown and not _foreign(fields) and server.is_own_host(fields.get("host", ""))
    facts.accept = fields.get("accept", "")
    if facts.accept == "*/*":
        facts.accept = ""
    facts.cors = _cors(fields.get("origin", ""), server.settings.corsorigins)
    facts.cors_fixed = facts.cors + FIXED
    facts.preflight = facts.cors and facts.cors + (
        b"Access-Control-Allow-Methods: GET, HEAD, POST\r\nAccess-Control-Allow-Headers: *\r\n"
        b"Access-Control-Max-Age: 86400\r\n")
    return facts


def _client(peer, fields, proxies):
    """(Peer of the client, whether a proxy hides who that is)."""
    if not any(name in fields for name in _FORWARDED):
        return peer, False
    if not _within(peer.host, proxies):
        return peer, True
    told = [_client_of(hops, proxies) for hops in (_x_forwarded_for(fields), _forwarded(fields)) if hops]
    if len(set(told)) != 1 or not _is_address(told[0]):     # a client may forge the field that its proxy does not write
        return peer, True
    address = ipaddress.ip_address(told[0].partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    return Peer(peer.transport, str(address), 0, peer.local, peer.secure), False


def _client_of(hops, proxies):
    """The hop that reached the first of our proxies: what stands before it may be forged."""
    return next((hop for hop in reversed(hops) if not _within(hop, proxies)), hops[0])


def _x_forwarded_for(fields):
    return [_bare(hop) for hop in fields.get("x-forwarded-for", "").split(",") if hop.strip()]


def _forwarded(fields):
    """RFC 7239: for= of every element, "" where it is missing."""
    hops = []
    for element in fields.get("forwarded", "").split(","):
        pairs = dict(pair.strip().lower().partition("=")[::2] for pair in element.split(";"))
        if element.strip():
            hops.append(_bare(pairs.get("for", "").strip('"')))
    return hops


def _bare(hop):
    """An address without brackets and port."""
    hop = hop.strip()
    if hop[:1] == "[":
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _is_address(text):
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _within(host, networks):
    return _is_address(host) and ipaddress.ip_address(host) in networks


def _foreign(fields):
    """Whether a browser sends this on behalf of another site."""
    if fields.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return True
    host = fields.get("host", "")
    for name in ("origin", "referer"):
        sent = fields.get(name, "")
        if sent and sent.partition("://")[2].partition("/")[0] != host:
            return True
    return False


def _cors(origin, allowed):
    """The fields that let a page of `origin` read the answer, as the setting corsorigins says."""
    if "*" in allowed:
        return b"Access-Control-Allow-Origin: *\r\n"
    if origin and origin in allowed:
        return b"Access-Control-Allow-Origin: " + origin.encode("latin-1") + b"\r\nVary: Origin\r\n"
    return b""
