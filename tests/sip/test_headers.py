"""Values of header fields: RFC 3261 20 and 25."""

import pytest

from mizu.base.errors import RemoteProtocolError
from mizu.sip.headers import (NameAddr, Via, parse_credentials, parse_cseq, parse_name_addr, parse_params, parse_rack,
                              parse_seconds, parse_value_params, parse_via, quote, split_commas, unquote)
from mizu.sip.names import HEADERS, KNOWN, MAX_KNOWN, canonical, reason_phrase

ADDRESSES = {
    '"Bob" <sip:bob@h>;tag=1': ("Bob", "sip:bob@h", {"tag": "1"}),
    "<sip:bob@h;lr>": ("", "sip:bob@h;lr", {}),
    "sip:bob@h;tag=1": ("", "sip:bob@h", {"tag": "1"}),
    "sip:bob@h": ("", "sip:bob@h", {}),
    "Bob the Builder<sip:bob@h>": ("Bob the Builder", "sip:bob@h", {}),
    r'"a \"b\", <c>; \\" <sip:bob@h> ; tag = 1 ;x': (r'a "b", <c>; ' + "\\", "sip:bob@h", {"tag": "1", "x": None}),
    '"" <sip:bob@h>': ("", "sip:bob@h", {}),
    '<sip:h>;+sip.instance="<urn:uuid:1;2,3>";reg-id=1': ("", "sip:h", {"+sip.instance": '"<urn:uuid:1;2,3>"',
                                                                        "reg-id": "1"}),
    "<tel:+1>;TAG=A": ("", "tel:+1", {"tag": "A"}),
    "<sip:h>;tag=1;": ("", "sip:h", {"tag": "1"}),
    "<sip:h>;received=": ("", "sip:h", {"received": ""}),
    "Ärger <sip:h>": ("Ärger", "sip:h", {}),
}


@pytest.mark.parametrize("text", ADDRESSES)
def test_an_address_is_read(text):
    address = parse_name_addr(text)
    assert (address.display, address.uri, address.params) == ADDRESSES[text]
    again = parse_name_addr(str(address))
    assert (again.display, again.uri, again.params) == ADDRESSES[text]


@pytest.mark.parametrize("text", ["", "bob", '"bob <sip:b@h>', "<sip:h", "sip:h>", "a, b <sip:h>", "< sip:h >",
                                  "<sip:a b@h>", "<>",
                                  "sip:h?Route=x", "sip:a,b@h", "<sip:h>x", "<sip:h>;;a", "<sip:h>;=1", '<sip:h>;a="',
                                  "*",
                                  '<sip:h>;a="b"c', "<sip:h>;a b", '"a"b" <sip:h>', "<sip:h>;;", "<sip:h>;<x>"])
def test_what_is_no_address_is_400(text):
    with pytest.raises(RemoteProtocolError) as refused:
        parse_name_addr(text)
    assert refused.value.status == 400


def test_a_display_name_cannot_break_out_of_its_quotes():
    address = NameAddr("sip:h", 'x" <sip:evil>, "')
    assert parse_name_addr(str(address)).display == address.display and split_commas(str(address)) == [str(address)]


VIAS = {
    "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport": ("UDP", "192.0.2.1", 5060),
    "SIP/2.0/tls host.example.com": ("TLS", "host.example.com", None),
    "SIP / 2.0 / TCP   h  :  5070 ; branch = x": ("TCP", "h", 5070),
    "SIP/2.0/UDP [2001:db8::9:1]:6050;branch=x": ("UDP", "2001:db8::9:1", 6050),
    "SIP/2.0/UDP [2001:db8::9:1]": ("UDP", "2001:db8::9:1", None),
    "SIP/2.0/UDP 2001:db8::9:1;branch=x": ("UDP", "2001:db8::9:1", None),
    "SIP/2.0/WSS df7jal23ls0d.invalid;branch=x": ("WSS", "df7jal23ls0d.invalid", None),
    "SIP/7.0/UDP h": ("UDP", "h", None),
}


@pytest.mark.parametrize("text", VIAS)
def test_a_via_is_read(text):
    via = parse_via(text)
    assert (via.transport, via.host, via.port) == VIAS[text]
    again = parse_via(str(via))
    assert all(getattr(again, slot) == getattr(via, slot) for slot in Via.__slots__)


@pytest.mark.parametrize("text", ["", "SIP/2.0/UDP", "SIP/2.0 h", "SIP/2.0/UDP h:0", "SIP/2.0/UDP h:65536",
                                  "SIP/2.0/UDP h:x",
                                  "SIP/2.0/UDP [::1", "HTTP/2.0/UDP h", "SIP/2.0/UDP h;;;",
                                  "SIP/2.0/UDP h,SIP/2.0/UDP g",
                                  "SIP/2.0/UDP h;,;", "SIP/2.0/UDP a b"])
def test_what_is_no_via_is_400(text):
    with pytest.raises(RemoteProtocolError):
        parse_via(text)


def test_rport_says_whether_it_is_asked_for_and_what_it_is():
    asked = parse_via("SIP/2.0/UDP h;rport;branch=b")
    assert "rport" in asked.params and asked.rport is None and asked.branch == "b"
    told = parse_via("SIP/2.0/UDP h;rport=4711;received=[2001:db8::1]")
    assert (told.rport, told.received, told.branch) == (4711, "2001:db8::1", "")
    assert parse_via("SIP/2.0/UDP h;rport=x").rport is None


LISTS = {
    "": [], ",": [], "a": ["a"], "a, b,,c": ["a", "b", "c"], '"a,b" <sip:h>, <sip:x,y>;z': ['"a,b" <sip:h>',
        "<sip:x,y>;z"],
    r'"a\",b", c': [r'"a\",b"', "c"], "*": ["*"], '"Doe, J" <sip:j@h>,"x" <sip:x@h>': ['"Doe, J" <sip:j@h>',
        '"x" <sip:x@h>'],
}


@pytest.mark.parametrize("text", LISTS)
def test_a_list_is_split_at_its_own_commas(text):
    assert split_commas(text) == LISTS[text]


@pytest.mark.parametrize("text", ['"a, b', '<a, b', 'a, "b', '"a\\", b'])
def test_a_list_with_open_quotes_is_400(text):
    with pytest.raises(RemoteProtocolError):
        split_commas(text)


def test_the_first_of_two_parameters_counts():
    assert parse_params("a=1;A=2; b ;c=\"x;y\"") == {"a": "1", "b": None, "c": '"x;y"'}


def test_quotes_go_on_and_off():
    for text in ("", "a", 'a"b', "a\\", '"', "\\\"x"):
        assert unquote(quote(text)) == text
    assert unquote("token") == "token" and unquote('"') == '"'


@pytest.mark.parametrize("text, value", [("1 INVITE", (1, "INVITE")), ("0009   INVITE", (9, "INVITE")),
                                         ("2147483647 BYE", (2147483647, "BYE")), ("0 X-y", (0, "X-y"))])
def test_a_cseq_is_read(text, value):
    assert parse_cseq(text) == value


@pytest.mark.parametrize("text", ["", "1", "INVITE", "-1 INVITE", "2147483648 INVITE", "1 IN VITE", "x INVITE",
                                  "1 INV:ITE",
                                  "99999999999999999999 BYE", "١ BYE", "1" * 5000 + " BYE"])
def test_what_is_no_cseq_is_400(text):
    with pytest.raises(RemoteProtocolError):
        parse_cseq(text)


def test_small_values():
    assert parse_rack("776656 1 INVITE") == (776656, 1, "INVITE")
    assert parse_seconds("3600") == 3600 and parse_seconds("1800;refresher=uac") == 1800
    assert parse_seconds("1" + "0" * 90) == 2**32 - 1 and parse_seconds("-1", 5) == 5 and parse_seconds("x") is None
    assert parse_value_params("presence;id=7") == ("presence", {"id": "7"})
    assert parse_value_params("x@y;to-tag=1;early-only") == ("x@y", {"to-tag": "1", "early-only": None})


def test_credentials_are_read():
    scheme, fields = parse_credentials('Digest username="a\\"b",realm="x, y" , uri="sip:h",NC=00000001, qop=auth, '
                                       'opaque=""')
    assert scheme == "digest"
    assert fields == {"username": 'a"b', "realm": "x, y", "uri": "sip:h", "nc": "00000001", "qop": "auth", "opaque": ""}


@pytest.mark.parametrize("text", ['Digest username="a', "Digest a", "Digest a=b c=d", 'Digest "a"=b', "Digest ,"])
def test_broken_credentials_are_400(text):
    with pytest.raises(RemoteProtocolError):
        parse_credentials(text)


@pytest.mark.parametrize("name, filed", [("v", "Via"), ("VIA", "Via"), ("call-id", "Call-ID"), ("i", "Call-ID"),
                                         ("CSEQ", "CSeq"),
                                         ("www-authenticate", "WWW-Authenticate"), ("x-foo-bar", "X-Foo-Bar"), ("a b",
                                             ""),
                                         ("", ""), ("a:", ""), ("X\r\nY", ""), ("é", ""), ("rAcK", "RAck")])
def test_a_header_has_one_name(name, filed):
    assert canonical(name) == filed


def test_strangers_cannot_fill_the_memory_with_names():
    assert len(set(HEADERS)) == len(HEADERS)
    before = dict(KNOWN)
    try:
        for number in range(3 * MAX_KNOWN):
            assert canonical(f"x-{number}") == f"X-{number}"
        assert len(KNOWN) <= MAX_KNOWN
    finally:
        KNOWN.clear()
        KNOWN.update(before)


def test_a_status_nobody_registered_takes_the_phrase_of_its_class():
    assert reason_phrase(486) == "Busy Here" and reason_phrase(499) == "Bad Request"
    assert reason_phrase(699) == "Busy Everywhere"
