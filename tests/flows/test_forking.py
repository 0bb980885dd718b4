"""One call that rings in several places: devices of an account, ring groups, forks behind a proxy, 302 and forwards."""

import pytest

from mizu.sip.parser import parse
from tests.flows.phone import moved, sdp


def answers(call, tags, body=None, code=200):
    """A phone, or many behind a proxy, that answers with several To tags."""
    for tag in tags:
        call.tag = tag
        call._answer(code, body or sdp(call.phone.host), ())


def test_all_devices_ring_and_one_wins(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    second, third = office.device("bob"), office.device("bob")
    call = alice.invite("bob")
    office.run(1)
    assert [phone.calls[-1].state for phone in (bob, second, third)] == ["ringing"] * 3
    second.calls[-1].answer()
    office.run(1)
    assert call.state == second.calls[-1].state == "talking"
    assert bob.calls[-1].state == third.calls[-1].state == "ended"
    cancel = bob.heard("CANCEL")[-1]
    assert cancel.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    call.bye()
    office.run(1)
    assert len(office.bills()) == 1
    office.swept()


def test_devices_ring_in_the_order_of_their_q_and_equal_ones_together(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    second, third = office.device("bob"), office.device("bob")
    for phone in bob, second:
        phone.register(contact=f"{phone.contact};q=0.5")
    office.run(1)
    call = alice.invite("bob")
    office.run(1)
    assert third.calls[-1].state == "ringing" and not bob.calls and not second.calls
    third.calls[-1].refuse(486)
    office.run(1)
    assert [phone.calls[-1].state for phone in (bob, second)] == ["ringing"] * 2 and len(third.calls) == 1
    second.calls[-1].answer()
    office.run(1)
    assert call.state == "talking" and bob.calls[-1].state == "ended"
    call.bye()
    office.run(1)
    assert len(office.bills()) == 1
    office.swept()


def test_a_device_of_a_high_q_that_does_not_answer_gives_way_to_the_next(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    second = office.device("bob")
    second.register(contact=f"{second.contact};q=0.1")
    office.run(1)
    call = alice.invite("bob")
    office.run(10)
    assert bob.calls[-1].state == "ringing" and not second.calls
    office.run(10)
    assert bob.calls[-1].state == "ended" and second.calls[-1].state == "ringing"
    second.calls[-1].answer()
    office.run(1)
    assert call.state == "talking"
    call.bye()
    office.swept()


def test_two_that_answer_at_once_are_one_call_and_one_that_is_hung_up(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    second = office.device("bob")
    office.network.delay = 0.01, 0.01
    call = alice.invite("bob")
    office.run(1)
    bob.calls[-1].answer()
    second.calls[-1].answer()
    office.run(2)
    assert call.state == bob.calls[-1].state == "talking" and second.calls[-1].state == "ended"
    assert second.calls[-1].asked.count("ACK") == 1 and second.calls[-1].asked.count("BYE") == 1
    call.bye()
    office.swept()


def test_a_caller_that_gives_up_is_heard_by_every_device(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    second = office.device("bob")
    call = alice.invite("bob")
    office.run(1)
    call.cancel()
    office.run(1)
    assert call.codes[-1] == 487 and bob.calls[-1].state == second.calls[-1].state == "ended"
    assert not bob.heard("CANCEL")[-1].get("Reason")
    office.swept()


def test_the_best_of_the_refusals_is_told_and_a_decline_ends_all(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    second = office.device("bob")
    bob.on_call = lambda call: call.refuse(486)
    second.on_call = lambda call: call.refuse(500)
    call = alice.invite("bob")
    office.run(1)
    assert call.codes[-1] == 486
    bob.on_call = lambda call: call.ring()
    second.on_call = lambda call: call.refuse(603)
    call = alice.invite("bob")
    office.run(1)
    assert call.codes[-1] == 603 and bob.calls[-1].state == "ended"
    office.swept()


def test_early_media_of_many_is_not_mixed(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    second = office.device("bob")
    bob.on_call = second.on_call = lambda call: call.ring(183, sdp(call.phone.host))
    call = alice.invite("bob")
    office.run(1)
    assert set(call.codes) <= {100, 180, 407} and not call.body
    second.calls[-1].answer()
    office.run(1)
    assert second.host.encode() in call.body
    call.bye()
    office.swept()


def test_of_several_phones_behind_a_proxy_the_first_answer_is_the_call(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.invite("bob")
    office.run(1)
    office.network.delay = 0.01, 0.01
    answers(bob.calls[-1], ["one", "two", "three"], code=183)
    answers(bob.calls[-1], ["one", "two", "three"])
    bob.calls[-1].tag, bob.calls[-1].state = "one", "talking"
    office.run(5)
    acks = [parse(data).to_tag for _, _, to, _, data in office.network.log if to[0] == bob.host and data[:3] == b"ACK"]
    assert set(acks) == {"one", "two", "three"}
    byes = [message.to_tag for message in bob.heard("BYE")]
    assert sorted(byes) == ["three", "two"]
    assert call.state == "talking"
    call.bye()
    office.run(1)
    assert [message.to_tag for message in bob.heard("BYE")][-1] == "one"
    office.swept()


def test_early_dialogs_of_several_phones_are_acknowledged_each_by_its_own(office):
    alice, bob = office.phone("alice"), office.phone("bob")

    def ring(call):
        for number, tag in enumerate(("one", "two"), 1):
            call.tag = tag
            call.ring(183, sdp(call.phone.host), (("Require", "100rel"), ("RSeq", str(number * 100))))
    bob.on_call = ring
    call = alice.invite("bob")
    office.run(1)
    assert sorted((message.to_tag, message.get("RAck").split()[0]) for message in bob.heard("PRACK")) == [
        ("one", "100"), ("two", "200")]
    call.cancel()
    office.swept()


def test_each_of_the_early_dialogs_may_change_its_description(office):
    alice, bob = office.phone("alice"), office.phone("bob")

    def ring(call):
        for number, tag in enumerate(("one", "two"), 1):
            call.tag = tag
            call.ring(183, sdp(call.phone.host), (("Require", "100rel"), ("RSeq", str(number * 100))))
    bob.on_call = ring
    call = alice.invite("bob", fields=(("Require", "100rel"),))
    office.run(1)
    other, got = bob.calls[-1], []
    for number, tag in enumerate(("one", "two", "one")):
        other.local = other.local.partition(";tag=")[0] + f";tag={tag}"
        other.request("UPDATE", moved(other, "203.0.113.8", 4002 + number), (), got.append)
        office.run(1)
        assert got[-1].status == 200 and call.body == moved(other, "203.0.113.8", 4002 + number)
    call.request("UPDATE", moved(call, "203.0.113.7", 4444), (), got.append)
    office.run(1)
    assert got[-1].status == 200 and bob.heard("UPDATE")[-1].to_tag == "one"
    other.tag = "two"
    other.answer()
    office.run(1)
    assert call.state == "talking"
    call.bye()
    office.run(1)
    assert bob.heard("BYE")[-1].to_tag == "two"
    office.swept()


def test_one_of_the_early_dialogs_ends_and_the_others_ring_on(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.invite("bob")
    office.run(1)
    answers(bob.calls[-1], ["one", "two"], code=180)
    office.run(1)
    bob.calls[-1].local = bob.calls[-1].local.partition(";tag=")[0] + ";tag=two"
    bob.calls[-1].request("BYE")
    office.run(1)
    assert call.state == "ringing"
    bob.calls[-1].local = bob.calls[-1].local.partition(";tag=")[0] + ";tag=one"
    bob.calls[-1].tag = "one"
    bob.calls[-1].answer()
    office.run(1)
    assert call.state == "talking"
    call.bye()
    office.swept()


def test_a_302_of_a_phone_leads_to_somebody_else_and_its_owner_pays(office):
    office.price("36", 0.6, billingstep=1)
    alice, bob, carol = office.phone("alice"), office.phone("bob", credit=1), office.phone("carol")
    bob.on_call = lambda call: call.refuse(302, (("Contact", "<sip:carol@192.0.2.1>"),))
    call = alice.invite("bob")
    office.run(1)
    carol.calls[-1].answer()
    office.run(1)
    assert call.state == "talking" and set(call.codes) <= {100, 180, 200, 407}
    call.bye()
    carrier = office.trunk("carrier", "203.0.113.5")
    bob.on_call = lambda call: call.refuse(302, (("Contact", "<sip:36201234567@192.0.2.1>"),))
    call = alice.invite("bob")
    office.run(1)
    carrier.calls[-1].answer()
    office.run(10)
    call.bye()
    office.run(1)
    assert office.balance("bob") in (1_000_000 - 100_000, 1_000_000 - 110_000)
    office.swept()


@pytest.mark.parametrize("contact", ["", "<sip:", "<http://x>", "<sip:nobody@x>", '"<'])
def test_a_302_that_leads_nowhere_ends_the_call(office, contact):
    alice, bob = office.phone("alice"), office.phone("bob")
    bob.on_call = lambda call: call.refuse(302, (("Contact", contact),))
    call = alice.invite("bob")
    office.run(2)
    assert call.state == "ended" and call.codes[-1] >= 400
    office.swept()


def test_a_302_in_a_circle_ends(office):
    alice, bob, carol = office.phone("alice"), office.phone("bob"), office.phone("carol")
    bob.on_call = lambda call: call.refuse(302, (("Contact", "<sip:carol@192.0.2.1>"),))
    carol.on_call = lambda call: call.refuse(302, (("Contact", "<sip:bob@192.0.2.1>"),))
    call = alice.invite("bob")
    office.run(5)
    assert call.state == "ended" and len(bob.calls) + len(carol.calls) < 10
    office.swept()


def test_forwards_on_busy_and_on_no_answer(office):
    alice, bob, carol = office.phone("alice"), office.phone("bob", forwardonbusy="carol"), office.phone("carol")
    bob.on_call = lambda call: call.refuse(486)
    call = alice.invite("bob")
    office.run(1)
    carol.calls[-1].answer()
    office.run(1)
    assert call.state == "talking"
    call.bye()
    dave = office.phone("dave", forwardonnoanswer="carol", noanswertimeout=5)
    call = alice.invite("dave")
    office.run(8)
    assert dave.calls[-1].state == "ended" and carol.calls[-1].state == "ringing"
    carol.calls[-1].answer()
    office.run(1)
    assert call.state == "talking"
    call.bye()
    office.swept()
