"""What a request says -> Request: its command, its parameters by name, the format of its answer.

Undoes the XOR/Base64 obfuscation, finds the command (`apientry`, the path, or `param1`), and maps the manual's
positional order.  Knows the formats and the settings, but no transport and no right.
"""

from ..base.errors import ApiError
from ..base.message import Request
from ..formats.answer import judge_callback
from ..formats.negotiate import FORMATS, choose, format_named, guess
from ..formats.request import path_entry
from ..wire.obfuscate import reveal
from .oldapi import is_old, named

MAX_BATCH = 100
"""Commands in one batch: they share one transaction and one turn of the loop."""

_PLAIN = frozenset(FORMATS) - {"jsonp"}
"""What `format` may say that needs no second look."""

_LEADING = ("apientry", "authkey", "authid", "authpwd")
"""What param1 to param4 mean in a request that does not name its command otherwise."""


class Decoder:
    """settings: httpapiencryptkey, forcehttpcontenttype, defhttpcontenttype, enablejsonp."""

    def __init__(self, settings, clock):
        self.settings = settings
        self.monotonic = clock.monotonic
        self.serial = 0
        self.reload()

    def reload(self):
        """After a change of settings."""
        settings = self.settings
        self.key = settings.httpapiencryptkey
        self.forced = self._usable(settings.forcehttpcontenttype)
        self.default = self._usable(settings.defhttpcontenttype) or "text"

    def _usable(self, name):
        """The format a setting names; JSONP is none as long as it is off."""
        named = format_named(name) if name else None
        return None if named == "jsonp" and not self.settings.enablejsonp else named

    def request(self, parsed, peer, direct, accept=""):
        """formats.request.Parsed -> Request, or a list of them for a batch; ApiError 400 and 501."""
        params = parsed.params
        if params.__class__ is list:
            return self._batch(parsed, peer, direct, accept)
        return self._one(parsed, params, peer, direct, accept)

    def blank(self, peer, accept="", syntax="url", asked=""):
        """A Request that could not be decoded, so that its refusal still has a serial and a format."""
        self.serial += 1
        format = asked if asked in _PLAIN else self._format("", accept, syntax)
        return Request("", {}, peer, False, self.monotonic(), self.serial, syntax, format)

    def _batch(self, parsed, peer, direct, accept):
        if len(parsed.params) > MAX_BATCH:
            raise ApiError(400, f"a batch takes at most {MAX_BATCH} requests")
        return [self._one(parsed, params, peer, direct, accept) for params in parsed.params]

    def _one(self, parsed, params, peer, direct, accept):
        if self.key:
            if "mcrfs" in params or "oenc1_" in "".join(params.values()):
                params = reveal(params, self.key)
        elif "mcrfs" in params:
            raise ApiError(501, "obfuscated requests are disabled: set httpapiencryptkey")
        entry = params.get("apientry")
        if not entry:
            entry = path_entry(parsed.path)
            if not entry:
                params, entry = _positional(params)
        if "authid" not in params and is_old(entry.lower(), params):
            params = named(entry.lower(), params)
        self.serial += 1
        syntax = parsed.syntax
        asked = params.get("format")
        if asked in _PLAIN:
            format = asked
        elif asked or accept or self.forced or syntax != "url":
            format = self._format(_answer_format(entry, asked), accept, syntax)
            if asked and format == "jsonp":
                judge_callback(params.get("callback", ""))
        else:
            format = self.default
        return Request(entry.lower(), params, peer, direct, self.monotonic(), self.serial, syntax, format, parsed.files)

    def _format(self, asked, accept, syntax):
        if asked:
            chosen = choose(asked, "", accept, syntax, self.default)
            if chosen == "jsonp" and not self.settings.enablejsonp:
                raise ApiError(501, "format=jsonp is disabled: set enablejsonp")
            return chosen
        return self.forced or guess(accept, syntax) or self.default


def _answer_format(entry, asked):
    """`format`, but for the command whose own parameter of that name is a file format (1 to 4)."""
    return "" if asked and asked.isdigit() and entry.lower() == "voicerecdownload" else asked


def _positional(params):
    """param1 … as the manual orders them: command, key, user, password, then the command's own."""
    if "param1" not in params:
        return params, ""
    named = {}
    for name, value in params.items():
        index = name[5:] if name.startswith("param") else ""
        if not index.isdigit():
            named.setdefault(name, value)
        elif int(index) <= len(_LEADING):
            named.setdefault(_LEADING[int(index) - 1], value)
        else:
            named[f"param{int(index) - len(_LEADING)}"] = value
    return named, named.get("apientry", "")
