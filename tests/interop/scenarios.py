"""Scenarios of sipp, made of the few messages that they have in common."""

SDP = """v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
"""

HEAD = """{method} {uri} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[remote_ip]>;tag=[pid]t[call_number]
To: {to}
Call-ID: [call_id]
CSeq: {cseq} {method}
Contact: <sip:[field0]@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
{more}Content-Length: {length}

{body}"""

ANSWER = """SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:];tag=[pid]a[call_number]
[last_Call-ID:]
[last_CSeq:]
[last_Record-Route:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
{more}Content-Length: {length}

{body}"""

RETRANS = ' retrans="500"'

NUMBER = "<sip:[service]@[remote_ip]:[remote_port]>"


def send(text, retrans=True):
    return f"<send{RETRANS if retrans else ''}><![CDATA[\n{text}\n]]></send>"


def recv(what, **attributes):
    kind = "response" if str(what).isdigit() else "request"
    more = "".join([f' {name}="{value}"' for name, value in attributes.items()])
    return f'<recv {kind}="{what}"{more}></recv>'


def request(method, cseq, to=NUMBER, uri="sip:[service]@[remote_ip]:[remote_port]", more="", body=""):
    more += "Content-Type: application/sdp\n" if body else ""
    return HEAD.format(method=method, uri=uri, to=to, cseq=cseq, more=more, body=body,
                       length="[len]" if body else "0")


def inside(method, cseq, body="", more=""):
    """A request of the dialog."""
    return request(method, cseq, "[peer_tag_param]", "[next_url]", "[routes]\n" + more, body).replace(
        "To: [peer_tag_param]", "[last_To:]")


def answer(status, body="", inside=False):
    """`inside`: of a request in the dialog, whose To has the tag already."""
    more = "Content-Type: application/sdp\n" if body else ""
    text = ANSWER.format(status=status, more=more, body=body, length="[len]" if body else "0")
    return text.replace(";tag=[pid]a[call_number]", "") if inside else text


def of_last(method):
    """An ACK of a failure, or a CANCEL: in the transaction of the request whose answer came last."""
    text = request(method, "[last_cseq_number]", "[last_To:]").replace("To: [last_To:]", "[last_To:]")
    return text.replace("Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]", "[last_Via:]")


def pause(milliseconds):
    return f'<pause milliseconds="{milliseconds}"/>'


def scenario(*steps):
    head = '<?xml version="1.0" encoding="ISO-8859-1" ?>', '<scenario name="mizud">'
    return "\n".join([*head, *steps, "</scenario>", ""])


def authorized(method, status, body="", more=""):
    """The request, its challenge and the request again; an INVITE's challenge is acknowledged."""
    steps = [send(request(method, 1, more=more, body=body)), recv(100, optional="true"), recv(status, auth="true")]
    if method == "INVITE":
        steps.append(send(of_last("ACK"), retrans=False))
    return steps + [send(request(method, 2, more="[field1]\n" + more, body=body))]


RINGING = [recv(100, optional="true"), recv(180, optional="true"), recv(183, optional="true")]
ACK = send(inside("ACK", 2), retrans=False)

REGISTER = scenario(
    send(request("REGISTER", 1, "<sip:[field0]@[remote_ip]>", "sip:[remote_ip]", "Expires: 600\n")),
    recv(401, auth="true"),
    send(request("REGISTER", 2, "<sip:[field0]@[remote_ip]>", "sip:[remote_ip]", "[field1]\nExpires: 600\n")),
    recv(200))

WRONG = scenario(
    send(request("REGISTER", 1, "<sip:[field0]@[remote_ip]>", "sip:[remote_ip]", "Expires: 600\n")),
    recv(401, auth="true"),
    send(request("REGISTER", 2, "<sip:[field0]@[remote_ip]>", "sip:[remote_ip]", "[field1]\nExpires: 600\n")),
    recv(401))

WRONG_CALL = scenario(*authorized("INVITE", 407, SDP), recv(100, optional="true"), recv(407),
                      send(of_last("ACK"), retrans=False))

CALL = scenario(*authorized("INVITE", 407, SDP), *RINGING, recv(200, rrs="true"), ACK, pause(200),
                send(inside("BYE", 3)), recv(200))

CARRIER = scenario(send(request("INVITE", 2, body=SDP)), *RINGING, recv(200, rrs="true"), ACK, pause(1200),
                   send(inside("BYE", 3)), recv(200))

CUT_OFF = scenario(*authorized("INVITE", 407, SDP), *RINGING, recv(200, rrs="true"), ACK, recv("BYE"),
                   send(answer("200 OK", inside=True), retrans=False))

HOLD = scenario(*authorized("INVITE", 407, SDP), *RINGING, recv(200, rrs="true"), ACK, pause(100),
                send(inside("INVITE", 3, SDP.replace("t=0 0", "t=0 0\na=sendonly").replace("1 1 IN", "1 2 IN"))),
                recv(100, optional="true"), recv(200, rrs="true"), send(inside("ACK", 3), retrans=False), pause(100),
                send(inside("BYE", 4)), recv(200))


def refused(status):
    """A call that ends with a final failure, the ACK of which sipp does not make by itself."""
    return scenario(*authorized("INVITE", 407, SDP), *RINGING, recv(status),
                    send(of_last("ACK"), retrans=False))


CANCELLED = scenario(*authorized("INVITE", 407, SDP), recv(100, optional="true"), recv(180), pause(100),
                     send(of_last("CANCEL")), recv(200), recv(487), send(of_last("ACK"), retrans=False))

TRUNK = scenario(recv("INVITE"), send(answer("180 Ringing"), retrans=False), send(answer("200 OK", SDP)), recv("ACK"),
                 recv("BYE"), send(answer("200 OK", inside=True), retrans=False))

TRUNK_HOLD = scenario(recv("INVITE"), send(answer("180 Ringing"), retrans=False), send(answer("200 OK", SDP)),
                      recv("ACK"), recv("INVITE"), send(answer("200 OK", SDP, True)), recv("ACK"), recv("BYE"),
                      send(answer("200 OK", inside=True), retrans=False))

BUSY = scenario(recv("INVITE"), send(answer("486 Busy Here")), recv("ACK"))

RINGS = scenario(recv("INVITE"), send(answer("180 Ringing"), retrans=False), recv("CANCEL"),
                 send(answer("200 OK"), retrans=False),
                 send(answer("487 Request Terminated").replace("[last_CSeq:]", "CSeq: [last_cseq_number] INVITE")),
                 recv("ACK"))
