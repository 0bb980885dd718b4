"""A call goes on, and its bill is right, while strangers send 50,000 broken messages over UDP and TCP."""

import random
import re
import socket
import time

import pytest

from mizu.sip.message import Message

from .sipsocket import SipSocket

pytestmark = [pytest.mark.live, pytest.mark.slow]

SEED = 20261125
MUTANTS = 50_000

SDP = (b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n")
BODY = (("Content-Type", "application/sdp"),)

INSERTS = [b"\r\n", b"\0", b"\xff\xfe", b"%s%n", b";;;", b'"', b"<", b">", b",", b"Content-Length: 99999\r\n",
           b"Via: SIP/2.0/UDP 127.0.0.1:5060\r\n", b"\r\n\r\n", b"A" * 300, b"CSeq: 4294967296 BYE\r\n"]


def mutant(chance, data):
    """A message with one to five changes."""
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(data) + 1)
        what = chance.randrange(5)
        if what == 0:
            data = data[:at] + chance.choice(INSERTS) + data[at:]
        elif what == 1:
            data = data[:at] + data[at + chance.randint(1, 40):]
        elif what == 2 and data:
            at %= len(data)
            data = data[:at] + bytes((chance.randrange(256),)) + data[at + 1:]
        elif what == 3:
            data = data[:at]
        else:
            data = data[:at] + data[at:at + 60] * chance.randint(2, 4) + data[at + 60:]
    return data


def seeds(phone, dialog):
    """Sound messages of every method, some of them of the very dialog that is to live on."""
    found = []
    for method in ("INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS", "PRACK", "UPDATE", "INFO", "REFER",
                   "MESSAGE", "SUBSCRIBE", "NOTIFY", "PUBLISH"):
        found.append(phone.request(method, "mutbob", fields=BODY, body=SDP).render())
    response = Message.response(200, "", "INVITE")
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        response.set(name, dialog.get(name))
    found.append(response.render())
    return found


class Talk:
    """Two phones of the program in a call."""

    def __init__(self, server):
        self.a, self.b = SipSocket(server.port, "mutann", "pw-mutann"), SipSocket(server.port, "mutbob", "pw-mutbob")
        assert self.b.ask("REGISTER", fields=(("Expires", "600"),)).status == 200
        request = self.a.request("INVITE", "mutbob", fields=BODY, body=SDP)
        challenge = self.a.final(request)
        assert challenge.status == 407
        self.a.send(self._ack(request, challenge))
        self.a.send(self._authorized(request, challenge))
        invite = self.b.receive()
        assert invite.method == "INVITE" and not invite.status
        ok = invite.reply(200, "", "b-tag")
        ok.add("Contact", f"<sip:mutbob@127.0.0.1:{self.b.own}>")
        ok.add("Content-Type", "application/sdp")
        ok.body = SDP
        self.b.send(ok)
        self.begun = time.monotonic()
        while (answer := self.a.receive()).status < 200:
            pass
        assert answer.status == 200
        self.answer = answer
        self.a.send(self.inside("ACK", 2))
        assert self.b.receive().method == "ACK"

    def _ack(self, request, response):
        ack = Message.request("ACK", request.uri)
        for name in ("Via", "Max-Forwards", "From", "Call-ID"):
            ack.set(name, request.get(name))
        ack.set("To", response.get("To"))
        ack.set("CSeq", "1 ACK")
        return ack

    def _authorized(self, request, challenge):
        from mizu.sip.digest import authorize
        from mizu.sip.headers import parse_challenge
        again = self.a.request("INVITE", "mutbob", call_id=request.call_id, cseq=2, fields=BODY, body=SDP)
        words = parse_challenge(challenge.get("Proxy-Authenticate"))[1]
        again.add("Proxy-Authorization", authorize(words, "INVITE", again.uri, "mutann", "pw-mutann", "0a4f113b"))
        return again

    def inside(self, method, cseq):
        request = self.a.request(method, "mutbob", call_id=self.answer.call_id, cseq=cseq, tag=self.answer.to_tag)
        request.uri = self.answer.contact.uri
        return request


def test_fifty_thousand_broken_messages_do_not_touch_a_call(fresh_server):
    server = fresh_server
    for name in ("mutann", "mutbob"):
        server.api("adduser", u_username=name, u_password=f"pw-{name}", u_credit="50", u_currency="USD")
    talk = Talk(server)
    chance = random.Random(SEED)
    with SipSocket(server.port, "mutann") as stranger:
        sound = seeds(stranger, talk.answer)
        for number in range(MUTANTS // 2):
            stranger.socket.sendto(mutant(chance, chance.choice(sound))[:60_000], stranger.target)
            if number % 50 == 0:        # let it breathe: what is dropped by the kernel tests nothing
                time.sleep(0.002)
        for _ in range(MUTANTS // 2 // 50):
            with socket.create_connection(stranger.target, timeout=5) as stream:
                try:
                    stream.sendall(b"".join([mutant(chance, chance.choice(sound)) for _ in range(50)]))
                except OSError:
                    pass                # it hangs up on nonsense, as it should
    alive = talk.a.final(talk.inside("OPTIONS", 3))
    assert alive.status == 200
    assert re.search(r"\bmutann\b", server.api("currentcalls"))
    talked = time.monotonic() - talk.begun
    assert talk.a.final(talk.inside("BYE", 4)).status == 200
    assert talk.b.receive().method == "BYE"
    time.sleep(0.3)
    seconds = int(server.api("db", sql="select realduration from tb_cdrs where discreason = 200").split()[-1])
    assert abs(seconds - talked) <= 1.5
    assert "OK" in server.api("checkcredits")
    assert not re.search("Traceback|failed:", server.err), server.err
