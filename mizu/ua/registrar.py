"""The registrar: RFC 3261 10.3 on the bindings of records.locations, with Path (RFC 3327), Outbound (RFC 5626) and
what devices tell of push (RFC 8599, X-MPUSH).

A request changes all that it names or nothing: what is to be is made first, and put in the place of what is in one
step.  Who sends it has been proven before (digests).  Knows no transactions.
"""

import re
from collections import deque
from functools import lru_cache

from ..base.clock import http_date
from ..base.errors import RemoteProtocolError
from ..records.binding import Binding
from ..records.locations import OFFLINE, UNREGISTERED
from ..sip.headers import parse_name_addr, parse_seconds, unquote
from ..sip.uri import equal, parse_uri

SUPPORTED = frozenset(("path", "outbound"))
"""What a REGISTER may require."""

HOUR = 3600
"""Seconds: a shorter time may be refused, and a malformed one counts as this (10.2.1.1, 10.3)."""

FLOW_TIMER, FLOW_TIMER_UDP = "120", "29"
"""Seconds within which a device with Outbound sends keep-alives: CRLF over a connection, STUN over UDP, where a NAT
forgets sooner (RFC 5626 4.4.1, 4.4.2)."""

ATTEMPTS = 1000
"""Registrations that fastregusers remembers: 400 KiB."""

MAX_URI, MAX_PATH, MAX_TEXT = 1000, 4, 256
"""Characters of a contact, Paths of a binding, characters of its other texts: what is kept is 5 KiB at most."""

_Q = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


class Refused(Exception):
    """The request is answered with `status`, and with a header field if there is one."""

    def __init__(self, status, reason="", field=None):
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.field = field


class Registrar:
    """own(host): whether a host is a name or address of this server, asked where the setting `domain` names one."""

    def __init__(self, locations, users, settings, clock, entropy, own):
        self.locations = locations
        self.users = users
        self.settings = settings
        self.clock = clock
        self.entropy = entropy
        self.own = own
        self.accepted = self.refused = 0
        self.attempts = deque(maxlen=ATTEMPTS)
        self._date = (0, "")

    def register(self, request, flow, account):
        """A REGISTER of a proven account -> the response."""
        try:
            now = self._now()
            self._judge(request, account)
            bindings, outbound = self._bind(request, flow, account, now)
            response = self._accept(request, bindings, outbound, now)
        except Refused as error:
            response = request.reply(error.status, error.reason, self.entropy.hex(5))
            if error.field is not None:
                response.add(*error.field)
        except RemoteProtocolError as error:
            response = request.reply(error.status, error.reason, self.entropy.hex(5))
        self.note(request, account.username, response.status)
        return response

    def _now(self):
        """Unix seconds: the same object for all bindings of a second."""
        now = int(self.clock.now())
        if now != self._date[0]:
            self._date = (now, http_date(now))
        return self._date[0]

    def note(self, request, name, status):
        """Remember an attempt, whoever has judged it."""
        if status == 200:
            self.accepted += 1
        else:
            self.refused += 1
        flow = request.flow
        self.attempts.append((self.clock.now(), name[:64], flow.host, flow.port, flow.transport,
                              request.get("User-Agent")[:MAX_TEXT], status))

    # -- 10.3, step by step

    def _judge(self, request, account):
        """Steps 1 to 5: is it for us, do we know what it requires, may this account change that address of record."""
        if "Require" in request.fields:
            unknown = [word for word in request.items("Require") if word.lower() not in SUPPORTED]
            if unknown:
                raise Refused(420, field=("Unsupported", ", ".join(unknown)))
        aor = parse_uri(request.to.uri)
        if self.settings.domain:
            if not (self.own(_host(request.uri)) and self.own(aor.host)):
                raise Refused(404, "Not a domain of this server")
        if aor.user != account.username and aor.user.lower() != account.username.lower():
            named = self.users.find(aor.user, True)
            if named is None or named.id != account.id:
                raise Refused(403, "Not your address")

    def _bind(self, request, flow, account, now):
        """Steps 6 and 7; returns (the bindings that hold now, whether Outbound is used)."""
        current = self.locations.expire(account.id)
        contacts = request.items("Contact")
        if not contacts:
            return current, False
        if "*" in contacts:
            return self._unbind_all(request, account, current, contacts), False
        if len(contacts) > self.settings.maxregistrations:
            raise Refused(403, "Too many contacts")
        common = self._common(request, flow, account, now)
        default = parse_seconds(request.get("Expires"), HOUR) if "Expires" in request.fields else \
            self.settings.regexpires
        bindings, fresh, outbound = list(current), [], False
        for text in contacts:
            contact = self._contact(request, text, default, common, current)
            old = _match(bindings, contact)
            if old is not None:
                if old.call_id == contact.call_id and contact.cseq <= old.cseq and old not in fresh:
                    raise Refused(500, "CSeq out of order")
                contact.id, contact.registered = old.id, old.registered
                at = bindings.index(old)
                bindings[at:at + 1] = [contact] if contact.expires > now else []
            elif contact.expires > now:
                bindings.append(contact)
            fresh.append(contact)
            outbound = outbound or contact.reg_id > 0
        self._store(account, bindings, fresh, current)
        return bindings, outbound

    def _unbind_all(self, request, account, current, contacts):
        if len(contacts) > 1 or parse_seconds(request.get("Expires")) != 0:
            raise Refused(400, "Contact * stands alone and with Expires: 0")
        self._in_order(request, current)
        self.locations.replace(account.id, (), UNREGISTERED)
        return ()

    @staticmethod
    def _in_order(request, bindings):
        call_id, number = request.call_id[:MAX_TEXT], request.cseq[0]
        if any([binding.call_id == call_id and number <= binding.cseq for binding in bindings]):
            raise Refused(500, "CSeq out of order")

    def _store(self, account, bindings, fresh, current):
        """Put the bindings in the place of the current ones; the one that ends first leaves where they are many."""
        for excess in range(len(bindings) - self.settings.maxregistrations):
            bindings.remove(min([each for each in bindings if each not in fresh], key=lambda each: each.expires))
        new = [binding for binding in bindings if not binding.id]
        if new and self.locations.full:
            raise Refused(503, "Too many registrations", ("Retry-After", "300"))
        for binding in new:
            binding.id = self.locations.new_id()
        if bindings or current:
            self.locations.replace(account.id, tuple(bindings), UNREGISTERED if current else OFFLINE)

    # -- one contact

    def _common(self, request, flow, account, now):
        """What the contacts of a request share."""
        path = tuple(request.items("Path"))
        if len(path) > MAX_PATH or any([len(each) > MAX_URI for each in path]):
            raise Refused(400, "Path too long")
        for each in path:
            parse_name_addr(each)
        return {"userid": account.id, "call_id": request.call_id[:MAX_TEXT], "cseq": request.cseq[0],
                "user_agent": request.get("User-Agent")[:MAX_TEXT], "path": path, "host": flow.host,
                "port": flow.port, "transport": flow.transport, "local": flow.local, "flow": flow,
                "push": request.get("X-Mpush")[:MAX_URI], "registered": now}

    def _contact(self, request, text, default, common, current):
        """A Contact value as the Binding that it asks for; expires `now` or earlier removes."""
        contact = parse_name_addr(text)
        params = contact.params
        seconds = parse_seconds(params["expires"] or "", HOUR) if "expires" in params else default
        q = params.get("q") or "1"
        if not _Q.fullmatch(q):
            raise Refused(400, "Bad q")
        instance = unquote(params.get("+sip.instance") or "")[:MAX_TEXT]
        binding = Binding(0, contact=contact.uri, instance=instance, q=1.0 if q == "1" else float(q),
                          expires=common["registered"] + self._lifetime(seconds),
                          reg_id=self._reg_id(request, params, instance),
                          methods=unquote(params.get("methods") or "")[:MAX_TEXT], **common)
        for old in current:
            if old.contact == contact.uri and old.host == binding.host and old.port == binding.port and \
                    old.path == binding.path and old.transport == binding.transport:
                binding.natted, binding.push = old.natted, binding.push or old.push     # a refresh, as most are
                return binding
        self._look(binding, request)
        return binding

    @staticmethod
    def _look(binding, request):
        """What the URI of a contact tells: whether it is one, NAT, push."""
        uri = parse_uri(binding.contact)
        if len(binding.contact) > MAX_URI or uri.scheme == "tel":
            raise Refused(400, "Bad Contact")
        binding.natted = int(not binding.path and _natted(uri, request))
        if "pn-provider" in uri.params:
            binding.push = ":".join(("pn", *[uri.params.get(name) or "" for name in
                                             ("pn-provider", "pn-param", "pn-prid")]))[:MAX_URI]

    def _lifetime(self, seconds):
        settings = self.settings
        if 0 < seconds < min(settings.regexpiresmin, HOUR):
            raise Refused(423, field=("Min-Expires", str(settings.regexpiresmin)))
        return min(seconds, settings.regexpiresmax)

    @staticmethod
    def _reg_id(request, params, instance):
        """reg-id where Outbound holds, else 0 (RFC 5626 6)."""
        if not instance or "reg-id" not in params or "outbound" not in _words(request, "Supported"):
            return 0
        text = params["reg-id"] or ""
        if not re.fullmatch("[1-9][0-9]{0,8}", text):
            raise Refused(400, "Bad reg-id")
        if len(request.items("Via")) > 1 and not any([_has_ob(path) for path in request.items("Path")]):
            raise Refused(439, "First Hop Lacks Outbound Support")
        return int(text)

    # -- the answer

    def _accept(self, request, bindings, outbound, now):
        """Step 8: the 200 with all bindings."""
        response = request.reply(200, "", self.entropy.hex(5))
        for binding in bindings:
            response.add("Contact", _rendered(binding, now))
        response.add("Date", self._date[1])
        if "Path" in request.fields and "path" in _words(request, "Supported"):
            for path in request.values("Path"):
                response.add("Path", path)
        if outbound:
            response.add("Require", "outbound")
            response.add("Flow-Timer", FLOW_TIMER if request.flow.reliable else FLOW_TIMER_UDP)
        return response


@lru_cache(maxsize=256)
def _host(uri):
    """The host of a Request-URI: nearly all requests have the same."""
    return parse_uri(uri).host


def _words(request, field):
    return [word.lower() for word in request.items(field)]


def _has_ob(path):
    return "ob" in parse_uri(parse_name_addr(path).uri).params


def _rendered(binding, now):
    text = f"<{binding.contact}>;expires={binding.expires - now}"
    if binding.q != 1.0:
        text += f";q={binding.q:g}"
    if binding.instance:
        escaped = binding.instance.replace("\\", "\\\\").replace('"', '\\"')
        text += f';+sip.instance="{escaped}"'
    return f"{text};reg-id={binding.reg_id}" if binding.reg_id else text


def _match(bindings, new):
    """The binding that a contact replaces, or None.

    With Outbound it is that of the same instance and reg-id.  Else it is that of an equal URI (19.1.4); but devices in
    two private networks may well have the same address, and only their outer addresses tell them apart.
    """
    for old in bindings:
        if new.reg_id:
            if old.reg_id == new.reg_id and old.instance == new.instance:
                return old
        elif (old.contact == new.contact or equal(old.contact, new.contact)) and \
                (not new.natted or old.host == new.host or old.call_id == new.call_id):
            return old
    return None


def _natted(uri, request):
    """Whether a device is behind NAT: its contact names an address that its packets do not come from, or another port
    although it wants answers where they came from (rport, RFC 3581)."""
    flow = request.flow
    if uri.host == flow.host:
        return flow.transport == "UDP" and "rport" in request.via.params and (uri.port or 5060) != flow.port
    if uri.host.endswith(".invalid"):
        return True
    return uri.host[-1].isdigit() or ":" in uri.host       # no name ends with a digit; who has a name is found by it
