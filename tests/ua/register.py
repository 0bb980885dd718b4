"""REGISTER requests as a device sends them, and the records they come to."""

from types import SimpleNamespace

from mizu.sip.parser import parse


class Flow:
    """What the transport knows of where a message came from."""

    def __init__(self, host="192.0.2.7", port=5060, transport="UDP", key=None):
        self.host, self.port, self.transport = host, port, transport
        self.local, self.secure, self.alive = ("198.51.100.1", 5060), transport in ("TLS", "WSS"), True
        self.reliable = transport != "UDP"
        self.key = key or (transport, host, port)


FLOW = Flow()


def request(*contacts, method="REGISTER", flow=FLOW, uri="sip:voip.example.com", to="sip:john@voip.example.com",
            call_id="c1@phone", cseq=1, fields=(), via="", body=b""):
    """A parsed request; contacts and fields as header lines."""
    via = via or f"SIP/2.0/{flow.transport} 192.0.2.7:5060;branch=z9hG4bK{cseq}{call_id}"
    lines = [f"{method} {uri} SIP/2.0", f"Via: {via}", "Max-Forwards: 70", f"From: <{to}>;tag=f", f"To: <{to}>",
             f"Call-ID: {call_id}", f"CSeq: {cseq} {method}", *[f"Contact: {contact}" for contact in contacts],
             *fields, f"Content-Length: {len(body)}"]
    message = parse("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    message.flow = flow
    return message


class Device:
    """A device of one account: its own Call-ID, and a CSeq that goes up."""

    def __init__(self, registrar, account, call_id="c1@phone"):
        self.registrar, self.account, self.call_id, self.cseq = registrar, account, call_id, 0

    def register(self, *contacts, flow=FLOW, **facts):
        self.cseq = facts.pop("cseq", self.cseq + 1)
        sent = request(*contacts, flow=flow, cseq=self.cseq, **{"call_id": self.call_id, **facts})
        return self.registrar.register(sent, flow, self.account)


def settings(**values):
    return SimpleNamespace(**{"domain": "", "realm": "", "noncelifetime": 300, "passwordstore": "plain",
                              "sipdigest": "md5", "regexpires": 3600, "regexpiresmin": 60, "regexpiresmax": 7200,
                              "maxregistrations": 10, "natkeepalive": 25, **values})
