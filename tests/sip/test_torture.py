"""RFC 4475 and RFC 5118 message by message: what each is read as, or what it is refused with."""

from pathlib import Path

import pytest

from mizu.base.errors import RemoteProtocolError
from mizu.sip import sdp
from mizu.sip.parser import SipError, parse
from mizu.sip.uri import parse_uri

VECTORS = Path(__file__).resolve().parents[2].parent / "shared" / "vectors"

DROPPED = None      # refused, and there is nobody to answer

# name -> status it is refused with (and whether it can be answered), or what is read
REFUSED = {
    "badaspec": 400, "baddate": 400, "baddn": 400, "badinv01": DROPPED, "badvers": 505, "bigcode": DROPPED,
    "clerr": 400, "escruri": 400, "insuf": 400, "ltgtruri": 400, "lwsruri": 400, "lwsstart": 400, "mcl01": 400,
    "mismatch01": 400, "mismatch02": 400, "multi01": 400, "ncl": 400, "novelsc": 416, "quotbal": 400, "regbadct": 400,
    "scalar02": 400, "scalarlg": DROPPED, "trws": 400, "unkscm": 416, "ipv6-bad": 400,
}

FACTS = {
    "badbranch": lambda m: m.branch == "z9hG4bK",
    "bcast": lambda m: m.status == 200 and m.method == "INVITE" and len(m.values("Via")) == 2,
    "bext01": lambda m: m.items("Require") == ["nothingSupportsThis", "nothingSupportsThisEither"],
    "cparam01": lambda m: m.contact.uri == "sip:+19725552222@gw1.example.net"
                          and m.contact.params == {"unknownparam": None},
    "cparam02": lambda m: m.contact.uri == "sip:+19725552222@gw1.example.net;unknownparam" and not m.contact.params,
    "dblreq": lambda m: m.method == "REGISTER" and m.body == b"" and m.call_id.startswith("dblreq."),
    "esc01": lambda m: parse_uri(m.uri).user == "sips:user@example.com" and parse_uri(m.to.uri).user == "user"
                       and parse_uri(m.from_.uri).user == "I have spaces"
                       and parse_uri(m.contact.uri).params == {"lr": None, "name": "value%41"},
    "esc02": lambda m: m.method == "RE%47IST%45R" and m.to.display == "%Z%45"
                       and m.branch == "z9hG4bK209%fzsnel234" and len(m.values("Contact")) == 2,
    "escnull": lambda m: parse_uri(m.to.uri).user == "null-\0-null"
                         and [parse_uri(c.strip("<>")).user for c in m.values("Contact")] == ["\0", "\0\0"],
    "intmeth": lambda m: m.method == "!interesting-Method0123456789_*+`.%indeed'~" and m.max_forwards == 255
                         and m.to.display == "BEL:\x07 NUL:\0 DEL:\x7f" and m.from_.display.startswith("token1~`")
                         and m.from_tag == "_token~1'+`*%!-." and parse_uri(m.uri).password.startswith("&it+has=1")
                         and m.from_.params["fromparam''~+*_!.-%"] == '"работающий"',
    "inv2543": lambda m: m.branch == "" and m.max_forwards is None and m.to.params == {"user": "phone"}
                         and m.body.startswith(b"v=0"),
    "invut": lambda m: m.get("Content-Type") == "application/unknownformat" and len(m.body) == 40,
    "longreq": lambda m: len(m.values("Via")) == 34 and parse_uri(m.to.uri).port == 6000 and len(m.body) == 150,
    "lwsdisp": lambda m: m.from_.display == "caller" and m.from_tag == "323",
    "mpart01": lambda m: b"\x82\x01" in m.body and m.body.startswith(b"--7a9cbec02ceef655"),
    "noreason": lambda m: m.status == 100 and m.reason == "",
    "regaut01": lambda m: m.get("Authorization").startswith("NoOneKnowsThisScheme"),
    "regescrt": lambda m: parse_uri(m.contact.uri).headers == {"route": "<sip:sip.example.com>"},
    "sdp01": lambda m: m.items("Accept") == ["text/nobodyKnowsThis"],
    "semiuri": lambda m: parse_uri(m.uri).user == "user;par=u@example.net" and len(m.items("Accept")) == 6,
    "transports": lambda m: m.via.transport == "UDP" and len(m.values("Via")) == 5,
    "unksm2": lambda m: m.to.uri == "isbn:2983792873" and m.from_.uri == "http://www.example.com",
    "unreason": lambda m: m.reason.endswith("простое") and m.status == 200,
    "wsinv": lambda m: m.max_forwards == 68 and m.cseq == (9, "INVITE") and m.to_tag == "1918181833n"
                       and m.from_.display == 'J Rosenberg \\"' and m.from_tag == "98asjd8" and m.get("Subject",
                           "-") == ""
                       and m.get("Newfangledheader") == "newfangled value continued newfangled value"
                       and m.via.branch == "390skdjuw" and len(m.values("Via")) == 3
                       and m.contact.params == {"newparam": "newvalue", "secondparam": None, "q": "0.33"},
    "zeromf": lambda m: m.max_forwards == 0,
    "ipv4-mapped-ipv6": lambda m: (m.via.host, m.via.port) == ("::ffff:192.0.2.10", 19823),
    "ipv6-bug-abnf-3-colons": lambda m: parse_uri(m.uri).host == "2001:db8::192.0.2.1",
    "ipv6-correct-abnf-2-colons": lambda m: parse_uri(m.uri).host == "2001:db8::192.0.2.1",
    "ipv6-good": lambda m: parse_uri(m.uri).host == "2001:db8::10" and m.via.host == "2001:db8::9:1",
    "ipv6-in-sdp": lambda m: sdp.parse(m.body).connection == "2001:db8::20",
    "mult-ip-in-header": lambda m: m.via.port == 6050 and len(m.values("Via")) == 3,
    "mult-ip-in-sdp": lambda m: [x.connection for x in sdp.parse(m.body).media] == ["192.0.2.1", "2001:db8::1"],
    "port-ambiguous": lambda m: parse_uri(m.uri).port is None and parse_uri(m.uri).host == "2001:db8::10:5070",
    "port-unambiguous": lambda m: parse_uri(m.uri).port == 5070 and parse_uri(m.uri).host == "2001:db8::10",
    "via-received-param-no-delim": lambda m: m.via.received == "2001:db8::9:255",
    "via-received-param-with-delim": lambda m: m.via.received == "2001:db8::9:255",
}


def vector(name):
    found = list(VECTORS.glob(f"rfc*/{name}.dat"))
    if not found:
        pytest.skip("the torture messages are not here")
    return found[0].read_bytes()


def test_every_message_of_the_folders_has_an_outcome():
    names = {file.stem for file in VECTORS.glob("rfc*/*.dat")}
    if not names:
        pytest.skip("the torture messages are not here")
    assert names == REFUSED.keys() | FACTS.keys()


@pytest.mark.parametrize("name", REFUSED)
def test_an_invalid_message_is_refused_or_dropped(name):
    with pytest.raises(SipError) as refused:
        parse(vector(name))
    status = REFUSED[name]
    assert (refused.value.message is None) == (status is DROPPED)
    assert status is DROPPED or refused.value.status == status


@pytest.mark.parametrize("name", [name for name, status in REFUSED.items() if status])
def test_what_is_refused_can_be_answered_with_what_was_read(name):
    with pytest.raises(SipError) as refused:
        parse(vector(name))
    answer = refused.value.message.reply(refused.value.status, to_tag="t")
    assert answer.render().startswith(b"SIP/2.0 %d " % refused.value.status)
    assert answer.fields["Via"] and answer.fields["CSeq"]


@pytest.mark.parametrize("name", FACTS)
def test_a_valid_message_says_what_the_rfc_says(name):
    assert FACTS[name](parse(vector(name)))


@pytest.mark.parametrize("name", FACTS)
def test_a_valid_message_survives_being_written(name):
    message = parse(vector(name))
    again = parse(message.render())
    assert (again.fields, again.body, again.uri, again.reason) == \
        (message.fields, message.body, message.uri, message.reason)


@pytest.mark.parametrize("name", ["unksm2"])
def test_a_scheme_that_nobody_knows_is_416_where_it_is_looked_at(name):
    with pytest.raises(RemoteProtocolError) as refused:
        parse_uri(parse(vector(name)).to.uri)
    assert refused.value.status == 416
