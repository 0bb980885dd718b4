"""What the header fields of an HTTP request say of the asker: address behind a proxy, foreign site, CORS.

Worked out once per block of fields (a connection sends the same block again and again).  Trust by address never
reaches a request that a browser sends for another site or that came through a proxy which is not ours.
"""

import ipaddress

from ..base.message import Peer

_FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip", "via")


class WebFacts:
    """peer (the client behind a trusted proxy), direct (see Request), accept, and the CORS fields as bytes:
    `cors` for any answer, `cors_fixed` with the fixed fields of API answers, `preflight` for OPTIONS."""
    __slots__ = ("peer", "direct", "accept", "cors", "cors_fixed", "preflight")


def web_facts(peer, fields, server):
    """Peer of the connection, {name in lower case: value} -> WebFacts."""
    facts = WebFacts()
    facts.peer, proxied = _client(peer, fields, server)
    facts.direct = not proxied and not _foreign(fields) and server.is_own_host(fields.get("host", ""))
    facts.accept = fields.get("accept", "")
    if facts.accept == "*/*":
        facts.accept = ""
    facts.cors = _cors(fields.get("origin", ""), server.settings.corsorigins)
    facts.cors_fixed = facts.cors + FIXED
    facts.preflight = facts.cors and facts.cors + (
        b"Access-Control-Allow-Methods: GET, HEAD, POST\r\nAccess-Control-Allow-Headers: *\r\n"
        b"Access-Control-Max-Age: 86400\r\n")
    return facts


FIXED = b"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"


def _client(peer, fields, server):
    """(Peer, came through a proxy that is not ours)."""
    if not any(name in fields for name in _FORWARDED):
        return peer, False
    proxies = server.trusted_proxies
    host = peer.host
    if not _within(host, proxies):
        return peer, True
    for hop in reversed(_hops(fields)):
        host = hop
        if not _within(hop, proxies):
            break
    if not _is_address(host):
        return peer, True
    return Peer(peer.transport, host, 0, peer.local, peer.secure), False


def _hops(fields):
    """The addresses a request passed, the client first (X-Forwarded-For, else RFC 7239)."""
    listed = fields.get("x-forwarded-for", "")
    if listed:
        return [_bare(hop) for hop in listed.split(",")]
    hops = []
    for element in fields.get("forwarded", "").split(","):
        for pair in element.split(";"):
            name, _, value = pair.strip().partition("=")
            if name.lower() == "for":
                hops.append(_bare(value.strip('"')))
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
