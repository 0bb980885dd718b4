"""Messages of the tests: texts with the line ends of a file, made what goes over the wire."""


def wire(text, body=b""):
    """Lines -> octets: CRLF, the empty line, the body."""
    return text.strip("\n").replace("\n", "\r\n").encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


INVITE = """
INVITE sip:+12025550123@sip.example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.5:5060;branch=z9hG4bK776asdhds;rport
Max-Forwards: 70
From: "Alice" <sip:alice@sip.example.com>;tag=1928301774
To: <sip:+12025550123@sip.example.com>
Call-ID: a84b4c76e66710@192.0.2.5
CSeq: 314159 INVITE
Contact: <sip:alice@192.0.2.5:5060;transport=udp>
Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO
Supported: replaces, timer
User-Agent: Softphone 3.20.7 (a build of Tuesday; rather talkative as such products are)
Session-Expires: 1800;refresher=uac
X-Custom: hello
Content-Type: application/sdp
Content-Length: 244
"""

SDP = b"""v=0
o=- 20518 0 IN IP4 192.0.2.5
s=-
c=IN IP4 192.0.2.5
t=0 0
m=audio 40000 RTP/AVP 0 8 18 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:18 G729/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=sendrecv
""".replace(b"\n", b"\r\n")

RESPONSE = """
SIP/2.0 180 Ringing
Via: SIP/2.0/UDP 192.0.2.5:5060;branch=z9hG4bK776asdhds
From: <sip:alice@sip.example.com>;tag=1
To: <sip:bob@sip.example.com>;tag=2
Call-ID: a84b4c76e66710
CSeq: 1 INVITE
Contact: <sip:bob@192.0.2.9>
Content-Length: 0
"""


def invite(*changes, drop=(), add=(), body=SDP):
    """The INVITE with lines replaced by name (`("CSeq", "1 BYE")`), dropped, or added at the end; bytes."""
    changed = dict(changes)
    lines = []
    for line in INVITE.strip("\n").split("\n"):
        name = line.partition(":")[0]
        if name in drop:
            continue
        if name == "Content-Length" and name not in changed:
            line = f"{name}: {len(body)}"
        lines.append(f"{name}: {changed[name]}" if name in changed else line)
    return wire("\n".join(lines + list(add)), body)
