"""Chance from outside: the one place that draws random bytes."""

import secrets

_READABLE = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


POOL = 4096
"""Bytes drawn at once: a call to the system costs 3 us, a slice 0.2."""


class Entropy:
    """The system's random source.  Tests pass their own object with the same methods."""

    def __init__(self):
        self._pool = b""
        self._at = 0

    def bytes(self, nbytes):
        at = self._at
        self._at = end = at + nbytes
        if end > len(self._pool):
            self._pool, at, self._at = secrets.token_bytes(max(POOL, nbytes)), 0, nbytes
            end = nbytes
        return self._pool[at:end]

    def hex(self, nbytes):
        """`2 * nbytes` hex digits."""
        return self.bytes(nbytes).hex()

    @staticmethod
    def digits(count):
        """A decimal text of `count` digits that does not begin with 0."""
        return str(secrets.randbelow(9 * 10 ** (count - 1)) + 10 ** (count - 1))

    @staticmethod
    def password(length=16):
        """Letters and digits without the look-alikes 0 O 1 l I."""
        return "".join(secrets.choice(_READABLE) for _ in range(length))
