"""A SIP message as a value (RFC 3261 7): start line, header fields, body.

Header names are in canonical form (names.py).  Values are text as received (UTF-8; other octets survive as
surrogates) and parsed when asked for; what came out of `parse` has sound Via, From, To, CSeq and Max-Forwards.
Parsed values are shared: copy before changing one, then `set` its text.  Knows no transactions.
"""

import re

from ..base.errors import RemoteProtocolError
from .headers import parse_cseq, parse_number, parse_via, shared_name_addr, split_commas
from .names import KNOWN, canonical, reason_phrase

_BREAKS = re.compile(r"[\r\n\0]+[ \t]*")
_LONE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_CACHED = {"Via": "_via", "From": "_from", "To": "_to", "CSeq": "_cseq", "Contact": "_contact"}
_COPIED = ("Via", "From", "To", "Call-ID", "CSeq")      # into a response, in this order
_UNKNOWN = object()     # not parsed yet


class Message:
    """method (of a response its CSeq's) · uri · status 0 for a request · reason · fields {name: [line, …]} ·
    body · flow it came by, or None."""
    __slots__ = ("method", "uri", "status", "reason", "fields", "body", "flow",
                 "_via", "_from", "_to", "_cseq", "_contact")

    def __init__(self, method, uri, status, reason, fields, body=b""):
        self.method = method
        self.uri = uri
        self.status = status
        self.reason = reason
        self.fields = fields
        self.body = body
        self.flow = None
        self._via = self._from = self._to = self._cseq = self._contact = _UNKNOWN

    @classmethod
    def request(cls, method, uri):
        return cls(method, str(uri), 0, "", {})

    @classmethod
    def response(cls, status, reason="", method=""):
        return cls(method, "", status, reason or reason_phrase(status), {})

    def copy(self):
        """The same message with its own fields: for a request that is sent again with other credentials."""
        twin = Message(self.method, self.uri, self.status, self.reason,
                       {name: list(values) for name, values in self.fields.items()}, self.body)
        twin.flow = self.flow
        return twin

    @property
    def is_request(self):
        return not self.status

    def values(self, name):
        """The lines of a header, [] if there is none; the canonical spelling is the quick one."""
        return self.fields.get(name) or self.fields.get(KNOWN.get(name) or canonical(name), [])

    def get(self, name, default=""):
        """The first line."""
        values = self.fields.get(name) or self.fields.get(KNOWN.get(name) or canonical(name))
        return values[0] if values else default

    def items(self, name):
        """Every value, lists split at their commas; RemoteProtocolError 400 if quotes do not balance."""
        return [item for line in self.values(name) for item in split_commas(line)]

    def set(self, name, value):
        self.fields[self._touch(name)] = [_clean(value)]

    def add(self, name, value):
        self.fields.setdefault(self._touch(name), []).append(_clean(value))

    def prepend(self, name, value):
        self.fields.setdefault(self._touch(name), []).insert(0, _clean(value))

    def remove(self, name):
        self.fields.pop(self._touch(name), None)

    def _touch(self, name):
        name = KNOWN.get(name) or canonical(name)
        if not name:
            raise ValueError("not a header name")
        slot = _CACHED.get(name)
        if slot:
            setattr(self, slot, _UNKNOWN)
        return name

    @property
    def call_id(self):
        values = self.fields.get("Call-ID")
        return values[0] if values else ""

    @property
    def cseq(self):
        """(number, method)"""
        if self._cseq is _UNKNOWN:
            self._cseq = parse_cseq(self.get("CSeq"))
        return self._cseq

    @property
    def via(self):
        """The topmost Via."""
        if self._via is _UNKNOWN:
            self._via = parse_via((split_commas(self.get("Via")) or [""])[0])
        return self._via

    @property
    def branch(self):
        return self.via.branch

    @property
    def from_(self):
        if self._from is _UNKNOWN:
            self._from = shared_name_addr(self.get("From"))
        return self._from

    @property
    def to(self):
        if self._to is _UNKNOWN:
            self._to = shared_name_addr(self.get("To"))
        return self._to

    @property
    def from_tag(self):
        return self.from_.tag

    @property
    def to_tag(self):
        return self.to.tag

    @property
    def contact(self):
        """The first Contact, None if there is none or it is `*`."""
        if self._contact is _UNKNOWN:
            line = self.get("Contact", "*")
            first = (split_commas(line) or ["*"])[0] if "," in line else line
            self._contact = None if first in ("*", "") else shared_name_addr(first)
        return self._contact

    @property
    def max_forwards(self):
        return parse_number(self.get("Max-Forwards"))

    def reply(self, status, reason="", to_tag=""):
        """The response to this request (8.2.6); `to_tag` is added unless To has one."""
        mine = self.fields
        fields = {name: mine[name][:1] for name in _COPIED if name in mine}
        fields["Via"] = mine["Via"][:] if "Via" in mine else []
        response = Message(self.method, "", status, reason or reason_phrase(status), fields)
        response._via, response._from, response._cseq = self._via, self._from, self._cseq
        response.flow = self.flow
        response._to = self._to
        if to_tag and "To" in fields and not self._tagged():
            fields["To"] = [f"{fields['To'][0].rstrip('; ')};tag={to_tag}"]
            response._to = _UNKNOWN
        if 100 < status < 300 and "Record-Route" in mine:
            fields["Record-Route"] = mine["Record-Route"][:]
        if status == 100 and "Timestamp" in mine:
            fields["Timestamp"] = mine["Timestamp"][:1]
        return response

    def _tagged(self):
        try:
            return bool(self.to.tag)
        except RemoteProtocolError:
            return True         # nothing that a tag could be added to

    def render(self):
        fields, body = self.fields, self.body
        fields.pop("Content-Length", None)
        start = f"SIP/2.0 {self.status} {self.reason}" if self.status else f"{self.method} {self.uri} SIP/2.0"
        lines = [start, *[f"{name}: {value}" for name, values in fields.items() for value in values],
                 f"Content-Length: {len(body)}"]
        text = "\r\n".join(lines)
        breaks = len(lines) - 1
        if text.count("\n") != breaks or text.count("\r") != breaks:     # whoever wrote one past set(): no new header
            text = "\r\n".join(map(_clean, lines))
        try:
            head = text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            head = _LONE.sub("?", text).encode("utf-8", "surrogateescape")
        return b"%b\r\n\r\n%b" % (head, body)

    def __repr__(self):
        what = f"{self.status} {self.reason}" if self.status else f"{self.method} {self.uri}"
        return f"Message({what!r}, {self.call_id!r})"


def _clean(value):
    """A value in one line: text of a peer must not become a header of ours."""
    value = value if isinstance(value, str) else str(value)
    if "\n" in value or "\r" in value:
        return _BREAKS.sub(" ", value).strip()
    return value
