"""The digests that clients send as authmd5: the manual's two formulas, and those of the older interfaces.

Pure functions of texts; every result is 32 lower-case hex digits.
"""

from hashlib import md5


def _hex(text):
    return md5(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def digest_v3(authid, password, salt1, salt2, serversalt, nonce=""):
    """The documented digest, without its prefix `authv3_`."""
    return _hex(_hex(f"tU29m{authid}{password}{salt1}") + salt2 + serversalt + nonce)


def digest_bare(authid, password, salt1, serversalt, nonce=""):
    """The simplified formula."""
    return _hex(f"ck5Gp{authid}{password}{serversalt}{salt1}{nonce}")


def old_digests(authid, password, salt):
    """What clients of the older interfaces send; all of them are computed, whichever fits."""
    return (_hex(f"rD58s:{authid}:{password}:{salt}"), _hex(f"C8y5:{authid}:{password}:{salt}"),
            _hex(f"{authid}{password}{salt}"), _hex(f"{authid}{password}"),
            _hex(f"{authid}:{password}:{salt}"), _hex(f"{authid}:{password}"))
