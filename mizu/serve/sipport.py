"""SIP on the main port, as far as it goes: every request over TCP or TLS is answered 501 and the stream closed.

RFC 3261 8.2.6.2: the answer carries Via, From, To, Call-ID and CSeq of the request as they came, and a tag in To.
An ACK is never answered (17.2.1), an answer is nothing to answer.  Knows no method and no body.
"""

import re

MAX_HEAD = 8192
"""Bytes of a head; one that is longer, or lacks what the answer needs, is not worth an answer."""

_COPIED = {"via": "Via", "v": "Via", "from": "From", "f": "From", "to": "To", "t": "To", "call-id": "Call-ID",
           "i": "Call-ID", "cseq": "CSeq"}
_FOLD = re.compile(r"[ \t]*\r\n[ \t]+")
_BARE = re.compile(r"[\r\n\0]")
_TAG = re.compile(r";[ \t]*tag[ \t]*=", re.I)


def refusal(head, tag):
    """The head of a request, without its empty line -> the whole answer, or b"" if there is nothing to say."""
    first, *lines = _FOLD.sub(" ", head.decode("utf-8", "replace")).split("\r\n")
    if first.startswith(("SIP/2.0 ", "ACK ")) or _BARE.search("".join(lines)):
        return b""
    copied = []
    for line in lines:
        name, _, value = line.partition(":")
        name = _COPIED.get(name.strip().lower())
        if name == "To" and not _TAG.search(value.rpartition(">")[2]):
            value += f";tag={tag}"
        if name:
            copied.append((name, value.strip()))
    names = [name for name, _ in copied]
    if any(names.count(name) != 1 for name in ("From", "To", "Call-ID", "CSeq")) or "Via" not in names:
        return b""
    fields = "".join([f"{name}: {value}\r\n" for name, value in copied])
    return f"SIP/2.0 501 Not Implemented\r\n{fields}Content-Length: 0\r\n\r\n".encode()


class SipRefused:
    """The protocol of a stream that speaks SIP: waits for one whole head, under the deadline that is set."""
    __slots__ = ("stream", "entropy", "head")

    def __init__(self, stream, entropy):
        self.stream = stream
        self.entropy = entropy
        self.head = b""

    def received(self, data):
        self.head += data
        head, end, _ = self.head.partition(b"\r\n\r\n")
        if end and len(head) <= MAX_HEAD:
            answer = refusal(head, self.entropy.hex(8))
            if answer:
                self.stream.send(answer)
        if end or len(self.head) > MAX_HEAD:
            self.stream.close()

    def expired(self):
        self.stream.abort()

    def ended(self):
        self.stream.close()

    def drained(self):
        pass

    def closed(self):
        pass
