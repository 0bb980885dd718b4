"""Digest authentication of SIP: RFC 7616 as RFC 8760 takes it over, RFC 2617 and 2069 as phones still speak them.

Server: a nonce carries its time, a serial number and a MAC over both and the address it was given to, so no table of
nonces is kept.  What was used is remembered as one number a nonce in a ring: a count (`nc`) that is not above it is
stale, which a phone answers with the new nonce by itself.  Client: authorize() answers a challenge.
Knows no accounts and no messages; credentials are the dict of headers.parse_credentials.
"""

from array import array
from hashlib import blake2s, md5, sha256
from hmac import compare_digest

OK, STALE, WRONG, BROKEN = "ok", "stale", "wrong", "broken"
"""The proof holds · a new nonce is needed · password or count are wrong · no digest that could be computed."""

MD5, SHA256 = "MD5", "SHA-256"
ALGORITHMS = (SHA256, MD5)
"""As they are offered, the better one first (RFC 8760 2.3)."""

_RING = 1 << 20
"""Nonces whose counts are remembered, in 2 MiB: those of two minutes at 8,000 challenges a second."""

_USED_UP = 0xFFFF
"""The count of a nonce that takes no more."""


def _md5(data):
    return md5(data, usedforsecurity=False)


_HASHES = {MD5: (MD5, _md5, False), "MD5-SESS": (MD5, _md5, True),
           SHA256: (SHA256, sha256, False), "SHA-256-SESS": (SHA256, sha256, True)}
"""Name in capitals -> (algorithm of HA1, hash, whether HA1 is of the session)."""


class Nonces:
    """lifetime: a callable that gives the seconds of a nonce."""

    def __init__(self, entropy, clock, lifetime=lambda: 300):
        self.clock = clock
        self.lifetime = lifetime
        self._key = entropy.bytes(32)
        self._serial = 0
        self._counts = array("H", bytes(2 * _RING))

    def issue(self, host):
        """A new nonce for this address, 32 hex digits."""
        self._serial = serial = self._serial + 1 & 0xFFFFFFFF
        self._counts[serial % _RING] = 0
        text = "%08x%08x" % (int(self.clock.monotonic()), serial)
        return text + self._mac(text, host)

    def _mac(self, text, host):
        return blake2s((text + host).encode(), key=self._key, digest_size=8).hexdigest()

    def check(self, credentials, host):
        """OK if the nonce was given to this address, lives, and takes this count; else STALE, or BROKEN."""
        nonce = credentials.get("nonce", "")
        text = nonce[:16]
        if len(nonce) != 32 or not nonce.isascii() or not compare_digest(self._mac(text, host), nonce[16:]):
            return STALE
        serial = int(text[8:], 16)
        if int(text[:8], 16) + self.lifetime() < self.clock.monotonic() or self._serial - serial & 0xFFFFFFFF >= _RING:
            return STALE
        count = _count(credentials)
        if count is None:
            return BROKEN
        return OK if self._counts[serial % _RING] < count else STALE

    def spend(self, credentials):
        """Note that credentials were accepted: neither they nor older ones of their nonce are again."""
        count = _count(credentials) if credentials.get("qop") else _USED_UP
        self._counts[int(credentials["nonce"][8:16], 16) % _RING] = count


def _count(credentials):
    """`nc`, which is 1 where no qop makes one necessary; None if it is no count."""
    if not credentials.get("qop"):
        return 1
    text = credentials.get("nc", "")
    if len(text) != 8 or not text.isalnum():
        return None
    try:
        return min(int(text, 16), _USED_UP)
    except ValueError:
        return None


def challenges(realm, nonce, stale=False, algorithms=ALGORITHMS):
    """The values of WWW-Authenticate or Proxy-Authenticate, one a header line."""
    end = ', stale=true, algorithm=' if stale else ', algorithm='
    start = f'Digest realm="{_quoted(realm)}", qop="auth", nonce="{nonce}"{end}'
    return [start + algorithm for algorithm in algorithms]


def supported(credentials, algorithms=ALGORITHMS):
    """Whether credentials name an algorithm that was offered."""
    known = _HASHES.get((credentials.get("algorithm") or MD5).upper())
    return known is not None and known[0] in algorithms


def verify(credentials, method, ha1_of, body=b""):
    """OK, WRONG, or BROKEN; the nonce is for Nonces.check to judge.

    ha1_of(algorithm) -> H(A1) in hex of "MD5" or "SHA-256", for the user name as it was sent
    """
    found = _HASHES.get((credentials.get("algorithm") or MD5).upper())
    if found is None:
        return BROKEN
    algorithm, hash, session = found
    get = credentials.get
    uri, nonce, sent, qop = get("uri"), get("nonce"), get("response"), get("qop") or ""
    cnonce = get("cnonce") or ""
    if not uri or not nonce or not sent or (qop or session) and not cnonce:
        return BROKEN
    ha1 = ha1_of(algorithm)
    if session:
        ha1 = hash(f"{ha1}:{nonce}:{cnonce}".encode()).hexdigest()
    wanted = _response(hash, ha1, method, uri, nonce, get("nc", ""), cnonce, qop.lower(), body)
    if wanted is None:
        return BROKEN
    return OK if compare_digest(wanted.encode(), sent.lower().encode("utf-8", "replace")) else WRONG


def _response(hash, ha1, method, uri, nonce, count, cnonce, qop, body):
    """The `response` (RFC 7616 3.4.1), None for a qop that there is not."""
    a2 = f"{method}:{uri}"
    if qop == "auth-int":
        a2 += ":" + hash(body).hexdigest()
    elif qop != "auth" and qop:
        return None
    ha2 = hash(a2.encode("utf-8", "replace")).hexdigest()
    middle = f"{nonce}:{count}:{cnonce}:{qop}" if qop else nonce
    return hash(f"{ha1}:{middle}:{ha2}".encode("utf-8", "replace")).hexdigest()


def ha1(algorithm, username, realm, password):
    """H(A1) in hex of "MD5" or "SHA-256"."""
    return _HASHES[algorithm][1](f"{username}:{realm}:{password}".encode("utf-8", "replace")).hexdigest()


# -- client

def strength(challenge):
    """How much a challenge is worth as authorize() judges it: 0 if it cannot be answered."""
    found = _HASHES.get((challenge.get("algorithm") or MD5).upper())
    qops = _qops(challenge)
    if found is None or not challenge.get("nonce") or qops and "auth" not in qops:
        return 0
    return 2 if found[0] == SHA256 else 1


def authorize(challenge, method, uri, username, password, cnonce, count=1):
    """The value of Authorization or Proxy-Authorization that answers a challenge, or "" where that cannot be done.

    challenge   {name: value} of headers.parse_challenge
    cnonce      fresh text of the caller's entropy
    count       how often this nonce has been used, this time included
    """
    if not strength(challenge):
        return ""
    get = challenge.get
    named = get("algorithm") or ""
    algorithm, hash, session = _HASHES[(named or MD5).upper()]
    realm, nonce, opaque = get("realm") or "", get("nonce"), get("opaque")
    secret = ha1(algorithm, username, realm, password)
    if session:
        secret = hash(f"{secret}:{nonce}:{cnonce}".encode()).hexdigest()
    qop = "auth" if _qops(challenge) else ""
    counted = "%08x" % count
    response = _response(hash, secret, method, uri, nonce, counted, cnonce, qop, b"")
    parts = [f'Digest username="{_quoted(username)}"', f'realm="{_quoted(realm)}"', f'nonce="{_quoted(nonce)}"',
             f'uri="{_quoted(uri)}"', f'response="{response}"']
    if named:
        parts.append("algorithm=" + named)
    if qop:
        parts += [f"qop={qop}", f"nc={counted}"]
    if qop or session:
        parts.append(f'cnonce="{cnonce}"')
    if opaque is not None:
        parts.append(f'opaque="{_quoted(opaque)}"')
    return ", ".join(parts)


def _qops(challenge):
    return [word.strip().lower() for word in (challenge.get("qop") or "").split(",") if word.strip()]


def _quoted(text):
    return text.replace("\\", "\\\\").replace('"', '\\"') if "\\" in text or '"' in text else text
