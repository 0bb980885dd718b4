"""What an account's row says about calls, beyond what `Account` has: one SELECT, kept until the row changes.

Lists are read leniently, as people write them: separated by commas, semicolons, spaces or |.  Knows no call.
"""

import re

MOST = 20_000
"""Profiles in memory, 1.5 KB each; the table starts afresh when it is full."""

COLUMNS = ("id", "candial", "usergroup", "enabledprefixes", "blockprefixes", "allowedpartners", "maxlines",
           "ringgroup", "rgmode", "forwardalways", "forwardonbusy", "forwardonnoanswer", "noanswertimeout", "cli",
           "techprefix", "transip", "proxy", "ip", "port", "domainname", "protocol", "needregister", "upperusername",
           "upperserverdomain", "voicemail", "voicemailonbusy", "voicemailonnoansw", "voicemailalways", "iscallback",
           "anumberlookup", "usecallingcard", "ivrid", "record", "routertpcaller", "routertpcalled", "shorttelnumber",
           "displayname", "forwardearlystart", "changesptoring")

_LISTS = ("allowedpartners", "ringgroup")
_PREFIXES = ("enabledprefixes", "blockprefixes")
_TEXTS = ("usergroup", "forwardalways", "forwardonbusy", "forwardonnoanswer", "techprefix", "transip", "proxy", "ip",
          "domainname", "upperusername", "upperserverdomain", "shorttelnumber", "displayname")
_DEFAULTS = {"candial": 1, "noanswertimeout": 15, "cli": 1}
_SEPARATORS = re.compile(r"[,;|\s]+")

TRANSPORTS = ("UDP", "TCP", "TLS")
"""tb_users.protocol."""


class Profile:
    """The columns of COLUMNS: numbers, texts never None, lists and prefixes as tuples; `transport` of `protocol`."""
    __slots__ = COLUMNS

    def __init__(self, row):
        for name, value in zip(COLUMNS, row):
            setattr(self, name, value)
        for name in _LISTS:
            setattr(self, name, words(getattr(self, name)))
        for name in _PREFIXES:
            setattr(self, name, prefixes(getattr(self, name)))
        for name in _TEXTS:
            setattr(self, name, str(getattr(self, name) or "").strip())
        for name in _NUMBERS:
            value = getattr(self, name)
            setattr(self, name, value if value.__class__ is int else _DEFAULTS.get(name, 0))

    @property
    def transport(self):
        return TRANSPORTS[self.protocol] if 0 <= self.protocol < len(TRANSPORTS) else "UDP"

    @property
    def host(self):
        """Where a trunk is: its domain name, else its address."""
        return self.domainname or self.ip


_NUMBERS = tuple([name for name in COLUMNS if name not in _LISTS + _PREFIXES + _TEXTS])


class Profiles:
    """db."""

    def __init__(self, db):
        self.db = db
        self._held = {}
        self._select = f"SELECT {', '.join(COLUMNS)} FROM tb_users WHERE id = ?"
        db.on_touched.append(self._touched)

    def __len__(self):
        return len(self._held)

    def of(self, id):
        """The Profile of an account, None if there is none of that id."""
        profile = self._held.get(id)
        if profile is None:
            row = self.db.row(self._select, (id,))
            if row is None:
                return None
            if len(self._held) >= MOST:
                self._held.clear()
            profile = self._held[id] = Profile(row)
        return profile

    def reload(self):
        """After another process's commit: all are read again when they are asked for."""
        self._held.clear()

    def _touched(self, table, ids):
        if table == "tb_users":
            for id in ids:
                self._held.pop(id, None)


def words(text):
    """`john, 36301;7` -> ("john", "36301", "7")"""
    return tuple([word for word in _SEPARATORS.split(str(text or "")) if word])


def prefixes(text):
    """Beginnings of numbers in normal form: a leading + counts for nothing, * and X at the end neither."""
    return tuple([word.lstrip("+").rstrip("*.xX") for word in words(text)])


def permitted(number, enabled, blocked):
    """Whether a number may be called: the longest prefix that fits decides, a blocked one if both are as long; where
    some are enabled, one of them has to fit."""
    allowed = max([len(prefix) for prefix in enabled if number.startswith(prefix)], default=-1)
    refused = max([len(prefix) for prefix in blocked if number.startswith(prefix)], default=-1)
    if refused >= 0 and refused >= allowed:
        return False
    return allowed >= 0 or not enabled
