"""Dialogs: who is who, in which order, by which way."""

import pytest

from mizu.base.errors import RemoteProtocolError
from mizu.sip.dialog import CONFIRMED, EARLY, MAX_ROUTES, Dialog
from mizu.sip.message import Message
from mizu.sip.parser import parse


def invite(*lines, uri="sip:bob@192.0.2.4", cseq=314159):
    return parse("\r\n".join([
        f"INVITE {uri} SIP/2.0", "Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKnashds8", "Max-Forwards: 70",
        'To: "Bob B" <sip:bob@biloxi.com>', "From: Alice <sip:alice@atlanta.com>;tag=1928301774", "Call-ID: a84b4c76e66710",
        f"CSeq: {cseq} INVITE", "Contact: <sip:alice@pc33.atlanta.com>", *lines, "", ""]).encode())


def okay(request, *fields, status=200, tag="a6c85cf", contact="<sip:bob@192.0.2.4>"):
    response = request.reply(status, to_tag=tag)
    if contact:
        response.add("Contact", contact)
    for name, value in fields:
        response.add(name, value)
    return parse(response.render())


P1, P2, P3 = "<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>", "<sip:p3.middle.com>"


def test_the_called_side_knows_who_is_who():
    dialog = Dialog.uas(invite(), "a6c85cf")
    assert dialog.id == ("a84b4c76e66710", "a6c85cf", "1928301774")
    assert (dialog.local_uri, dialog.remote_uri) == ("sip:bob@biloxi.com", "sip:alice@atlanta.com")
    assert (dialog.local_cseq, dialog.remote_cseq) == (0, 314159)
    assert (dialog.remote_target, dialog.route_set, dialog.state) == ("sip:alice@pc33.atlanta.com", [], EARLY)
    assert not dialog.secure and Dialog.uas(invite(uri="sips:bob@b"), "t").secure


def test_a_request_of_the_called_side():
    """RFC 3261 24.2, the BYE that Bob sends."""
    bye = Dialog.uas(invite(), "a6c85cf").request("BYE")
    assert bye.uri == "sip:alice@pc33.atlanta.com"
    assert bye.get("From") == '"Bob B" <sip:bob@biloxi.com>;tag=a6c85cf'
    assert bye.get("To") == "Alice <sip:alice@atlanta.com>;tag=1928301774"
    assert (bye.call_id, bye.cseq, bye.get("Max-Forwards")) == ("a84b4c76e66710", (1, "BYE"), "70")
    assert "Route" not in bye.fields and "Via" not in bye.fields


def test_the_calling_side_mirrors_it():
    request = invite()
    dialog = Dialog.uac(request, okay(request))
    assert dialog.id == ("a84b4c76e66710", "1928301774", "a6c85cf")
    assert (dialog.local_uri, dialog.remote_uri) == ("sip:alice@atlanta.com", "sip:bob@biloxi.com")
    assert (dialog.remote_target, dialog.state) == ("sip:bob@192.0.2.4", CONFIRMED)
    ack, bye = dialog.request("ACK", 314159), dialog.request("BYE")
    assert (ack.cseq, bye.cseq) == ((314159, "ACK"), (314160, "BYE"))
    assert bye.get("From") == '"Alice" <sip:alice@atlanta.com>;tag=1928301774'
    assert bye.get("To") == '"Bob B" <sip:bob@biloxi.com>;tag=a6c85cf'


def test_a_fork_makes_a_dialog_from_its_response_alone():
    request = invite()
    assert Dialog.uac(None, okay(request)).id == Dialog.uac(request, okay(request)).id


def test_the_called_side_routes_in_the_order_of_record_route():
    dialog = Dialog.uas(invite(f"Record-Route: {P1}, {P2}", f"Record-Route: {P3}"), "t")
    assert dialog.route_set == [P1, P2, P3]
    bye = dialog.request("BYE")
    assert bye.values("Route") == [P1, P2, P3] and bye.uri == "sip:alice@pc33.atlanta.com"
    assert dialog.next_hop == "sip:p1.example.com;lr"


def test_the_calling_side_routes_in_the_opposite_order():
    request = invite()
    dialog = Dialog.uac(request, okay(request, ("Record-Route", f"{P1}, {P2}")))
    assert dialog.route_set == [P2, P1] and dialog.request("BYE").values("Route") == [P2, P1]


def test_a_strict_router_becomes_the_request_uri():
    """RFC 3261 12.2.1.1 and 16.12.1.2."""
    dialog = Dialog.uas(invite(f"Record-Route: {P3}, {P1}"), "t")
    bye = dialog.request("BYE")
    assert bye.uri == "sip:p3.middle.com" and dialog.next_hop == "sip:p3.middle.com"
    assert bye.values("Route") == [P1, "<sip:alice@pc33.atlanta.com>"]


def test_without_routes_the_next_hop_is_the_remote_target():
    assert Dialog.uas(invite(), "t").next_hop == "sip:alice@pc33.atlanta.com"


def test_the_2xx_says_the_route_set_and_the_target_anew():
    """13.2.2.4"""
    request = invite()
    dialog = Dialog.uac(request, okay(request, ("Record-Route", P1), status=180, contact="<sip:early@h>"))
    assert (dialog.state, dialog.route_set, dialog.remote_target) == (EARLY, [P1], "sip:early@h")
    dialog.confirm(okay(request, ("Record-Route", P2), contact="<sip:late@h>"))
    assert (dialog.state, dialog.route_set, dialog.remote_target) == (CONFIRMED, [P2], "sip:late@h")


def test_the_target_moves_with_what_refreshes_it_and_nothing_else():
    request = invite()
    dialog = Dialog.uac(request, okay(request))
    dialog.update_target(okay(request, contact="<sip:new@h>"))
    assert dialog.remote_target == "sip:new@h"
    dialog.update_target(okay(request, status=486, contact="<sip:else@h>"))
    dialog.update_target(okay(request, contact=""))
    info = Message.request("INFO", "sip:x@y")
    info.add("Contact", "<sip:info@h>")
    dialog.update_target(info)
    assert dialog.remote_target == "sip:new@h"
    dialog.update_target(invite())
    assert dialog.remote_target == "sip:alice@pc33.atlanta.com"


def test_a_request_that_was_overtaken_is_refused():
    dialog = Dialog.uas(invite(cseq=10), "t")
    assert [dialog.accepts(invite(cseq=number)) for number in (11, 20, 19, 20, 21)] == [0, 0, 500, 0, 0]
    ack = Message.request("ACK", "sip:x@y")
    ack.add("CSeq", "1 ACK")
    assert dialog.accepts(ack) == 0 and dialog.remote_cseq == 21


def test_the_first_request_of_the_called_side_may_have_any_number():
    request = invite()
    assert Dialog.uac(request, okay(request)).accepts(invite(cseq=0)) == 0


def test_a_caller_without_a_tag_is_a_client_of_rfc_2543():
    request = invite()
    request.set("From", "<sip:alice@atlanta.com>")
    dialog = Dialog.uas(request, "t")
    assert dialog.remote_tag == "" and dialog.request("BYE").get("To") == "<sip:alice@atlanta.com>"


def test_a_request_with_a_senseless_route_is_refused_and_such_a_response_forgiven():
    with pytest.raises(RemoteProtocolError):
        Dialog.uas(invite("Record-Route: <nonsense"), "t")
    request = invite()
    dialog = Dialog.uac(request, okay(request, ("Record-Route", "<nonsense"), contact="???"))
    assert (dialog.route_set, dialog.remote_target) == ([], "sip:bob@192.0.2.4")


def test_routes_have_a_bound():
    assert len(Dialog.uas(invite("Record-Route: " + ", ".join([P1] * 100)), "t").route_set) == MAX_ROUTES
