"""What the tests of SIP's transport say and hear."""


def request(method="OPTIONS", call="7@a", via="UDP a", body=b"", *more):
    lines = [f"{method} sip:bob@h SIP/2.0", f"Via: SIP/2.0/{via};branch=z9hG4bK{call}", "Max-Forwards: 70",
             "From: <sip:alice@h>;tag=1", "To: <sip:bob@h>", f"Call-ID: {call}", f"CSeq: 1 {method}", *more,
             f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Heard:
    """An agent that only listens."""

    def __init__(self, transports):
        self.messages, self.lost, self.unreachable = [], [], []
        self.flows = []
        transports.received = self.received
        transports.lost = self.lost.append
        transports.unreachable = lambda host, port: self.unreachable.append((host, port))

    def received(self, data, flow):
        self.messages.append(data)
        self.flows.append(flow)
