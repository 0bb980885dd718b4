"""Calls between telephones, the whole switch between them."""

import pytest

from mizu.sip.parser import parse
from tests.flows.office import HOST
from tests.flows.phone import sdp


def test_two_telephones_talk_and_one_hangs_up(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.invite("bob")
    office.run(1)
    assert call.state == "ringing" and bob.calls[-1].state == "ringing"
    bob.calls[-1].answer()
    office.run(10)
    assert call.state == bob.calls[-1].state == "talking"
    assert len(office.board) == 1
    call.bye()
    office.run(1)
    assert bob.calls[-1].state == "ended"
    cdr, = office.bills()
    assert (cdr.realduration, cdr.discreason, cdr.discside) == (10, 200, "caller")
    office.swept()


def test_a_call_to_a_trunk_is_paid_to_the_micro_unit(office):
    office.price("36", 0.6, billingstep=1)
    alice, carrier = office.phone("alice", credit=1), office.trunk("carrier", "203.0.113.5")
    call = alice.invite("36201234567")
    office.run(1)
    carrier.calls[-1].answer()
    office.run(20.5)
    assert call.state == "talking"
    carrier.calls[-1].bye()
    office.run(1)
    cdr, = office.bills()
    assert office.balance("alice") == 1_000_000 - cdr.realduration * 10_000
    assert cdr.realduration in (20, 21) and cdr.costenduser == cdr.realduration * 0.01
    office.swept()


def test_the_story_tells_what_was_set_aside_and_what_was_paid(office):
    office.price("36", 0.6, billingstep=1)
    alice, carrier = office.phone("alice", credit=10), office.trunk("carrier", "203.0.113.5")
    call = alice.invite("36201234567")
    office.run(1)
    carrier.calls[-1].answer()
    office.run(62.5)
    call.bye()
    office.run(1)
    told = [what for _, what in office.switch.stories.find(call.call_id).events if what.__class__ is str]
    assert [line for line in told if line.startswith("alice: ")] == [
        "alice: 0.6 USD set aside for 60 s", "alice: 1.2 USD set aside for 120 s", "alice: 0.63 USD paid for 63 s"]
    office.swept()


def test_the_call_ends_when_the_money_does(office):
    office.price("36", 0.6, billingstep=1)
    alice, carrier = office.phone("alice", credit=0.905), office.trunk("carrier", "203.0.113.5")
    call = alice.invite("36201234567")
    office.run(1)
    carrier.calls[-1].answer()
    office.run(89)
    assert call.state == "talking"
    office.run(3)
    assert call.state == carrier.calls[-1].state == "ended"
    assert office.balance("alice") == 5_000 and office.bills()[0].realduration == 90
    office.swept()


def test_cancel_busy_and_no_such_number(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.invite("bob")
    office.run(1)
    call.cancel()
    office.run(1)
    assert call.codes[-1] == 487 and bob.calls[-1].state == "ended"
    bob.on_call = lambda call: call.refuse(486)
    busy = alice.invite("bob")
    office.run(1)
    assert busy.codes[-1] == 486
    nobody = alice.invite("nobody")
    office.run(1)
    assert nobody.codes[-1] == 404
    assert [cdr.discreason for cdr in office.bills()] == [487, 486, 404]
    office.swept()


def test_nobody_answers_and_the_caller_hears_of_it(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.invite("bob")
    office.run(70)
    assert call.state == bob.calls[-1].state == "ended" and call.codes[-1] == 480
    office.swept()


def test_early_media_passes_as_it_is(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    body = sdp("198.51.100.2", 7000).replace(b"a=sendrecv", b"a=x-own:1\r\na=fmtp:101 0-16")
    bob.on_call = lambda call: call.ring(183, body)
    call = alice.invite("bob")
    office.run(1)
    assert call.codes[-1] == 183 and call.body == body
    bob.calls[-1].ring(180)
    office.run(1)
    assert call.codes[-1] == 180
    bob.calls[-1].answer(body)
    office.run(1)
    assert call.state == "talking" and call.body == body
    call.bye()
    office.swept()


def test_a_cancel_before_anybody_rings_and_one_that_waits_for_the_first_answer(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    bob.on_call = lambda call: None
    call = alice.invite("bob")
    call.cancel()
    office.run(2)
    assert call.codes[-1] == 487 and call.state == "ended" and bob.calls[-1].asked == []
    bob.calls[-1].ring()
    office.run(1)
    assert bob.calls[-1].state == "ended" and bob.calls[-1].asked == ["CANCEL", "ACK"]
    office.swept()


def test_a_cancel_that_crosses_the_answer_ends_the_call_all_the_same(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.invite("bob")
    office.run(1)
    office.network.delay = 0.05, 0.05
    call.cancel()
    office.run(0.06)            # the switch has it, bob not yet
    bob.calls[-1].answer()
    office.run(2)
    assert call.codes[-1] == 487 and bob.calls[-1].state == "ended"
    assert bob.calls[-1].asked.count("BYE") == 1 and "ACK" in bob.calls[-1].asked
    office.swept()


def test_an_answer_that_crosses_the_cancel_is_hung_up_by_the_caller(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.invite("bob")
    office.run(1)
    office.network.delay = 0.05, 0.05
    bob.calls[-1].answer()
    office.run(0.06)            # the switch has it, alice not yet
    call.cancel()
    office.run(2)
    assert call.codes[-1] == 200 and call.state == bob.calls[-1].state == "ended"
    assert len(office.bills()) == 1
    office.swept()


def test_both_hang_up_at_once(pair):
    office, call, other = pair
    call.bye()
    other.bye()
    office.run(2)
    assert len(office.bills()) == 1
    office.swept()


def test_a_callee_that_answers_and_hangs_up_at_once_leaves_nothing(office):
    alice, bob = office.phone("alice"), office.phone("bob")

    def at_once(call):
        call.answer()
        call.bye()
    bob.on_call = at_once
    office.network.delay = 0.01, 0.01
    call = alice.invite("bob")
    office.run(3)
    assert call.state == "ended" and call.codes[-1] == 200
    office.swept()


def test_a_bye_that_is_quicker_than_its_answer_ends_the_call(office):
    alice, bob = office.phone("alice"), office.phone("bob")

    def bye_first(call):
        call.bye()
        call.answer()
        call.state = "ended"
    bob.on_call = bye_first
    office.network.delay = 0.01, 0.01
    call = alice.invite("bob")
    office.run(3)
    assert call.state == "ended" and call.codes[-1] == 480
    office.swept()


def test_the_bye_to_a_caller_waits_for_its_ack(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.invite("bob")
    office.run(1)
    office.network.deaf.add((alice.host, alice.port))
    bob.calls[-1].answer()
    office.run(0.2)
    bob.calls[-1].bye()
    office.run(1)
    office.network.deaf.clear()
    office.run(5)
    assert call.codes[-1] == 200 and call.state == "ended" and call.asked == ["BYE"]
    office.swept()


def test_a_caller_whose_ack_never_comes_is_hung_up(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.invite("bob")
    call._ack = lambda invite: b""
    office.run(1)
    bob.calls[-1].answer()
    office.run(40)
    assert call.state == bob.calls[-1].state == "ended"
    assert [(cdr.discreason, cdr.realduration) for cdr in office.bills()] == [(408, 0)]
    office.swept()


def test_a_caller_may_end_an_early_dialog_with_bye(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.invite("bob")
    office.run(1)
    early = alice.got[-1]
    call._learn(early, early.to, early.get("To"), [])
    call.request("BYE")
    office.run(1)
    assert call.codes[-1] == 487 and bob.calls[-1].state == "ended"
    assert office.bills()[0].discreason == 487
    office.swept()


def test_fields_of_the_callers_own_pass_and_those_that_are_meant_for_us_stay(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    fields = (("X-Order", "4711"), ("X-MAPI", "balance"), ("X-MPUSH", "token"), ("Alert-Info", "<urn:alert:service:normal>"),
              ("P-Asserted-Identity", "<sip:boss@192.0.2.1>"), ("User-Agent", "secret 1.0"), ("Subject", "lunch"))
    call = alice.invite("bob", fields=fields)
    office.run(1)
    invite = bob.calls[-1].invitation
    assert invite.get("X-Order") == "4711" and invite.get("Subject") == "lunch" and invite.get("Alert-Info")
    assert not {"X-MAPI", "X-MPUSH", "X-Mapi", "P-Asserted-Identity"} & set(invite.fields)
    bob.calls[-1].answer(fields=(("X-Agent", "17"), ("Server", "hidden")))
    office.run(1)
    answer = alice.heard("INVITE", 200)[-1]
    assert answer.get("X-Agent") == "17" and "hidden" not in answer.render().decode()
    call.bye()
    office.swept()


def test_neither_side_learns_of_the_other_ones_network(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.invite("bob", body=b"")
    office.run(1)
    bob.calls[-1].answer(sdp("203.0.113.77"))
    office.run(1)
    bob.calls[-1].bye()
    office.run(1)
    seen = {alice.host: b"", bob.host: b""}
    for _, source, (host, port), _, data in office.network.log:
        if source[0] == "192.0.2.1":
            seen[host] += data
    assert bob.host.encode() not in seen[alice.host] and alice.host.encode() not in seen[bob.host]
    assert call.call_id.encode() not in seen[bob.host]
    invite = bob.calls[-1].invitation
    assert "Record-Route" not in invite.fields and len(invite.values("Via")) == 1
    assert "phone of the tests" not in invite.get("User-Agent")
    office.swept()


def test_max_forwards_goes_down_by_one_and_none_left_is_refused(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.invite("bob", fields=(("Max-Forwards", "7"),))
    office.run(1)
    assert bob.calls[-1].invitation.get("Max-Forwards") == "6"
    call.cancel()
    last = alice.invite("bob", fields=(("Max-Forwards", "0"),))
    office.run(1)
    assert last.codes[-1] == 483 and len(bob.calls) == 1
    office.swept()


def test_a_call_that_comes_back_to_us_is_a_loop(office):
    """A trunk that sends what it gets to where it came from."""
    office.price("36", 0.6)
    alice, carrier = office.phone("alice", credit=1), office.trunk("carrier", "203.0.113.5")

    def back(call):
        twin = parse(call.invitation.render())
        twin.prepend("Via", f"SIP/2.0/UDP {carrier.host}:5060;rport;branch=z9hG4bKback")
        carrier.endpoint.udp("192.0.2.1", 5060).send(twin.render())
    carrier.on_call = back
    codes = []
    carrier.endpoint.received = lambda data, flow, old=carrier.endpoint.received: (
        codes.append(data.split()[1]) if data.startswith(b"SIP/2.0") else old(data, flow))
    call = alice.invite("36201234567")
    office.run(1)
    assert codes == [b"482"]
    call.cancel()
    office.run(40)
    office.swept()


def test_keys_pass_as_info_and_events_stay_in_the_description(pair):
    office, call, other = pair
    assert b"a=rtpmap:101 telephone-event/8000" in call.body and b"telephone-event" in other.body
    codes = []
    call.request("INFO", b"Signal=5\r\nDuration=160\r\n", (), lambda response: codes.append(response.status))
    office.run(1)
    info = other.phone.heard("INFO")[-1]
    assert codes == [200] and info.body == b"Signal=5\r\nDuration=160\r\n"
    other.request("INFO", b"Signal=#\r\n", (), lambda response: codes.append(response.status))
    office.run(1)
    assert codes == [200, 200] and call.phone.heard("INFO")[-1].body == b"Signal=#\r\n"
    call.bye()
    office.swept()


@pytest.mark.parametrize("transport", ["TCP", "TLS", "WS"])
def test_telephones_on_connections(office, transport):
    alice, bob = office.phone("alice", transport=transport), office.phone("bob", transport=transport)
    call = alice.invite("bob")
    office.run(1)
    bob.calls[-1].answer()
    office.run(5)
    assert call.state == "talking"
    bob.calls[-1].bye()
    office.run(1)
    assert call.state == "ended"
    office.swept()


def test_a_connection_that_breaks_in_a_call_is_replaced_by_the_next_registration(office):
    alice, bob = office.phone("alice"), office.phone("bob", transport="TCP")
    call = alice.invite("bob")
    office.run(1)
    bob.calls[-1].answer()
    office.run(1)
    bob.flow.close()
    bob.register()
    office.run(1)
    bob.calls[-1]._flow = None
    call.hold()
    office.run(2)
    assert call.codes[-1] == 200 and b"sendonly" in bob.calls[-1].body
    bob.flow.close()
    bob.calls[-1].reinvite()            # over a new connection, without a registration
    office.run(2)
    assert bob.calls[-1].codes[-1] == 200
    call.bye()
    office.run(1)
    assert bob.calls[-1].state == "ended"
    office.swept()


def test_a_caller_whose_connection_breaks_while_it_rings_is_gone(office):
    alice, bob = office.phone("alice", transport="TCP"), office.phone("bob")
    alice.invite("bob")
    office.run(1)
    alice.flow.close()
    office.run(1)
    assert bob.calls[-1].state == "ended"
    office.swept()


def test_a_telephone_that_is_not_there_any_more_is_not_available_at_once(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    bob.endpoint.close()
    call = alice.invite("bob")
    office.run(1)
    assert call.codes[-1] == 480
    office.swept()


def test_a_caller_that_hangs_up_without_its_ack_hears_no_more_of_the_answer(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.invite("bob")
    call._ack = lambda invite: b""
    office.run(1)
    bob.calls[-1].answer()
    office.run(0.1)
    call.bye()
    office.run(1)
    sent = office.network.sent
    office.run(30)
    assert bob.calls[-1].state == "ended" and office.network.sent == sent
    office.swept()


def test_a_telephone_behind_a_proxy_is_reached_through_it(office):
    """Path (RFC 3327), then Record-Route."""
    alice = office.phone("alice")
    edge = office.phone("bob", register=False)
    message = edge.new("REGISTER", "sip:192.0.2.1", edge.address, "r1")
    for name, value in (("Contact", "<sip:bob@10.9.9.9>"), ("Path", f"<sip:{edge.host};lr>"), ("Supported", "path")):
        message.add(name, value)
    edge.ask(message, lambda response: None, iter(range(2, 9)).__next__)
    office.run(1)
    call = alice.invite("bob")
    office.run(1)
    other = edge.calls[-1]
    assert other.invitation.uri == "sip:bob@10.9.9.9" and other.invitation.get("Route") == f"<sip:{edge.host};lr>"
    other.invitation.set("Record-Route", f"<sip:{edge.host};lr;id=7>")
    other.answer(fields=(("Contact", "<sip:bob@10.9.9.9:5099>"),))
    office.run(1)
    call.bye()
    office.run(1)
    bye = edge.heard("BYE")[-1]
    assert bye.uri == "sip:bob@10.9.9.9:5099" and bye.get("Route") == f"<sip:{edge.host};lr;id=7>"
    office.swept()


def behind(office, username, transport="UDP"):
    """A telephone behind a NAT."""
    office.account(username)
    private = f"10.0.0.{len(office.network.endpoints)}"
    office.network.nat(private, f"198.51.100.{100 + len(office.network.endpoints)}")
    from tests.flows.phone import Phone
    phone = Phone(office.network, private, username, "secret-" + username, transport=transport)
    phone.register()
    office.run(1)
    assert phone.registered
    return phone


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_telephones_behind_nat_hear_each_other(office, transport):
    alice, bob = behind(office, "alice", transport), behind(office, "bob", transport)
    call = alice.invite("bob")
    office.run(1)
    bob.calls[-1].answer()
    office.run(1)
    outside = office.network._public
    assert f"c=IN IP4 {outside[bob.host]}".encode() in call.body
    assert f"c=IN IP4 {outside[alice.host]}".encode() in bob.calls[-1].body
    call.hold()
    office.run(1)
    assert call.codes[-1] == 200
    bob.calls[-1].bye()
    office.run(1)
    assert call.state == "ended"
    office.swept()


HOSTILE = [
    b"BYE {to} SIP/2.0\r\nVia: SIP/2.0/UDP {host};branch=z9hG4bKh1\r\nFrom: <sip:x@y>;tag=wrong\r\n"
    b"To: <sip:b@c>;tag={theirs}\r\nCall-ID: {id}\r\nCSeq: 900 BYE\r\nMax-Forwards: 70\r\n\r\n",
    b"INVITE {to} SIP/2.0\r\nVia: SIP/2.0/UDP {host};branch=z9hG4bKh2\r\nFrom: <sip:x@y>;tag={ours}\r\n"
    b"To: <sip:b@c>;tag={theirs}\r\nCall-ID: {id}\r\nCSeq: 0 INVITE\r\nMax-Forwards: 70\r\n\r\n",
    b"REFER {to} SIP/2.0\r\nVia: SIP/2.0/UDP {host};branch=z9hG4bKh3\r\nFrom: <sip:x@y>;tag={ours}\r\n"
    b"To: <sip:b@c>;tag={theirs}\r\nCall-ID: {id}\r\nCSeq: 901 REFER\r\nRefer-To: \"<sip:x>, <\r\n\r\n",
    b"UPDATE {to} SIP/2.0\r\nVia: SIP/2.0/UDP {host};branch=z9hG4bKh4\r\nFrom: <sip:x@y>;tag={ours}\r\n"
    b"To: <sip:b@c>;tag={theirs}\r\nCall-ID: {id}\r\nCSeq: 902 UPDATE\r\nContact: <<<>\r\n\r\n",
    b"PRACK {to} SIP/2.0\r\nVia: SIP/2.0/UDP {host};branch=z9hG4bKh5\r\nFrom: <sip:x@y>;tag={ours}\r\n"
    b"To: <sip:b@c>;tag={theirs}\r\nCall-ID: {id}\r\nCSeq: 903 PRACK\r\nRAck: x\r\n\r\n",
    b"FLY {to} SIP/2.0\r\nVia: SIP/2.0/UDP {host};branch=z9hG4bKh6\r\nFrom: <sip:x@y>;tag={ours}\r\n"
    b"To: <sip:b@c>;tag={theirs}\r\nCall-ID: {id}\r\nCSeq: 904 FLY\r\n\r\n",
    b"UPDATE {to} SIP/2.0\r\nVia: SIP/2.0/UDP {host};branch=z9hG4bKh7\r\nFrom: <sip:x@y>;tag={ours}\r\n"
    b"To: <sip:b@c>;tag={theirs}\r\nCall-ID: {id}\r\nCSeq: 905 UPDATE\r\nSession-Expires: 5\r\nSupported: timer\r\n\r\n",
    b"ACK {to} SIP/2.0\r\nVia: SIP/2.0/UDP {host};branch=z9hG4bKh8\r\nFrom: <sip:x@y>;tag={ours}\r\n"
    b"To: <sip:b@c>;tag={theirs}\r\nCall-ID: {id}\r\nCSeq: 77 ACK\r\n\r\n",
]
HOSTILE.append(
    b"UPDATE {to} SIP/2.0\r\nVia: SIP/2.0/UDP {host};branch=z9hG4bKh9\r\nFrom: <sip:x@y>;tag={ours}\r\n"
    b"To: <sip:b@c>;tag={theirs}\r\nCall-ID: {id}\r\nCSeq: 906 UPDATE\r\nRequire: wings\r\n\r\n")
ANSWERS = ["481", "500", "400", "400", "481", "405", "422", "", "420"]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_broken_and_hostile_requests_of_a_dialog_disturb_no_call(pair, number):
    office, call, other = pair
    theirs = call.remote.partition("tag=")[2]
    text = HOSTILE[number].decode().format(to=call.target, host=call.phone.host, ours=call.tag, theirs=theirs,
                                           id=call.call_id)
    codes = []
    old = call.phone.endpoint.received
    call.phone.endpoint.received = lambda data, flow: (
        codes.append(data.split()[1].decode()) if b"z9hG4bKh" in data else old(data, flow))
    call.phone.endpoint.udp("192.0.2.1", 5060).send(text.encode())
    office.run(2)
    assert codes[:1] == ([ANSWERS[number]] if ANSWERS[number] else [])
    assert call.state == other.state == "talking"
    other.reinvite()
    office.run(1)
    assert other.codes[-1] == 200
    other.bye()
    office.run(1)
    assert call.state == "ended" and len(office.bills()) == 1
    office.swept()


def test_a_request_of_another_fork_does_not_end_the_call_of_the_winner(pair):
    office, call, other = pair
    right, other.tag = other.local, "elsewhere"
    other.local = other.local.rpartition("=")[0] + "=elsewhere"
    other.request("BYE")
    office.run(1)
    assert call.state == "talking"
    other.local = right
    other.bye()
    office.swept()


def test_a_message_in_a_websocket_needs_no_content_length(office):
    """RFC 7118 5: the frame says how long it is."""
    far = office.network.endpoint("198.51.100.77", 5060)
    heard = []
    far.received = lambda data, flow: heard.append(data)
    far.connect(HOST, 5060, "WS").send(
        f"OPTIONS sip:{HOST} SIP/2.0\r\nVia: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
        f"From: <sip:a@{HOST}>;tag=1\r\nTo: <sip:{HOST}>\r\nCall-ID: ws\r\nCSeq: 1 OPTIONS\r\n\r\n".encode())
    office.run(1)
    assert heard and heard[0].startswith(b"SIP/2.0 200")
