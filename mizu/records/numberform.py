"""The normal form of telephone numbers: digits with the calling code first, as routes, prices and records have them.

Rules in their order: separators and other junk out (normalize_clean), the leading + or international prefix off (00,
or the country's), the national prefix replaced by the calling code (normalize_localpx, else the country's).  A name
with a letter, @ or _ is no number and stays; so does what has fewer digits than minnormalizelength, an extension or
a service code.  Knows no table and no account.
"""

import re

from .countries import COUNTRIES

_NAME = re.compile(r"[^\W\d]|[@_]")

_JUNK = re.compile(r"[^0-9*#+]")

_SERVICE = re.compile(r"[*#]")

_TRUNK_ZERO = re.compile(r"\((0|06|8)\)")
"""+44 (0)20 …: what is dialled at home only."""

_LOCAL = re.compile(r"\s*(?:([0-9]{1,8})\s*[=:>]\s*)?\+?([0-9]{1,8})\s*", re.ASCII)


HOMES = 300
"""Pairs of local prefix and country that are kept: more than there are countries."""


class NumberForm:
    """settings: normalizenumbers, normalize_clean, normalize_localpx, minnormalizelength, country."""

    def __init__(self, settings):
        self.settings = settings
        self._homes = {}

    def normal(self, number, country="", rules=None):
        """A number as it was dialled -> its normal form; `rules`, a list, is told each rule that was applied.

        country   two letters, the setting's if empty
        """
        if number.isascii() and number.isdecimal() and not number.startswith(self._home(country).first):
            return number           # nothing to do for most calls
        return self._apply(number, country, self.settings.minnormalizelength, [] if rules is None else rules)

    def beginning(self, text, country=""):
        """The same for the beginning of a number, however short it is, as one asks for prices."""
        return self._apply(text, country, 0, [])

    def _apply(self, number, country, shortest, rules):
        settings = self.settings
        if not settings.normalizenumbers or _NAME.search(number):
            rules.append("numbers stay as they are dialled (normalizenumbers is 0)" if not settings.normalizenumbers
                         else "a name, not a number: it stays")
            return number
        cleaned = _clean(number) if settings.normalize_clean else number
        digits = len(_JUNK.sub("", cleaned).lstrip("+"))
        if digits < shortest or _SERVICE.search(cleaned):
            rules.append("a service code: it stays" if digits >= shortest else
                         f"shorter than {shortest} digits (minnormalizelength): it stays")
            return number
        if cleaned != number:
            rules.append(f"junk out: {number} is {cleaned} (normalize_clean)")
        found = self._international(cleaned, country, rules)
        return found if found is not None else self._national(cleaned, country, rules)

    def _international(self, number, country, rules):
        """Without its + or international prefix, None if it has none."""
        for prefix in ("+", self._home(country).international, "00"):
            if number.startswith(prefix):
                found = number[len(prefix):].lstrip("+")
                found = found.removeprefix("00") if prefix == "+" else found
                rules.append(f"{prefix} off: {found}")
                return found
        return None

    def _national(self, number, country, rules):
        for prefix, code in self._home(country).national:
            if number.startswith(prefix):
                found = code + number[len(prefix):]
                rules.append(f"national prefix {prefix} is {code}: {found}")
                return found
        return number

    def _home(self, country):
        key = self.settings.normalize_localpx, country or self.settings.country
        home = self._homes.get(key)
        if home is None:
            if len(self._homes) >= HOMES:
                self._homes.clear()
            home = self._homes[key] = Home(*key)
        return home


class Home:
    """What local numbers begin with.

    international   prefix of a foreign number · national   ((prefix, what replaces it), …)
    first           what a number begins with that is not in normal form
    """
    __slots__ = ("international", "national", "first")

    def __init__(self, local, country):
        country = COUNTRIES.get(country.strip().upper())
        self.international = "00" if country is None else country.international
        pairs = [match for part in local.split(",") if (match := _LOCAL.fullmatch(part))]
        self.national = tuple([(match[1] or "0", match[2]) for match in pairs])
        if not pairs and country is not None and country.national not in ("", country.code):
            self.national = ((country.national, country.code),)
        self.first = ("00", self.international, *[prefix for prefix, _ in self.national])


def _clean(number):
    """Digits, * and #, and a + in front."""
    number = number.strip()
    if number.startswith(("+", "00")):
        number = _TRUNK_ZERO.sub("", number, 1)
    plus = "+" if number[:1] == "+" else ""
    return plus + _JUNK.sub("", number).replace("+", "")

