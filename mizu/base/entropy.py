"""Chance from outside: the one place that draws random bytes."""

import secrets

_READABLE = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class Entropy:
    """The system's random source.  Tests pass their own object with the same methods."""

    @staticmethod
    def hex(nbytes):
        """`2 * nbytes` hex digits."""
        return secrets.token_hex(nbytes)

    @staticmethod
    def digits(count):
        """A decimal text of `count` digits that does not begin with 0."""
        return str(secrets.randbelow(9 * 10 ** (count - 1)) + 10 ** (count - 1))

    @staticmethod
    def password(length=16):
        """Letters and digits without the look-alikes 0 O 1 l I."""
        return "".join(secrets.choice(_READABLE) for _ in range(length))

    bytes = staticmethod(secrets.token_bytes)
