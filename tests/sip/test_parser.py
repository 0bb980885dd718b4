"""parse() and Framer: what is read, what is refused, and that nothing in between is let through."""

import timeit
from random import Random

import pytest

from mizu.base.errors import RemoteProtocolError
from mizu.sip import headers, parser
from mizu.sip.headers import parse_name_addr, parse_via
from mizu.sip.parser import MAX_HEAD, MAX_MESSAGE, Framer, SipError, parse
from mizu.sip.uri import parse_uri

from . import plain_sip
from .messages import RESPONSE, SDP, invite, wire


def refused(data, stream=False):
    with pytest.raises(SipError) as error:
        parse(data, stream)
    return error.value


FAULTS = {
    "nothing": (b"", 400), "blank lines": (b"\r\n\r\n", 400), "noise": (bytes(range(256)), 400),
    "no version": (invite().replace(b" SIP/2.0\r\nVia", b"\r\nVia"), 400),
    "another version": (invite().replace(b" SIP/2.0\r\nVia", b" SIP/3.0\r\nVia"), 505),
    "another protocol": (invite().replace(b" SIP/2.0\r\nVia", b" HTTP/1.1\r\nVia"), 400),
    "no method": (invite().replace(b"INVITE ", b" ", 1), 400),
    "a method with a quote": (invite().replace(b"INVITE ", b'IN"ITE ', 1), 400),
    "truncated": (invite()[:300], 400), "truncated in the body": (invite()[:-5], 400),
    "too long": (invite(body=bytes(MAX_MESSAGE)), 513),
    "too many lines": (invite(add=["X-A: 1"] * 600), 400),
    "a control character": (invite(("X-Custom", "a\x1bb")), 400), "a quoted CR": (invite(("X-Custom", '"a\\\rb"')),
        400),
    "a NUL": (invite(("X-Custom", "a\0b")), 400), "a bare CR": (invite(("X-Custom", "a\rb")), 400),
    "a bare LF": (invite().replace(b"X-Custom: hello", b"X-Custom: hel\nEvil: 1"), 400),
    "bare LFs only": (invite().replace(b"\r\n", b"\n"), 400),
    "no colon": (invite(add=["Nonsense"]), 400), "no name": (invite(add=[": x"]), 400),
    "a name with a space": (invite(add=["X Y: x"]), 400), "a name in another script": (invite(add=["Über: x"]), 400),
    "a fold before the first header": (invite().replace(b"Via", b" Via", 1), 400),
    "no Via": (invite(drop=["Via"]), 400), "no From": (invite(drop=["From"]), 400), "no To": (invite(drop=["To"]), 400),
    "no Call-ID": (invite(drop=["Call-ID"]), 400), "no CSeq": (invite(drop=["CSeq"]), 400),
    "an empty Via": (invite(("Via", "")), 400), "an empty Call-ID": (invite(("Call-ID", "")), 400),
    "commas for a Via": (invite(("Via", ",,")), 400),
    "two Froms": (invite(add=["f: <sip:a@h>"]), 400), "two Call-IDs": (invite(add=["i: a84b4c76e66710@192.0.2.5"]),
                                                                       400),
    "two lengths": (invite(add=["l: 244"]), 400), "two types": (invite(add=["c: application/sdp"]), 400),
    "two Max-Forwards": (invite(add=["max-forwards : 70"]), 400),
    "a negative length": (invite(("Content-Length", "-1")), 400), "a length with a sign": (invite(("Content-Length",
        "+1")), 400),
    "a length with a comma": (invite(("Content-Length", "1,1")), 400), "an empty length": (invite(("Content-Length",
        "")), 400),
    "a long length": (invite(("Content-Length", "9" * 5000)), 400),
    "a length in another script": (invite(("Content-Length", "١")), 400),
    "a length past the end": (invite(("Content-Length", "245")), 400),
    "a CSeq over 2**31": (invite(("CSeq", "2147483648 INVITE")), 400), "a CSeq of another method": (invite(("CSeq",
        "1 BYE")), 400),
    "a CSeq in lower case": (invite(("CSeq", "1 invite")), 400),
    "Max-Forwards over 255": (invite(("Max-Forwards", "256")), 400), "Max-Forwards of words": (invite(("Max-Forwards",
        "x")), 400),
    "a Contact without <>": (invite(("Contact", "sip:a@h?x=y")), 400), "a Contact that is none": (invite(("Contact",
        "alice")), 400),
    "a URI with headers": (invite().replace(b" sip:+12025550123@sip.example.com SIP", b" sip:a@h?x=y SIP"), 400),
    "a URI of another scheme": (invite().replace(b" sip:+12025550123@sip.example.com SIP", b" http://h SIP"), 416),
    "a URI with a bad port": (invite().replace(b" sip:+12025550123@sip.example.com SIP", b" sip:h:65536 SIP"), 400),
    "a Via with a bad port": (invite(("Via", "SIP/2.0/UDP h:65536")), 400),
}


@pytest.mark.parametrize("what", FAULTS)
def test_it_is_refused(what):
    data, status = FAULTS[what]
    assert refused(data).status == status


def test_a_refusal_can_be_answered_if_the_way_back_is_known():
    assert refused(invite(drop=["To", "CSeq"])).message.reply(400).get("From").startswith('"Alice"')
    assert refused(invite(("From", "x"))).message.reply(400, to_tag="t").to_tag == "t"
    assert refused(invite(("To", "x"))).message.reply(400, to_tag="t").get("To") == "x"
    assert refused(invite(drop=["Via"])).message is None
    assert refused(wire(RESPONSE.replace("1 INVITE", "x INVITE"))).message is None
    assert refused(invite(("CSeq", "x ACK")).replace(b"INVITE", b"ACK", 1)).message is None


def test_a_response_takes_its_method_from_cseq():
    message = parse(wire(RESPONSE))
    assert (message.method, message.status, message.reason, message.to_tag) == ("INVITE", 180, "Ringing", "2")
    assert parse(wire(RESPONSE.replace("180 Ringing", "180"))).reason == ""


def test_a_response_is_not_dropped_for_its_contact():
    assert parse(wire(RESPONSE.replace("<sip:bob@192.0.2.9>", "bob"))).contact is None


def test_lines_are_unfolded_and_blanks_around_the_colon_forgiven():
    message = parse(invite(("X-Custom", "a \n\t b\n  c  ")).replace(b"CSeq: ", b"CSEQ \t:  "))
    assert message.get("X-Custom") == "a b c" and message.cseq == (314159, "INVITE")


def test_vias_of_one_line_get_lines_of_their_own():
    message = parse(invite(("Via", 'SIP/2.0/UDP a;x="1,2";branch=b , SIP/2.0/TCP c')))
    assert message.values("Via") == ['SIP/2.0/UDP a;x="1,2";branch=b', "SIP/2.0/TCP c"]


def test_a_star_is_no_contact():
    message = parse(invite(("Contact", "*")))
    assert message.contact is None and message.items("Contact") == ["*"]


def test_a_datagram_is_cut_at_its_length_and_needs_none():
    assert parse(invite() + b"INVITE sip:x SIP/2.0\r\n\r\n").body == SDP
    assert parse(invite(drop=["Content-Length"])).body == SDP
    assert parse(b"\r\n\r\n" + invite()).body == SDP
    assert "Content-Length" not in parse(invite()).fields
    assert refused(invite(drop=["Content-Length"]), stream=True).message.call_id == "a84b4c76e66710@192.0.2.5"


# -- mutations

WORDS = [b"\r\n", b"\n", b"\r", b"\0", b",", b";", b":", b'"', b"<", b">", b"\\", b" ", b"\t", b"%", b"@", b"\xff",
         b"*", b"=",
         b"\r\n ", b"\r\n\r\n", b"l: 3\r\n", b"Via: SIP/2.0/UDP x\r\n", b"From: <sip:a@b>\r\n", b"99999999999", b"-1",
         b"SIP/2.0"]
SEEDS = [invite(), wire(RESPONSE), invite(("From", r'"A \"q\", b" <sip:a@h>;tag=1'), body=b""),
         invite(("Via", "SIP/2.0/TCP [2001:db8::1]:5061;branch=z9hG4bK1;received=::1, SIP/2.0/UDP h"), add=["X-Y : a",
             " b"])]
VALUES = {"Bad address", "Bad Via", "Bad parameter", "Empty parameter", "Bad URI", "Unsupported URI Scheme", "Bad Date",
          "Port out of range", "Unbalanced quotes", "Headers in the Request-URI", "Empty Call-ID", "Bad Request-Line",
          "Too many headers"}


def mutants(seeds, count, seed):
    random = Random(seed)
    for _ in range(count):
        data = random.choice(seeds)
        for _ in range(random.choice((1, 1, 2, 3))):
            at, to = random.randrange(len(data) + 1), random.randrange(1, 12)
            data = random.choice((lambda: data[:at] + random.choice(WORDS) + data[at:],
                                  lambda: data[:at] + data[at + to:],
                                  lambda: data[:at] + bytes([random.randrange(256)]) + data[at + 1:], lambda: data[:at],
                                  lambda: data[:at] + random.choice(WORDS) + data[at + to:]))()
        yield data


def verdict(data):
    """None if it was read as the plain reader reads it and survives being written; else what is wrong."""
    plain = plain_sip.read(data)
    try:
        message = parse(data)
    except SipError as error:
        return None if plain is None or error.reason in VALUES else f"refused: {error.reason}"
    if plain is None:
        return "accepted"
    again = parse(message.render())
    if (again.fields, again.body, again.method, again.uri, again.status, again.reason) != \
            (message.fields, message.body, message.method, message.uri, message.status, message.reason):
        return "written otherwise"
    start, fields, body = plain
    mine = {name.lower(): [line.encode("utf-8", "surrogateescape") for line in lines] for name,
            lines in message.fields.items()}
    theirs = {name.decode(): lines for name, lines in fields.items()}
    for both in (mine, theirs):
        both["via"] = [one.strip() for one in b",".join(both["via"]).split(b",") if one.strip()]
    if mine != theirs or body != message.body:
        return "read otherwise"
    return None if start.upper().startswith(b"SIP/") or start.split(b" ")[1] == message.uri.encode("utf-8",
        "surrogateescape") \
        else "another Request-URI"


def test_mutants_are_refused_or_mean_what_they_say():
    wrong = [(data, why) for data in mutants(SEEDS, 10_000, 7) if (why := verdict(data))]
    assert not wrong, (len(wrong), wrong[0])


def test_a_parser_that_accepts_all_fails_the_mutants(monkeypatch):
    good = parse(SEEDS[0])
    monkeypatch.setitem(globals(), "parse", lambda data: good)
    assert any(verdict(data) for data in mutants(SEEDS, 200, 7))


def test_a_parser_that_forgets_a_check_fails_the_mutants(monkeypatch):
    monkeypatch.setattr(parser, "SINGLE", frozenset())
    assert any(verdict(data) for data in mutants(SEEDS, 4_000, 7))


def test_mutated_values_survive_being_written():
    seeds = {parse_name_addr: [b'"A \\"q\\", b" <sip:a@h;lr>;tag=1;x="y;z"', b"sip:a@h;tag=1"], parse_uri: [
        b"sip:a%40b;x=y:p%20w@h.example.com:5060;transport=tcp;lr?subject=a%26b&to=c", b"tel:+1-202;phone-context=h"],
        parse_via: [b"SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bK1;rport;received=1.2.3.4"]}
    for read, texts in seeds.items():
        accepted = 0
        for data in mutants(texts, 5_000, 3):
            text = data.decode("utf-8", "surrogateescape")
            try:
                value = read(text)
            except RemoteProtocolError:
                continue
            accepted += 1
            again = read(str(value))
            assert all(getattr(again, slot) == getattr(value, slot) for slot in value.__slots__), text
        assert 100 < accepted < 4_500


def test_the_quick_patterns_read_as_the_full_ones_do(monkeypatch):
    texts = {parse_name_addr: [b'"Alice" <sip:a@h>;tag=1928', b"<sip:a@h>"],
             parse_via: [b"SIP/2.0/UDP 192.0.2.5:5060;branch=z9hG4bK7;rport",
                         b"SIP/2.0/WSS h.invalid;rport;branch=z9hG4bK7"]}

    def outcome(read, text):
        try:
            value = read(text)
            return [getattr(value, slot) for slot in value.__slots__]
        except RemoteProtocolError as error:
            return error.reason
    for read, seeds in texts.items():
        mutated = [data.decode("latin-1") for data in seeds + list(mutants(seeds, 3_000, 2))]
        quick = [outcome(read, text) for text in mutated]
        with monkeypatch.context() as patch:
            patch.setattr(headers, "_USUAL_ADDRESS", lambda text: None)
            patch.setattr(headers, "_USUAL_VIA", lambda text: None)
            assert quick == [outcome(read, text) for text in mutated]


# -- streams

def feed(framer, pieces):
    """All that comes out, the fault last."""
    found = []
    try:
        for piece in pieces:
            found += framer.feed(piece)
            if framer.broken:
                framer.feed(b"")
    except RemoteProtocolError as error:
        found.append((error.status, error.reason))
    return found


STREAMS = {
    "two messages": (invite() + wire(RESPONSE), [("message", invite()), ("message", wire(RESPONSE))]),
    "a ping between": (invite() + b"\r\n\r\n" + invite(), [("message", invite()), "ping", ("message", invite())]),
    "a pong before": (b"\r\n" + invite(), [("message", invite())]),
    "pings": (b"\r\n" * 7, ["ping"] * 3), "pings and a message": (b"\r\n" * 5 + invite(), ["ping", "ping", ("message",
        invite())]),
    "the compact length": (wire(RESPONSE.replace("Content-Length", "l")) * 2, [("message",
                                                                                wire(RESPONSE.replace("Content-Length",
                                                                                    "l")))] * 2),
    "a folded length": (wire(RESPONSE.replace("Content-Length: 0", "CONTENT-LENGTH \t:\n  3 ")) + b"abcSIP",
                        [("message", wire(RESPONSE.replace("Content-Length: 0",
                                                           "CONTENT-LENGTH \t:\n  3 ")) + b"abc")]),
    "a body of blank lines": (invite(body=b"\r\n\r\n") + invite(), [("message", invite(body=b"\r\n\r\n")), ("message",
        invite())]),
    "no length": (wire(RESPONSE) + invite(drop=["Content-Length"]), [("message", wire(RESPONSE)), (400,
        "Missing Content-Length")]),
    "two lengths": (invite(add=["l: 244"]), [(400, "More than one Content-Length")]),
    "a negative length": (invite(("Content-Length", "-1")), [(400, "Bad Content-Length")]),
    "too long": (invite(("Content-Length", "65500")), [(513, "Message Too Large")]),
    "a huge length": (invite(("Content-Length", "9" * 5000)), [(400, "Bad Content-Length")]),
    "an endless head": (b"INVITE sip:h SIP/2.0\r\n" + b"X: y\r\n" * 4000, [(513, "Message Too Large")]),
    "a head of one line": (b"x" * (MAX_HEAD + 4), [(513, "Message Too Large")]),
    "bare line breaks": (b"\r\r\n", [(400, "Bare line break")]), "a bare LF": (b"\n" + invite(), [(400,
        "Bare line break")]),
    "a CR before a message": (b"\r\n\r" + invite(), [(400, "Bare line break")]),
}


@pytest.mark.parametrize("what", STREAMS)
def test_a_stream_is_cut_into_messages(what):
    data, found = STREAMS[what]
    assert feed(Framer(), [data]) == found


@pytest.mark.parametrize("what", STREAMS)
def test_octet_by_octet_gives_the_same(what):
    data, found = STREAMS[what]
    assert feed(Framer(), [data[at:at + 1] for at in range(len(data))]) == found


def test_the_longest_head_passes_however_it_comes():
    pad = MAX_HEAD - len(wire(RESPONSE)) + 4
    data = wire(RESPONSE.replace("Ringing", "R" * (pad + 7)))
    assert data.index(b"\r\n\r\n") == MAX_HEAD
    for pieces in ([data], [data[at:at + 1] for at in range(len(data))]):
        assert feed(Framer(), pieces) == [("message", data)]
    longer = data.replace(b"RR", b"RRR", 1)
    for pieces in ([longer], [longer[at:at + 1] for at in range(len(longer))]):
        assert feed(Framer(), pieces) == [(513, "Message Too Large")]


def test_a_broken_stream_stays_broken_and_says_whom_to_answer():
    framer = Framer()
    assert framer.feed(invite() + invite(drop=["Content-Length"])) == [("message", invite())]
    assert framer.broken.message.call_id == "a84b4c76e66710@192.0.2.5"
    for _ in range(2):
        with pytest.raises(SipError):
            framer.feed(invite())


def test_mutated_streams_are_cut_the_same_however_they_come():
    random = Random(5)
    for data in mutants([invite() + b"\r\n\r\n" + wire(RESPONSE), wire(RESPONSE) * 3], 2_000, 5):
        cuts = sorted(random.randrange(len(data) + 1) for _ in range(random.randrange(8)))
        pieces = [data[a:b] for a, b in zip([0] + cuts, cuts + [len(data)]) if a < b]
        assert feed(Framer(), [data]) == feed(Framer(), pieces)


def test_the_framer_and_the_parser_agree_on_the_length():
    for data in mutants([invite(), wire(RESPONSE)], 4_000, 9):
        try:
            found = Framer().feed(data)
            message = parse(found[0][1], stream=True) if found and found[0] != "ping" else None
        except SipError:
            continue
        if message is not None:
            head, _, body = found[0][1].partition(b"\r\n\r\n")
            assert message.body == body


# -- what is long and wrong costs no more than what is long

LONG = 60_000
SLOW = {
    "blanks for a name": invite(("From", "a" + " " * LONG + "x")), "blanks and a quote": invite(("To",
        '"a"' + " " * LONG + "x")),
    "an open quote": invite(("Contact", '"' + "\\" * LONG)), "quotes": invite(("Contact", '"\\"' * (LONG // 3))),
    "colons": invite(("Via", "SIP/2.0/UDP " + "1:" * (LONG // 2) + "x")), "brackets": invite(("Contact", "<" * LONG)),
    "semicolons": invite(("Via", "SIP/2.0/UDP h" + ";" * LONG)), "parameters": invite(("To",
        "<sip:h>" + ";a " * (LONG // 3) + '"')),
    "signs": invite().replace(b"sip:+1202", b"sip:" + b"a@h;" * (LONG // 4) + b"<", 1),
    "ats": invite().replace(b"sip:+1202", b"sip:" + b"@" * LONG, 1), "dots": invite().replace(b"sip:+",
        b"sip:" + b"a." * 30_000 + b"<", 1),
    "folds": invite(("X-Custom", "\n a" * (LONG // 4))), "names": invite(add=[f"a{n}: " for n in range(7_000)]),
    "a number": invite(("CSeq", "1" * LONG + " INVITE")), "commas": invite(("Via", "," * LONG)),
    "a challenge": invite(("X-Custom", "a=b ," * 9_000)),
}


@pytest.mark.parametrize("what", SLOW)
def test_long_nonsense_is_refused_in_time(what):
    data = SLOW[what]

    def attempt():
        for read in (parse, Framer().feed):
            try:
                read(data)
            except SipError:
                pass
    assert min(timeit.repeat(attempt, number=1, repeat=2)) < 0.1
