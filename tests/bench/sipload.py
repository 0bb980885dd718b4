"""The load of sip.py: telephones and a trunk of a few lines, each a process of its own beside the server.

    python3 tests/bench/sipload.py ROLE JOB        ROLE register, calls or trunk; JOB a JSON object

A process says `ready` (a trunk its port), begins at a line on its standard input, and prints what it saw as JSON.
Every answer is looked at: what is not expected is a fault, what came twice or later than T1 (a telephone would have
sent again) is counted.  Nothing is ever sent again.  Templates and bytes.find, no parser: it must not be the slower
end.
"""

import heapq
import json
import select
import socket
import sys
import time
from collections import Counter
from hashlib import md5

T1 = 0.5
GIVE_UP = 10.0          # seconds without any progress
DRAIN = 64              # datagrams of a socket before others get their turn
HOST = b"127.0.0.1"
now = time.monotonic

SDP = b"\r\n".join((
    b"v=0", b"o=- 3724394400 3724394405 IN IP4 127.0.0.1", b"s=call", b"c=IN IP4 127.0.0.1", b"t=0 0",
    b"m=audio %d RTP/AVP 0 8 101", b"a=rtpmap:0 PCMU/8000", b"a=rtpmap:8 PCMA/8000",
    b"a=rtpmap:101 telephone-event/8000", b"a=fmtp:101 0-15", b"a=ptime:20", b"a=sendrecv", b""))

COMMON = (b"Max-Forwards: 70\r\nFrom: <sip:user%(user)d@127.0.0.1>;tag=f%(id)b\r\nTo: <sip:%(to)b@127.0.0.1>%(tag)b\r\n"
          b"Call-ID: %(id)b\r\nCSeq: %(cseq)d %(method)b\r\n")

REQUEST = (b"%(method)b %(uri)b SIP/2.0\r\nVia: SIP/2.0/UDP %(own)b;rport;branch=z9hG4bK%(id)b-%(cseq)d%(kind)b\r\n"
           + COMMON + b"%(more)bUser-Agent: Bench phone 1.0\r\n%(end)b")

EMPTY = b"Content-Length: 0\r\n\r\n"


def hexmd5(text):
    return md5(text).hexdigest().encode()


def between(data, start, end, at=0):
    """What stands between two texts; b"" without."""
    at = data.find(start, at)
    if at < 0:
        return b""
    at += len(start)
    return data[at:data.find(end, at)]


class Digest:
    """Credentials of accounts user1, user2 … whose passwords are secret1, secret2 …"""

    def __init__(self):
        self._ha1 = {}

    def answer(self, user, challenge, method, uri):
        realm, nonce = between(challenge, b'realm="', b'"'), between(challenge, b'nonce="', b'"')
        secret = self._ha1.get(user)
        if secret is None:
            secret = self._ha1[user] = hexmd5(b"user%d:%b:secret%d" % (user, realm, user))
        response = hexmd5(b"%b:%b:00000001:0a4f113b:auth:%b" % (secret, nonce, hexmd5(method + b":" + uri)))
        return (b'Digest username="user%d", realm="%b", nonce="%b", uri="%b", response="%b", algorithm=MD5, '
                b'qop=auth, nc=00000001, cnonce="0a4f113b"' % (user, realm, nonce, uri, response))


class Load:
    """What all roles share: sockets, the moments at which something begins, the sums.

    job   port of the server · count of units of work · first account, accounts · window of units that are being set
          up · rate per second instead of a window · hold seconds of a call · ports of the telephones · tick seconds
          between looks at the sockets: a sleeper who is woken by each datagram costs its sender 10 us, as no network
          does; without it every answer is seen at once, for figures of time
    """

    def __init__(self, job):
        self.job = job
        self.run_id = b"%x" % (time.time_ns() >> 10)
        self.target = (HOST.decode(), job["port"])
        self.sockets = [bound(port) for port in job["ports"]]
        self.own = [b"%b:%d" % (HOST, sock.getsockname()[1]) for sock in self.sockets]
        self.digest = Digest()
        self.units, self.timers = {}, []
        self.begun = self.done = self.settled = self.again = 0
        self.faults, self.late = Counter(), Counter()
        self.times = []

    def run(self):
        poll = select.epoll()
        by_fd = {sock.fileno(): sock for sock in self.sockets}
        for fd in by_fd:
            poll.register(fd, select.EPOLLIN)
        self.start = self.moved = now()
        count = self.job["count"]
        while self.done < count and (self.timers or now() < self.moved + GIVE_UP):
            self.begin()
            wait = 0.2
            if self.timers:
                wait = min(wait, max(self.timers[0][0] - now(), 0))
            wait = min(wait, self.until_next())
            if "tick" in self.job:
                time.sleep(min(wait, self.job["tick"]))
                wait = 0
            for fd, _ in poll.poll(wait):
                self.drain(by_fd[fd])
            while self.timers and self.timers[0][0] <= now():
                self.due(heapq.heappop(self.timers)[1])
        self.faults["lost"] += count - self.done
        return {"seconds": now() - self.start, "done": self.done, "late": dict(self.late), "again": self.again,
                "faults": dict(+self.faults), "times": self.times}

    def begin(self):
        """As many units as the window or the rate wants now."""
        job = self.job
        if "rate" in job:
            wanted = min(int((now() - self.start) * job["rate"]) + 1, job["count"]) - self.begun
        else:
            wanted = min(job["window"] - (self.begun - self.settled), job["count"] - self.begun)
        for _ in range(wanted):
            self.begun += 1
            self.first(self.begun)

    def until_next(self):
        if "rate" not in self.job or self.begun >= self.job["count"]:
            return 1.0
        return max(self.start + self.begun / self.job["rate"] - now(), 0)

    def drain(self, sock):
        for _ in range(DRAIN):
            try:
                data = sock.recv(65535)
            except BlockingIOError:
                return
            self.received(data)

    def received(self, data):
        unit = self.units.get(between(data, b"\r\nCall-ID: ", b"\r"))
        if unit is None:
            self.again += 1                     # of a unit that is over
            return
        self.answered(unit, data[8:11], between(data, b"\r\nCSeq: ", b"\r"), data)

    def send(self, unit, method, uri, more=b"", end=EMPTY, tag=b"", kind=b""):
        data = REQUEST % {b"method": method, b"uri": uri, b"own": self.own[unit.socket], b"id": unit.id,
                          b"cseq": unit.cseq, b"kind": kind, b"user": unit.user, b"to": unit.to, b"tag": tag,
                          b"more": more, b"end": end}
        unit.sent = now()
        self.sockets[unit.socket].sendto(data, self.target)

    def fault(self, unit, what):
        self.faults[what.decode("utf-8", "replace")[:60]] += 1
        self.finish(unit)

    def finish(self, unit):
        self.moved = now()
        self.done += 1
        del self.units[unit.id]

    def clock(self, unit):
        """The time of an answer."""
        took = now() - unit.sent
        if took > T1:
            self.late[f"{unit.state} {unit.cseq}"] += 1
        return took


class Unit:
    """A registration or a call."""
    __slots__ = ("id", "user", "to", "uri", "socket", "cseq", "state", "sent", "tag", "target")

    def __init__(self, load, number, to=b""):
        job = load.job
        self.user = job["first"] + (number - 1) % job["accounts"]
        self.id = b"%d-%b" % (number, load.run_id)
        self.to = to or b"user%d" % self.user
        self.socket = self.user % len(load.sockets)
        self.cseq, self.state, self.sent, self.tag, self.target = 1, "first", 0.0, b"", b""
        load.units[self.id] = self


class Registers(Load):
    """REGISTER, 401, REGISTER, 200: a unit of work is both requests."""

    uri = b"sip:127.0.0.1"

    def first(self, number):
        unit = Unit(self, number)
        unit.target = b"Contact: <sip:user%d@%b>\r\nExpires: 3600\r\n" % (unit.user, self.own[unit.socket])
        self.send(unit, b"REGISTER", self.uri, unit.target)

    def answered(self, unit, status, cseq, data):
        if cseq != b"%d REGISTER" % unit.cseq:
            self.again += 1
        elif status == b"401" and unit.cseq == 1:
            self.times.append(self.clock(unit))
            unit.cseq = 2
            value = self.digest.answer(unit.user, data, b"REGISTER", self.uri)
            self.send(unit, b"REGISTER", self.uri, unit.target + b"Authorization: " + value + b"\r\n")
        elif status == b"200" and data.find(b"<sip:user%d@" % unit.user) > 0 and b";expires=" in data:
            self.times.append(self.clock(unit))
            self.settled += 1
            self.finish(unit)
        else:
            self.settled += 1
            self.fault(unit, b"REGISTER %d: %b" % (unit.cseq, data[:40].split(b"\r")[0]))

    def due(self, unit):
        pass


class Calls(Load):
    """INVITE, 407, ACK, INVITE, 100, 180, 200, ACK, BYE, 200; `times` are [number, when the second INVITE was sent].
    With `open` in the job nobody asks for a proof: INVITE, 100, 180 …"""

    headers = (b"Contact: <sip:user%d@%b>\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER, NOTIFY\r\n"
               b"Supported: replaces\r\n")
    end = b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%b" % (len(SDP % 40000), SDP % 40000)

    def first(self, number):
        unit = Unit(self, number, b"36%09d" % number)
        unit.uri = b"sip:%b@127.0.0.1" % unit.to
        unit.target = self.headers % (unit.user, self.own[unit.socket])
        if "open" in self.job:
            unit.state = "second"
        self.send(unit, b"INVITE", unit.uri, unit.target, self.end)

    def answered(self, unit, status, cseq, data):
        if cseq == b"%d BYE" % unit.cseq and unit.state == "bye" and status == b"200":
            self.clock(unit)
            self.finish(unit)
        elif cseq != b"%d INVITE" % unit.cseq or unit.state in ("talking", "bye"):
            self.again += 1
        elif status == b"407" and unit.state == "first":
            self.challenged(unit, data)
        elif unit.state == "first" and status != b"100":
            self.settled += 1
            self.fault(unit, b"INVITE 1: " + data[:40].split(b"\r")[0])
        elif status < b"200":
            if unit.state != "trying":
                self.clock(unit)
                unit.state = "first" if unit.state == "first" else "trying"
        elif status == b"200" and b"m=audio" in data:
            self.connected(unit, data)
        else:
            self.settled += 1
            self.fault(unit, b"INVITE 2: " + data[:40].split(b"\r")[0])

    def challenged(self, unit, data):
        self.clock(unit)
        tag = b";tag=" + between(data, b";tag=", b"\r", data.find(b"\r\nTo: "))
        self.send(unit, b"ACK", unit.uri, tag=tag)
        unit.cseq, unit.state = 2, "second"
        value = self.digest.answer(unit.user, data, b"INVITE", unit.uri)
        self.send(unit, b"INVITE", unit.uri, b"%bProxy-Authorization: %b\r\n" % (unit.target, value), self.end)
        self.times.append((int(unit.to[2:]), unit.sent))

    def connected(self, unit, data):
        self.settled += 1
        self.moved = now()
        if unit.state == "second":
            self.clock(unit)
        unit.state = "talking"
        unit.tag = b";tag=" + between(data, b";tag=", b"\r", data.find(b"\r\nTo: "))
        unit.target = between(data, b"<", b">", data.find(b"\r\nContact: "))
        self.send(unit, b"ACK", unit.target, tag=unit.tag, kind=b"a")
        heapq.heappush(self.timers, (now() + self.job["hold"], unit))

    def due(self, unit):
        self.moved = now()
        unit.cseq, unit.state = 3, "bye"
        self.send(unit, b"BYE", unit.target, tag=unit.tag)


Unit.__lt__ = lambda self, other: self.id < other.id


class Trunk:
    """Answers whoever calls at once: 180 and 200."""

    def __init__(self, tick):
        self.tick = tick
        self.socket = bound()
        own = self.socket.getsockname()[1]
        self.end = (b"Contact: <sip:127.0.0.1:%d>\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n"
                    b"Server: Bench trunk\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%b" % (
                        own, len(SDP % 42000), SDP % 42000))
        self.clear()

    def clear(self):
        self.seen, self.again, self.arrived, self.faults = set(), 0, {}, Counter()

    def serve(self):
        """Until standard input ends; each line there asks for what was seen since the last one."""
        print(self.socket.getsockname()[1], flush=True)
        poll = select.epoll()
        poll.register(self.socket.fileno(), select.EPOLLIN)
        poll.register(0, select.EPOLLIN)
        while True:
            if self.tick:
                time.sleep(self.tick)
            for fd, _ in poll.poll():
                if fd:
                    self.drain()
                elif not sys.stdin.readline():
                    return
                else:
                    self.report()

    def report(self):
        print(json.dumps({"again": self.again, "faults": dict(self.faults), "arrived": list(self.arrived.items())}),
              flush=True)
        self.clear()

    def drain(self):
        for _ in range(DRAIN):
            try:
                data, source = self.socket.recvfrom(65535)
            except BlockingIOError:
                return
            self.received(data, source)

    def received(self, data, source):
        method = data[:data.find(b" ")]
        if method == b"SIP/2.0":
            return
        cseq = between(data, b"\r\nCSeq: ", b"\r")
        id = between(data, b"\r\nCall-ID: ", b"\r")
        if (id, cseq) in self.seen:
            self.again += 1
            return
        self.seen.add((id, cseq))
        if method == b"ACK":
            return
        fields = b"Via: %b\r\nFrom: %b\r\nTo: %b%%b\r\nCall-ID: %b\r\nCSeq: %b\r\n" % tuple([
            field.replace(b"%", b"%%") for field in (
                between(data, b"\r\nVia: ", b"\r"), between(data, b"\r\nFrom: ", b"\r"),
                between(data, b"\r\nTo: ", b"\r"), id, cseq)])
        if method != b"INVITE":
            if method not in (b"BYE", b"OPTIONS"):
                self.faults[method.decode("utf-8", "replace")] += 1
            self.socket.sendto(b"SIP/2.0 200 OK\r\n" + fields % b"" + EMPTY, source)
            return
        self.arrived[int(data[13:data.find(b"@")])] = now()     # INVITE sip:36000000001@
        tagged = fields % (b";tag=t" + id[:16])
        self.socket.sendto(b"SIP/2.0 180 Ringing\r\n" + tagged + EMPTY, source)
        self.socket.sendto(b"SIP/2.0 200 OK\r\n" + tagged + self.end, source)


def bound(port=0):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    sock.bind((HOST.decode(), port))
    sock.setblocking(False)
    return sock


def main(role, job):
    if role == "trunk":
        return Trunk(job["tick"]).serve()
    load = {"register": Registers, "calls": Calls}[role](job)
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(load.run()))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
