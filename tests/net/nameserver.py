"""A name server on loopback, UDP and TCP, in the reactor of the test; answers what the test gives it."""

from mizu.net.datagram import DatagramPort
from mizu.net.listen import Listener
from wire.plain_dns import Writer

SOA = ("example", 6, 900, 60)


class NameServer:
    """zone     {(name, kind): [(name, kind, ttl, data)]}; what is not in it is NXDOMAIN with an SOA
    asked       [(name, kind, "udp" or "tcp")]
    twist(data, reply) -> what is sent in place of the reply: bytes, a list of bytes, or None for silence
    """

    def __init__(self, bench, zone=()):
        self.zone = dict(zone)
        self.asked = []
        self.rcode = None
        self.long = False           # everything is too long for UDP
        self.twist = lambda data, reply: reply
        self.tcp = Listener(bench.reactor, "127.0.0.1", 0, self.accept, bench.streams)
        self.udp = DatagramPort(bench.reactor, "127.0.0.1", self.tcp.address[1], self.datagram)
        self.name = "%s:%d" % self.tcp.address

    def a(self, name, *hosts, ttl=60):
        for host in hosts:
            self.put(name, 28 if ":" in host else 1, host, ttl)

    def put(self, name, kind, data, ttl=60):
        self.zone.setdefault((name, kind), []).append((name, kind, ttl, data))

    def reply(self, data, over):
        question = self.question(data)
        self.asked.append((*question, over))
        number = int.from_bytes(data[:2], "big")
        if self.rcode is not None:
            return Writer().answer(number, question, rcode=self.rcode)
        if self.long and over == "udp":
            return Writer().answer(number, question, truncated=True)
        rows = self.zone.get(question)
        if rows is None:
            known = any(name == question[0] for name, _ in self.zone)
            return Writer().answer(number, question, authority=[SOA], rcode=0 if known else 3)
        return Writer().answer(number, question, rows)

    @staticmethod
    def question(data):
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode())
            at += 1 + data[at]
        return ".".join(labels), int.from_bytes(data[at + 1:at + 3], "big")

    def datagram(self, data, addr, local):
        said = self.twist(data, self.reply(data, "udp"))
        for each in said if isinstance(said, list) else [said] if said else []:
            local.send(each, addr)

    def accept(self, stream):
        stream.protocol = TcpReply(self, stream)


class TcpReply:
    def __init__(self, server, stream):
        self.server = server
        self.stream = stream

    def received(self, data):
        reply = self.server.reply(data[2:], "tcp")
        whole = len(reply).to_bytes(2, "big") + reply
        self.stream.send(whole[:3])
        self.stream.send(whole[3:])

    def ended(self):
        self.stream.close()

    expired = ended

    def drained(self):
        pass

    def closed(self):
        pass
