"""RFC 3261 19.1 and RFC 3966: URIs read, written, compared."""

import pytest

from mizu.base.errors import RemoteProtocolError
from mizu.sip.uri import Uri, equal, parse_uri

READ = {
    "sip:alice@example.com": ("sip", "alice", "example.com", None),
    "SIPS:alice:secret@example.com:5061": ("sips", "alice", "example.com", 5061),
    "sip:example.com": ("sip", "", "example.com", None),
    "sip:+1202555@[2001:db8::9]:5070;transport=TCP": ("sip", "+1202555", "2001:db8::9", 5070),
    "sip:*31#@example.com": ("sip", "*31#", "example.com", None),
    "sip:bob@home@example.com": ("sip", "bob@home", "example.com", None),
    "sip:%61lice@example.com": ("sip", "alice", "example.com", None),
    "sip:100%@example.com": ("sip", "100%", "example.com", None),
    "tel:+1-201-555-0123": ("tel", "+12015550123", "", None),
    "tel:7042;phone-context=example.com": ("tel", "7042", "", None),
}


@pytest.mark.parametrize("text", READ)
def test_a_uri_is_read(text):
    uri = parse_uri(text)
    assert (uri.scheme, uri.user, uri.host, uri.port) == READ[text]


@pytest.mark.parametrize("text", READ)
def test_what_is_written_reads_the_same(text):
    uri = parse_uri(text)
    again = parse_uri(str(uri))
    assert all(getattr(again, slot) == getattr(uri, slot) for slot in Uri.__slots__)
    assert str(again) == str(uri)


def test_parameters_and_headers_are_unescaped_and_escaped_again():
    uri = parse_uri("sip:a@h;lr;X=%3B1?Replaces=x%3Bto-tag%3D1&subject=a%20b")
    assert uri.params == {"lr": None, "x": ";1"}
    assert uri.headers == {"replaces": "x;to-tag=1", "subject": "a b"}
    assert str(uri) == "sip:a@h;lr;x=%3B1?replaces=x%3Bto-tag%3D1&subject=a%20b"


@pytest.mark.parametrize("user, written", [("a b", "a%20b"), ("a@b", "a%40b"), ("*31#", "*31%23"), ("é", "%C3%A9"),
                                           ("x\r\ny", "x%0D%0Ay"), ("\0", "%00"), ("a;b=c/d", "a;b=c/d"), ("<", "%3C"),
                                           ("a:b", "a%3Ab"), ("\udcff", "%FF")])
def test_a_user_is_escaped(user, written):
    assert str(Uri("sip", user, "h")) == f"sip:{written}@h"
    assert parse_uri(f"sip:{written}@h").user == user


@pytest.mark.parametrize("text", ["", "alice", "sip:", "sip:@h", "sip:a@", "sip::p@h", "sip:a b@h", "sip:a@h h",
                                  "<sip:a@h>",
                                  "sip:a@h:0", "sip:a@h:65536", "sip:a@h:x", "sip:a@h:123456", "sip:a@2001:db8::1",
                                  "sip:a@[2001:db8::1", "sip:a@h;x=\"y\"", "sip:a\0@h", "sip:a@h\r\nX: y", "tel:",
                                  "tel:x y",
                                  "tel:+", "://", "1a:b", "sip:a@h;a b"])
def test_what_is_no_uri_is_400(text):
    with pytest.raises(RemoteProtocolError) as refused:
        parse_uri(text)
    assert refused.value.status == 400


@pytest.mark.parametrize("text", ["http://example.com", "urn:service:sos", "mailto:a@b", "soap.beep://h:1", "im:a@h"])
def test_another_scheme_is_416(text):
    with pytest.raises(RemoteProtocolError) as refused:
        parse_uri(text)
    assert refused.value.status == 416


# RFC 3261 19.1.4
EQUAL = [
    ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
    ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
    ("sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
     "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"),
    ("sip:alice@atlanta.com?subject=project%20x&priority=urgent",
     "sip:alice@atlanta.com?priority=urgent&subject=project%20x"),
    ("tel:+1-201-555-0123", "tel:+12015550123"),
]
DIFFERENT = [
    ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
    ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
    ("sip:carol@chicago.com;security=off", "sip:carol@chicago.com;security=on"),
    ("sip:bob@h", "sips:bob@h"), ("sip:bob@h", "sip:bob:x@h"), ("sip:bob@h;maddr=1.2.3.4", "sip:bob@h"),
]


@pytest.mark.parametrize("a, b", EQUAL)
def test_equal_uris_are_equal_both_ways(a, b):
    assert equal(a, b) and equal(parse_uri(b), parse_uri(a))


@pytest.mark.parametrize("a, b", DIFFERENT)
def test_different_uris_differ_both_ways(a, b):
    assert not equal(a, b) and not equal(b, a)
