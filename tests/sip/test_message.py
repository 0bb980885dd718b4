"""Message as a value: RFC 3261 7 and 8.2.6."""

import pytest

from mizu.base.errors import RemoteProtocolError
from mizu.sip.message import Message
from mizu.sip.parser import parse

from .messages import RESPONSE, SDP, invite, wire


def test_a_request_is_built_and_written():
    message = Message.request("OPTIONS", "sip:h")
    message.add("Via", "SIP/2.0/UDP a;branch=z9hG4bK1")
    message.prepend("Via", "SIP/2.0/UDP b;branch=z9hG4bK2")
    message.set("X-Foo", "1")
    message.add("X-Foo", "2")
    message.body = b"\r\n\0"
    assert message.render() == (b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP b;branch=z9hG4bK2\r\n"
                                b"Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\nX-Foo: 1\r\nX-Foo: 2\r\n"
                                b"Content-Length: 3\r\n\r\n\r\n\0")
    assert message.branch == "z9hG4bK2" and message.is_request and message.values("X-Foo") == ["1", "2"]


def test_a_response_takes_the_registered_phrase():
    assert Message.response(486).render() == b"SIP/2.0 486 Busy Here\r\nContent-Length: 0\r\n\r\n"
    assert Message.response(486, "No").reason == "No" and not Message.response(486).is_request


def test_values_are_read_when_asked_for_and_forgotten_when_changed():
    message = parse(invite())
    assert message.from_.display == "Alice" and message.from_tag == "1928301774" and message.to_tag == ""
    assert message.contact.uri == "sip:alice@192.0.2.5:5060;transport=udp" and message.cseq == (314159, "INVITE")
    assert message.max_forwards == 70 and message.branch == "z9hG4bK776asdhds" and message.body == SDP
    message.set("From", "<sip:b@h>;tag=9")
    message.set("cseq", "2 INVITE")
    message.prepend("v", "SIP/2.0/TCP x;branch=y")
    message.set("Contact", "*")
    message.add("To", "ignored")
    message.remove("max-forwards")
    assert (message.from_tag, message.cseq, message.via.transport) == ("9", (2, "INVITE"), "TCP")
    assert message.contact is None and message.items("Contact") == ["*"] and message.max_forwards is None


def test_a_header_is_found_under_any_spelling():
    message = parse(invite(add=["x-MPUSH: 1", "k: x, y"]))
    assert message.get("X-Mpush") == message.get("x-mpush") == message.get("X-MPUSH") == "1"
    assert message.items("k") == ["replaces", "timer", "x", "y"] and message.get("Nobody", "-") == "-"


def test_a_reply_carries_what_8_2_6_says():
    request = parse(invite(add=["Record-Route: <sip:p;lr>", "Timestamp: 54.1", "Via: SIP/2.0/UDP q;branch=c"]))
    request.flow = object()
    ringing = request.reply(180, to_tag="abc")
    assert list(ringing.fields) == ["Via", "From", "To", "Call-ID", "CSeq", "Record-Route"]
    assert ringing.values("Via") == request.values("Via") and ringing.to_tag == "abc" and ringing.flow is request.flow
    assert (ringing.method, ringing.status, ringing.reason, ringing.cseq) == ("INVITE", 180, "Ringing", request.cseq)
    assert request.to_tag == "" and parse(ringing.render()).fields == ringing.fields
    assert "Record-Route" in request.reply(200).fields and "Record-Route" not in request.reply(404).fields
    trying = request.reply(100)
    assert trying.get("Timestamp") == "54.1" and "Record-Route" not in trying.fields
    ringing.fields["Via"].pop()
    assert len(request.values("Via")) == 2


def test_a_reply_leaves_a_tag_alone():
    request = parse(invite(("To", "<sip:b@h>;tag=1")))
    assert request.reply(200, to_tag="2").to_tag == "1"
    assert parse(invite(("To", "sip:b@h;"))).reply(200, to_tag="2").to_tag == "2"


@pytest.mark.parametrize("value", ["a\r\nEvil: 1", "a\nEvil: 1", "a\rEvil: 1", "a\r\n\r\nbody", "\r\nEvil: 1",
                                   "a\r\n\tEvil: 1"])
def test_no_value_becomes_a_header_of_its_own(value):
    message = parse(wire(RESPONSE))
    message.set("X-One", value)
    message.add("X-Two", value)
    message.prepend("X-Three", value)
    message.fields["X-Four"] = [value]          # past set()
    message.reason = value
    written = message.render()
    assert b"\nEvil" not in written and b"\rEvil" not in written
    again = parse(written)
    assert again.body == b"" and list(again.fields) == list(message.fields)
    request = parse(invite())
    request.uri = f"sip:h{value}"
    assert b"\nEvil" not in request.render() and b"\rEvil" not in request.render()


@pytest.mark.parametrize("name", ["X Y", "X:", "", "X\r\nY", "Ä", "X\0"])
def test_a_name_that_is_none_is_refused(name):
    message = Message.request("INFO", "sip:h")
    for change in (message.set, message.add, message.prepend):
        with pytest.raises(ValueError):
            change(name, "1")
    assert message.fields == {}


def test_octets_that_are_no_text_survive():
    data = invite(("X-Custom", "?")).replace(b"X-Custom: ?", b"X-Custom: \xff\xfe \xc3\xa9 \x80")
    message = parse(data)
    assert message.get("X-Custom") == "\udcff\udcfe é \udc80"
    assert b"X-Custom: \xff\xfe \xc3\xa9 \x80\r\n" in message.render()


def test_a_surrogate_of_nobody_does_not_stop_a_message():
    message = Message.request("INFO", "sip:h")
    message.set("X-A", "\ud800\udc80")
    assert b"X-A: ?\x80\r\n" in message.render()


def test_the_length_is_that_of_the_body_whatever_was_set():
    message = parse(invite())
    message.set("Content-Length", "9")
    message.body = b"12"
    assert message.render().endswith(b"Content-Length: 2\r\n\r\n12")


def test_a_copy_shares_no_field():
    message = parse(invite())
    twin = message.copy()
    twin.set("CSeq", "1 INVITE")
    twin.fields["Via"][0] = "SIP/2.0/UDP x"
    assert message.cseq == (314159, "INVITE") and message.via.host == "192.0.2.5" and twin.via.host == "x"


def test_shared_addresses_cannot_be_changed():
    with pytest.raises(TypeError):
        parse(invite()).from_.params["tag"] = "evil"


def test_a_list_with_open_quotes_is_the_senders_fault():
    with pytest.raises(RemoteProtocolError):
        parse(invite(add=['Accept: a, "b'])).items("Accept")
