"""A telephone for tests of whole calls: plain, obedient, and made of the parser and the message alone.

    alice = Phone(network, "10.0.0.1", "alice", "secret", server=("192.0.2.1", 5060))
    alice.register()                        # answers the challenge; alice.registered is True some milliseconds later
    call = alice.invite("bob")              # a Call; call.state goes calling -> ringing -> talking -> ended
    bob.calls[-1].answer()                  # an incoming call rings by itself; bob.on_call decides otherwise
    call.reinvite(sdp("10.0.0.1", 0)); call.refer("sip:carol@192.0.2.1"); call.bye()

It does by itself what every telephone does: repeats requests over UDP until they are answered (64*T1 at most), a final
response of an INVITE until its ACK, answers repetitions as before, acknowledges, authenticates once a request.
`got` holds every message it received, repetitions left out; a call knows its responses (`codes`), what was asked within
it (`asked`, methods) and the last session description of the other side (`body`).  Time passes by timers.advance().
"""

from mizu.sip.digest import authorize
from mizu.sip.headers import parse_challenge, parse_name_addr
from mizu.sip.message import Message
from mizu.sip.parser import SipError, parse
from tests.flows.network import FakeEntropy

T1, LIFE = 0.5, 32.0
ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO, REFER, NOTIFY, MESSAGE, PRACK"


def sdp(host, port=4000, direction="sendrecv", author=""):
    """`author`: where the telephone is, if not where its sound is."""
    return (f"v=0\r\no=- 1 1 IN IP4 {author or host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 101\r\n"
            f"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n").encode()


def moved(call, host, port):
    """The description of a telephone that takes its sound elsewhere."""
    return sdp(host, port, author=call.phone.host)


class Phone:
    """host, port      where it is, also what its Via, Contact and SDP say (behind a NAT the world sees others)
    server          (host, port) of the switch; `domain` is what its URIs say, the host if not given
    on_call         on_call(call): what is done with an incoming call, ringing by default
    registered      state of the last REGISTER; register_codes the answers to all
    """

    def __init__(self, network, host, user, password="", server=("192.0.2.1", 5060), transport="UDP", port=5060,
                 domain="", name=""):
        self.network, self.timers = network, network.timers
        self.host, self.port, self.user, self.password = host, port, user, password
        self.server, self.transport, self.domain = server, transport, domain or server[0]
        self.name = name or user
        self.entropy = FakeEntropy(f"{host}:{port}")
        self.endpoint = network.endpoint(host, port)
        self.endpoint.received = self._received
        self.on_call = lambda call: call.ring()
        self.got, self.calls, self.register_codes = [], [], []
        self.registered = False
        self.pracks = True          # whether it acknowledges reliable provisional answers
        self._register_id, self._register_cseq = self.entropy.hex(8), 0
        self._asking = {}           # (branch, method): Asking
        self._answered = {}         # (branch, method): data of the last answer, "" while there is none
        self._flow = None

    @property
    def flow(self):
        if self._flow is None or not self._flow.alive:
            self._flow = (self.endpoint.udp(*self.server) if self.transport == "UDP" else
                          self.endpoint.connect(*self.server, self.transport))
        return self._flow

    @property
    def contact(self):
        transport = "" if self.transport == "UDP" else f";transport={self.transport.lower()}"
        return f"<sip:{self.user}@{self.host}:{self.port}{transport}>"

    @property
    def address(self):
        return f'"{self.name}" <sip:{self.user}@{self.domain}>'

    # -- what the hand at the phone does

    def register(self, expires=3600, contact=""):
        def done(response):
            code = response.status if response is not None else 408
            self.register_codes.append(code)
            self.registered = code == 200 and expires > 0
        message = self.new("REGISTER", f"sip:{self.domain}", self.address, self._register_id)
        message.add("Contact", contact or self.contact)
        message.add("Expires", str(expires))
        self._register_cseq += 1
        message.set("CSeq", f"{self._register_cseq} REGISTER")
        self.ask(message, done, self._next_register)

    def _next_register(self):
        self._register_cseq += 1
        return self._register_cseq

    def invite(self, target, body=b"own", fields=()):
        """Call a number or a whole URI; body None asks for an offer."""
        call = Call(self, self.entropy.hex(8), outgoing=True)
        call.invite(target if ":" in target else f"sip:{target}@{self.domain}",
                    sdp(self.host) if body == b"own" else body, fields)
        return call

    def options(self, target="", done=lambda response: None):
        self.ask(self.new("OPTIONS", target or f"sip:{self.domain}", f"<sip:{self.domain}>", self.entropy.hex(8)), done)

    def heard(self, method, status=0):
        """What came of that method (requests) or with that status, in order."""
        return [message for message in self.got if (message.method, message.status) == (method, status)]

    def hang_up_all(self):
        for call in self.calls:
            call.end()

    # -- messages out

    def new(self, method, uri, to, call_id, tag=""):
        message = Message.request(method, uri)
        message.add("Max-Forwards", "70")
        message.add("From", f"{self.address};tag={tag or self.entropy.hex(4)}")
        message.add("To", to)
        message.add("Call-ID", call_id)
        message.add("CSeq", f"1 {method}")
        message.add("Allow", ALLOW)
        message.add("User-Agent", "phone of the tests")
        return message

    def ask(self, message, done, next_cseq=None, flow=None):
        """Send a request; done(response) for every new response, done(None) if none came.  Challenges are answered
        where `next_cseq` gives another sequence number."""
        asking = Asking(self, message, done, next_cseq, flow or self.flow)
        asking.send()
        return asking

    def say(self, request, response):
        """Answer a request, and whatever repeats it."""
        key = request.branch, request.method
        data = self._answered[key] = response.render()
        request.flow.send(data)
        if request.method == "INVITE" and response.status >= 200:
            self._say_again(key, request.flow, data, T1, self.timers.now() + LIFE)

    def _say_again(self, key, flow, data, wait, end):
        def again():
            if self._answered.get(key) == data and self.timers.now() < end:
                flow.send(data)
                self._say_again(key, flow, data, min(wait * 2, 4.0), end)
        self.timers.later(wait, again)

    # -- messages in

    def _received(self, data, flow):
        if not data.strip():
            return
        try:
            message = parse(data, flow.reliable)
        except SipError:        # an answer to what has arrived spoilt repeats it
            return
        message.flow = flow
        if message.status:
            asking = self._asking.get((message.branch, message.method))
            if asking is not None:
                asking.received(message)
        elif message.method == "ACK":
            self._acked(message)
        else:
            key = message.branch, message.method
            if key not in self._answered:
                self._answered[key] = b""
                self.got.append(message)
                self._asked(message)
            elif self._answered[key]:
                flow.send(self._answered[key])

    def _acked(self, message):
        call = self._call(message)
        if call is not None and call.invitation is not None and message.cseq[0] == call.invitation.cseq[0]:
            key = call.invitation.branch, "INVITE"
            if self._answered.get(key):
                self.got.append(message)
                call.asked.append("ACK")
                call.body = message.body or call.body
            self._answered[key] = b""

    def _call(self, message):
        return next((call for call in reversed(self.calls) if call.call_id == message.call_id), None)

    def _asked(self, message):
        call = self._call(message)
        if call is not None and (message.to_tag or call.state != "ended"):
            call.received(message)
        elif message.method == "INVITE" and not message.to_tag:
            call = Call(self, message.call_id, outgoing=False)
            call.invited(message)
            self.on_call(call)
        else:
            code = 200 if message.method in ("OPTIONS", "NOTIFY", "MESSAGE") else 481
            self.say(message, message.reply(code, to_tag=self.entropy.hex(4)))


class Asking:
    """A request under way."""

    def __init__(self, phone, message, done, next_cseq, flow):
        self.phone, self.message, self.done, self.next_cseq, self.flow = phone, message, done, next_cseq, flow
        self.ack = b""              # of the final response of an INVITE
        self.seen = set()           # (status, To tag, RSeq) of its responses
        self.over = False

    def send(self):
        phone, message = self.phone, self.message
        branch = "z9hG4bK" + phone.entropy.hex(8)
        message.set("Via", f"SIP/2.0/{self.flow.transport} {phone.host}:{phone.port};rport;branch={branch}")
        message.fields = {"Via": message.fields.pop("Via"), **message.fields}
        phone._asking[branch, message.method] = self
        self.data = message.render()
        self.flow.send(self.data)
        self._again(T1, phone.timers.now() + LIFE, self.data)

    def _again(self, wait, end, data):
        def again():
            if data != self.data or self.over or self.seen and self.message.method == "INVITE":
                return
            if self.phone.timers.now() >= end:
                self.over = True
                self.done(None)
                return
            if not self.flow.reliable:
                self.flow.send(data)
            longest = LIFE if self.message.method == "INVITE" else 4.0
            self._again(min(wait * 2, longest, max(end - self.phone.timers.now(), 0.01)), end, data)
        self.phone.timers.later(wait, again)

    def received(self, response):
        code, what = response.status, (response.status, response.to_tag, response.get("RSeq"))
        if what in self.seen or self.over and code < 200:
            if code >= 200 and self.ack:
                self.flow.send(self.ack)
            return
        self.seen.add(what)
        self.phone.got.append(response)
        self.over = self.over or code >= 200
        if code >= 300 and self.message.method == "INVITE":
            self._acknowledge(response)
        if code in (401, 407) and self.next_cseq is not None and self._authorized(response):
            self.phone._asking[response.branch, response.method] = Challenged(self.flow, self.ack)
            self.over, self.ack = False, b""
            self.seen.clear()
            self.send()
        else:
            self.done(response)

    def _acknowledge(self, response):
        ack = Message.request("ACK", self.message.uri)
        for name in ("Via", "Max-Forwards", "From", "Call-ID", "Route"):
            if name in self.message.fields:
                ack.fields[name] = self.message.values(name)
        ack.add("To", response.get("To"))
        ack.add("CSeq", f"{self.message.cseq[0]} ACK")
        self.ack = ack.render()
        self.flow.send(self.ack)

    def _authorized(self, response):
        asked, answered = (("WWW-Authenticate", "Authorization") if response.status == 401 else
                           ("Proxy-Authenticate", "Proxy-Authorization"))
        if not response.get(asked) or answered in self.message.fields or not self.phone.password:
            return False
        phone, message = self.phone, self.message
        _, challenge = parse_challenge(response.get(asked))
        message.set(answered, authorize(challenge, message.method, message.uri, phone.user, phone.password,
                                        phone.entropy.hex(4)))
        message.set("CSeq", f"{self.next_cseq()} {message.method}")
        return True


class Challenged:
    """A request that was challenged: whatever comes of it now is a repetition."""

    def __init__(self, flow, ack):
        self.flow, self.ack = flow, ack

    def received(self, response):
        if self.ack and response.status >= 200:
            self.flow.send(self.ack)


class Call:
    """A call of a phone.

    state     calling, ringing, talking, ended · code  final status of the INVITE, 0 before
    codes     every status that came for our INVITE · asked  methods that came within it
    body      the last session description of the other side · ended_by  "us", "them" or ""
    referred  (status of the answer to our REFER, [statuses told by NOTIFY])
    reinvites (code, body) with which a re-INVITE or UPDATE is answered; body None: our own description
    """

    def __init__(self, phone, call_id, outgoing):
        self.phone, self.call_id, self.outgoing = phone, call_id, outgoing
        self.state, self.code, self.codes, self.asked, self.body, self.ended_by = "calling", 0, [], [], b"", ""
        self.tag, self.remote = phone.entropy.hex(4), ""
        self.target, self.routes, self.cseq = "", [], 0
        self.invitation = None      # the last INVITE that came
        self.referred, self.reinvites = [0, []], (200, None)
        self.cancelling = self._given_up = False
        self._first = self._flow = None
        phone.calls.append(self)

    # -- outgoing

    def invite(self, uri, body, fields):
        phone = self.phone
        message = phone.new("INVITE", uri, f"<{uri}>", self.call_id, self.tag)
        message.add("Contact", phone.contact)
        for name, value in fields:
            message.set(name, value)
        _describe(message, body)
        self.local, self.remote, self.target, self.cseq = message.get("From"), f"<{uri}>", uri, 1
        self._first = phone.ask(message, self._responded, self._next)

    def _next(self):
        self.cseq += 1
        return self.cseq

    def _responded(self, response):
        if response is None:
            self.code, self.state = 408, "ended"
            return
        code = response.status
        self.codes.append(code)
        if response.body:
            self.body = response.body
        if code < 200:
            self.state = "ringing" if code > 100 else self.state
            if response.get("RSeq") and self.phone.pracks:
                self._learn(response, response.to, response.get("To"), response.items("Record-Route")[::-1])
                self.request("PRACK", None, (("RAck", f"{response.get('RSeq')} {response.cseq[0]} INVITE"),))
            if self.cancelling:
                self._cancel()
        elif code < 300:
            self._learn(response, response.to, response.get("To"), response.items("Record-Route")[::-1])
            self._first.ack = self._ack(self._first.message)
            if self.code:           # the answer of another fork
                return
            self.code, self.state = code, "talking"
            if self._given_up:
                self.bye()
        else:
            self.code, self.state = code, "ended"

    def _learn(self, message, remote, text, routes):
        self.remote, self.routes = text, routes
        if message.contact is not None:
            self.target = message.contact.uri

    def _ack(self, invite):
        ack = self._new("ACK", invite.cseq[0])
        ack.fields = {"Via": [f"SIP/2.0/{self.phone.transport} {self.phone.host}:{self.phone.port};rport;branch=z9hG4bK"
                              f"{self.phone.entropy.hex(8)}"], **ack.fields}
        data = ack.render()
        self._way.send(data)
        return data

    def cancel(self):
        """Now, or after the first provisional answer; an answered call is hung up."""
        self.cancelling = self._given_up = True
        if self._first.seen and not self._first.over:
            self._cancel()
        elif self.state == "talking":
            self.bye()

    def _cancel(self):
        invite = self._first.message
        message = Message.request("CANCEL", invite.uri)
        for name in ("Max-Forwards", "From", "To", "Call-ID", "Route"):
            if name in invite.fields:
                message.fields[name] = invite.values(name)
        message.add("CSeq", f"{invite.cseq[0]} CANCEL")
        message.fields = {"Via": invite.values("Via"), **message.fields}
        asking = Asking(self.phone, message, lambda response: None, None, self._first.flow)
        asking.data = message.render()
        self.phone._asking[invite.branch, "CANCEL"] = asking
        asking.flow.send(asking.data)
        asking._again(T1, self.phone.timers.now() + LIFE, asking.data)
        self.cancelling = False

    # -- incoming

    def invited(self, message):
        self.invitation, self._flow = message, message.flow
        self.local = f"{message.get('To')};tag={self.tag}"
        self.body = message.body
        self._learn(message, message.from_, message.get("From"), message.items("Record-Route"))

    def ring(self, code=180, body=None, fields=()):
        self._answer(code, body, fields)
        self.state = "ringing"

    def answer(self, body=None, fields=()):
        self._answer(200, sdp(self.phone.host) if body is None else body, fields)
        self.code, self.state = 200, "talking"

    def refuse(self, code=486, fields=()):
        self._answer(code, None, fields)
        self.code, self.state, self.ended_by = code, "ended", "us"

    def _answer(self, code, body, fields):
        response = self.invitation.reply(code, to_tag=self.tag)
        response.add("Contact", self.phone.contact)
        response.add("Allow", ALLOW)
        for name, value in fields:
            response.set(name, value)
        _describe(response, body)
        self.phone.say(self.invitation, response)

    def received(self, message):
        """A request within the call."""
        method = message.method
        self.asked.append(method)
        if self.state == "ended" and method not in ("BYE", "CANCEL"):
            return self._okay(message, 481)
        handler = getattr(self, f"_on_{method.lower()}", None)
        if handler is not None:
            return handler(message)
        self._okay(message, 202 if method == "REFER" else 200)

    def _okay(self, message, code=200, body=None):
        response = message.reply(code, to_tag=self.tag)
        response.add("Contact", self.phone.contact)
        _describe(response, body)
        self.phone.say(message, response)

    def _on_bye(self, message):
        self._okay(message)
        self.state, self.ended_by = "ended", self.ended_by or "them"

    def _on_cancel(self, message):
        self._okay(message)
        if self.state in ("calling", "ringing"):
            self._answer(487, None, ())
            self.code, self.state, self.ended_by = 487, "ended", "them"

    def _on_invite(self, message):
        self.invitation = message
        self._on_update(message)

    def _on_update(self, message):
        self.body = message.body or self.body
        code, body = self.reinvites
        self._okay(message, code, (sdp(self.phone.host) if body is None else body) if code < 300 else None)

    def _on_notify(self, message):
        if message.body.startswith(b"SIP/2.0 "):
            self.referred[1].append(int(message.body.split()[1]))
        self._okay(message)

    # -- within the call

    @property
    def _way(self):
        """The flow: an incoming call is answered by where it came."""
        return self._flow if self._flow is not None and self._flow.alive else self.phone.flow

    def _new(self, method, cseq):
        message = Message.request(method, self.target)
        message.add("Max-Forwards", "70")
        for route in self.routes:
            message.add("Route", route)
        for name, value in (("From", self.local), ("To", self.remote), ("Call-ID", self.call_id),
                            ("CSeq", f"{cseq} {method}")):
            message.add(name, value)
        return message

    def request(self, method, body=None, fields=(), done=lambda response: None):
        message = self._new(method, self._next())
        message.add("Contact", self.phone.contact)
        for name, value in fields:
            message.set(name, value)
        _describe(message, body)
        return self.phone.ask(message, done, self._next, self._way)

    def reinvite(self, body=None, done=lambda response: None):
        """codes gets the statuses; the ACK is sent."""
        def responded(response):
            code = response.status if response is not None else 408
            self.codes.append(code)
            if 200 <= code < 300:
                self.body = response.body or self.body
                asking.ack = self._ack(asking.message)
            if code >= 200:
                done(response)
        asking = self.request("INVITE", sdp(self.phone.host) if body is None else body, (), responded)

    def hold(self):
        self.reinvite(sdp(self.phone.host, direction="sendonly"))

    def refer(self, target, replaces=""):
        """Transfer the other side; `replaces` is the escaped value for an attended one."""
        def done(response):
            self.referred[0] = response.status if response is not None else 408
        self.request("REFER", None, (("Refer-To", f"<{target}{'?Replaces=' + replaces if replaces else ''}>"),), done)

    @property
    def replaces(self):
        """This call as a Replaces value, escaped for a Refer-To (RFC 3891: seen from the one who is asked)."""
        remote = parse_name_addr(self.remote).tag
        return f"{self.call_id}%3Bto-tag%3D{remote}%3Bfrom-tag%3D{self.tag}".replace("@", "%40")

    def bye(self, done=lambda response: None):
        self.state, self.ended_by = "ended", "us"
        self.request("BYE", None, (), done)

    def end(self):
        """Whatever ends it now."""
        if self.state == "talking":
            self.bye()
        elif self.state != "ended" and self.outgoing:
            self.cancel()
        elif self.state != "ended":
            self.refuse(480)


def _describe(message, body):
    if body:
        message.set("Content-Type", "application/sdp")
        message.body = body
