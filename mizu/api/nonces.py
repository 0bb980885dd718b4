"""Nonces of `preauth`: handed to an address, alive for `noncelifetime` seconds, known by their first characters.

Clients send back 10 or 16 characters of 32, so a nonce is found by its first 10.
"""

PREFIX = 10
_MOST = 50_000
"""About 12 MiB; the oldest goes first, and one address reaches no more than its request limit allows."""


class Nonce:
    __slots__ = ("text", "host", "expires")

    def __init__(self, text, host, expires):
        self.text = text
        self.host = host
        self.expires = expires


class Nonces:
    """lifetime: a callable that gives the seconds, so that a reload applies at once."""

    def __init__(self, clock, entropy, lifetime):
        self.clock = clock
        self.entropy = entropy
        self.lifetime = lifetime
        self._live = {}

    def __len__(self):
        return len(self._live)

    def issue(self, host):
        """A new nonce for this address, 32 hex digits."""
        now = self.clock.monotonic()
        live = self._live
        while live:
            oldest = next(iter(live))
            if live[oldest].expires > now and len(live) < _MOST:
                break
            del live[oldest]
        text = self.entropy.hex(16)
        live[text[:PREFIX]] = Nonce(text, host, now + self.lifetime())
        return text

    def find(self, start):
        """The live nonce that begins with this text of 10 characters or more, else None."""
        nonce = self._live.get(start[:PREFIX])
        if nonce is None or not nonce.text.startswith(start) or len(start) < PREFIX:
            return None
        return nonce if nonce.expires > self.clock.monotonic() else None
