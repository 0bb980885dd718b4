"""Trunks: failover between them and between their addresses, digest, our registrations there, who rests."""

import pytest

from mizu.base.errors import NotReached
from mizu.base.task import Future
from mizu.sip.digest import ha1, verify
from mizu.sip.headers import parse_credentials
from tests.flows.phone import Phone, sdp

CHALLENGE = 'Digest realm="carrier", qop="auth", nonce="n{}", algorithm=MD5'


@pytest.fixture
def paying(office):
    office.price("36", 0.6, billingstep=1)
    office.alice = office.phone("alice", credit=10)
    return office


def two(office, **values):
    return (office.trunk("first", "203.0.113.5", priority=1, **values),
            office.trunk("second", "203.0.113.6", priority=2, **values))


@pytest.mark.parametrize("code", [500, 502, 503, 504, 403, 408])
def test_the_next_trunk_is_tried_after_a_failure_of_the_first(paying, code):
    first, second = two(paying)
    first.on_call = lambda call: call.refuse(code)
    call = paying.alice.invite("36201234567")
    paying.run(1)
    second.calls[-1].answer()
    paying.run(5)
    assert call.state == "talking" and first.calls[-1].asked == ["ACK"]
    call.bye()
    paying.run(1)
    assert len(paying.bills()) == 1
    paying.swept()


@pytest.mark.parametrize("code", [404, 480, 484, 486, 600, 603, 604, 606])
def test_what_says_something_of_the_called_party_is_told(paying, code):
    first, second = two(paying)
    first.on_call = lambda call: call.refuse(code)
    call = paying.alice.invite("36201234567")
    paying.run(1)
    assert call.codes[-1] == code and not second.calls
    paying.swept()


def test_a_trunk_that_says_nothing_is_left_after_a_while_and_one_that_nobody_listens_at_at_once(paying):
    first, second = two(paying)
    paying.network.deaf.add((first.host, 5060))
    call = paying.alice.invite("36201234567")
    paying.run(5)
    assert not second.calls
    paying.run(2)
    second.calls[-1].answer()
    paying.run(1)
    assert call.state == "talking"
    call.bye()
    paying.run(40)
    paying.network.deaf.clear()
    first.endpoint.close()              # ICMP
    call = paying.alice.invite("36201234567")
    paying.run(1)
    second.calls[-1].answer()
    paying.run(1)
    assert call.state == "talking"
    call.bye()
    paying.swept()


def test_a_trunk_that_answers_too_late_is_hung_up(paying):
    first, second = two(paying)
    first.on_call = lambda call: None
    call = paying.alice.invite("36201234567")
    paying.run(7)
    late, taken = first.calls[-1], second.calls[-1]
    late.answer()
    paying.run(1)
    assert call.state == "ringing" and late.state == "ended" and late.asked.count("ACK") == 1
    taken.answer()
    paying.run(1)
    assert call.state == "talking"
    call.bye()
    paying.run(1)
    assert taken.state == "ended"
    paying.swept()


def test_all_trunks_fail(paying):
    first, second = two(paying)
    first.on_call = second.on_call = lambda call: call.refuse(503)
    call = paying.alice.invite("36201234567")
    paying.run(1)
    assert call.codes[-1] == 500 and paying.balance("alice") == 10_000_000
    paying.swept()


def test_the_addresses_of_a_trunk_are_tried_in_their_order(paying):
    first, second = two(paying)
    paying.routing.reload()
    from mizu.base.task import Future
    first.on_call = lambda call: call.refuse(503, (("Retry-After", "5"),))

    def locate(uri):
        found = Future()
        found.set([("TCP", "203.0.113.9", 5060, ""), ("UDP", "203.0.113.5", 5060, ""), ("UDP", "203.0.113.6", 5060, "")])
        return found
    paying.endpoint.locate = locate
    call = paying.alice.invite("36201234567")
    paying.run(1)
    assert len(first.calls) == len(second.calls) == 1
    assert second.calls[-1].invitation.uri.startswith("sip:36201234567@203.0.113.5")
    second.calls[-1].answer()
    paying.run(1)
    assert call.state == "talking"
    call.bye()
    paying.run(1)
    assert second.calls[-1].state == "ended"
    paying.swept()


def test_a_trunk_behind_a_proxy_gets_its_calls_through_it(paying):
    carrier = paying.trunk("carrier", "203.0.113.5", proxy="203.0.113.7")
    proxy = Phone(paying.network, "203.0.113.7", "proxy")
    call = paying.alice.invite("36201234567")
    paying.run(1)
    invite = proxy.calls[-1].invitation
    assert invite.uri == "sip:36201234567@203.0.113.5" and invite.get("Route") == "<sip:203.0.113.7;lr>"
    invite.set("Record-Route", "<sip:203.0.113.7;lr>")
    proxy.calls[-1].answer(fields=(("Contact", "<sip:x@203.0.113.5>"),))
    paying.run(1)
    call.bye()
    paying.run(1)
    assert proxy.heard("BYE")[-1].get("Route") == "<sip:203.0.113.7;lr>" and not carrier.calls
    paying.swept()


def test_a_trunk_over_tcp_and_one_that_refuses_connections(paying):
    first, second = two(paying, protocol=1)
    first.endpoint.close()
    call = paying.alice.invite("36201234567")
    paying.run(1)
    second.calls[-1].answer()
    paying.run(1)
    assert call.state == "talking" and second.calls[-1].invitation.via.transport == "TCP"
    second.calls[-1].bye()
    paying.run(1)
    assert call.state == "ended"
    call = paying.alice.invite("36201234567")
    paying.run(1)
    second.calls[-1].answer()
    paying.run(1)
    second.calls[-1]._flow.close()          # it breaks: a new one is opened for the BYE
    call.bye()
    paying.run(1)
    assert second.calls[-1].state == "ended"
    paying.swept()


def guarded(trunk, code=407, password="hush", methods=("INVITE", "BYE", "UPDATE")):
    """A carrier that asks for a digest, for each request anew."""
    asked, answered = ("WWW-Authenticate", "Authorization") if code == 401 else ("Proxy-Authenticate",
                                                                               "Proxy-Authorization")
    seen = []
    plain = trunk._asked

    def judged(message):
        if message.method not in methods:
            return plain(message)
        proof = "missing"
        if answered in message.fields:
            _, credentials = parse_credentials(message.get(answered))
            proof = verify(credentials, message.method, lambda algorithm: ha1(algorithm, "we", "carrier", password))
        seen.append((message.method, proof))
        if proof != "ok":
            response = message.reply(code, to_tag="challenge")
            response.add(asked, CHALLENGE.format(len(seen)))
            return trunk.say(message, response)
        plain(message)
    trunk._asked = judged
    return seen


@pytest.mark.parametrize("code", [401, 407])
def test_a_carrier_that_asks_for_a_digest_gets_it_for_every_request(paying, code):
    carrier = paying.trunk("carrier", "203.0.113.5", upperusername="we", upperpassword="hush")
    seen = guarded(carrier, code)
    call = paying.alice.invite("36201234567")
    paying.run(1)
    carrier.calls[-1].answer()
    paying.run(1)
    ack = carrier.heard("ACK")[-1]
    assert ack.get("Authorization" if code == 401 else "Proxy-Authorization")
    call.hold()
    paying.run(1)
    assert call.codes[-1] == 200
    call.bye()
    paying.run(1)
    assert carrier.calls[-1].state == "ended"
    assert seen == [("INVITE", "missing"), ("INVITE", "ok")] * 2 + [("BYE", "missing"), ("BYE", "ok")]
    paying.swept()


def test_a_wrong_password_at_a_carrier_ends_in_the_next_trunk_or_a_500(paying):
    carrier = paying.trunk("carrier", "203.0.113.5", upperusername="we", upperpassword="wrong")
    seen = guarded(carrier)
    call = paying.alice.invite("36201234567")
    paying.run(1)
    assert call.codes[-1] == 500 and len(seen) <= 3
    paying.swept()


def test_a_phone_behind_the_address_of_a_trunk_proves_itself(paying):
    carrier = paying.trunk("carrier", "203.0.113.5")
    paying.account("bob", 5)
    bob = Phone(paying.network, "203.0.113.5", "bob", "secret-bob", ("192.0.2.1", 5060), port=40000)
    bob.register()
    paying.run(1)
    call = bob.invite("36201234567")
    paying.run(1)
    assert 407 in [message.status for message in bob.got]
    carrier.calls[-1].answer()
    paying.run(3)
    call.bye()
    paying.run(1)
    bill, = paying.bills()
    assert bill.callernumber == "bob" and paying.balance("bob") < 5_000_000
    paying.swept()


def test_nobody_calls_under_a_user_name_of_ours_from_the_address_of_a_trunk(paying):
    """But under a number: the caller's own may come in from outside."""
    paying.trunk("carrier", "203.0.113.5")
    paying.account("bob", 5)
    paying.account("36205551111", 5)
    for name, asked in (("bob", True), ("36205551111", False), ("stranger", False)):
        phone = Phone(paying.network, "203.0.113.5", name, "", ("192.0.2.1", 5060), port=40000)
        phone.invite("alice")
        paying.run(1)
        assert (407 in [message.status for message in phone.got]) == asked, name
        phone.hang_up_all()
        paying.run(2)
        paying.alice.hang_up_all()
        phone.endpoint.close()
        paying.run(1)


BIG = sdp("198.51.100.7") + b"a=x:" + b"y" * 700 + b"\r\n"


def test_a_big_invite_goes_to_a_trunk_over_tcp(paying):
    carrier = paying.trunk("carrier", "203.0.113.5")
    for body, transport in ((b"own", "UDP"), (BIG, "TCP"), (b"own", "UDP")):
        call = paying.alice.invite("36201234567", body)
        paying.run(1)
        assert carrier.calls[-1].invitation.flow.transport == transport
        carrier.calls[-1].answer()
        paying.run(1)
        call.bye()
        paying.run(1)
        assert carrier.calls[-1].state == "ended"
    paying.swept()


def test_a_trunk_that_takes_datagrams_alone_gets_a_big_invite_as_one_and_is_not_asked_again(paying):
    carrier = paying.trunk("carrier", "203.0.113.5")
    asked, flow = [], paying.endpoint.flow

    def refused(transport, host, port, name=""):
        if transport != "TCP":
            return flow(transport, host, port, name)
        asked.append(host)
        future = Future()
        future.fail(NotReached(502, "connection refused"))
        return future
    paying.endpoint.flow = refused
    for _ in range(2):
        call = paying.alice.invite("36201234567", BIG)
        paying.run(1)
        assert carrier.calls[-1].invitation.flow.transport == "UDP"
        call.cancel()
        paying.run(1)
    assert asked == ["203.0.113.5"]
    paying.swept()


def test_a_trunk_that_is_silent_over_tcp_gets_a_big_invite_over_udp(paying):
    carrier = paying.trunk("carrier", "203.0.113.5")
    say = carrier.say
    carrier.say = lambda message, response: say(message, response) if message.flow.transport == "UDP" else None
    call = paying.alice.invite("36201234567", BIG)
    paying.run(15)                      # the carrier of the tests takes it for a new offer in its call, and answers
    assert carrier.calls[-1].invitation.flow.transport == "UDP" and call.state == "talking"
    call.bye()
    paying.run(1)
    paying.swept()


def test_no_invite_changes_to_tcp_where_the_setting_says_so(paying):
    paying.settings.sipudpmax = 0
    carrier = paying.trunk("carrier", "203.0.113.5")
    call = paying.alice.invite("36201234567", BIG)
    paying.run(1)
    assert carrier.calls[-1].invitation.flow.transport == "UDP"
    call.cancel()
    paying.swept()


def test_a_carrier_for_which_we_have_no_credentials_is_not_told_its_own(paying):
    carrier = paying.trunk("carrier", "203.0.113.5")
    with paying.db.unit() as unit:
        unit.run("UPDATE tb_users SET password = 'its own' WHERE username = 'carrier'")
    paying.db.touch("tb_users", (1,))
    seen = guarded(carrier)
    call = paying.alice.invite("36201234567")
    paying.run(1)
    assert call.codes[-1] == 500 and seen == [("INVITE", "missing")]
    paying.swept()


def test_a_phone_that_asks_us_for_a_digest_gets_none(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    bob.on_call = lambda call: call.refuse(407, (("Proxy-Authenticate", CHALLENGE.format(1)),))
    call = alice.invite("bob")
    office.run(1)
    assert call.codes[-1] == 500 and len(bob.calls) == 1
    office.swept()


def test_a_call_from_a_trunk_reaches_an_account_and_its_dialog_says_where_it_is(paying):
    carrier = paying.trunk("carrier", "203.0.113.5")
    elsewhere = paying.network.endpoint("203.0.113.55", 5060)
    heard = []
    elsewhere.received = lambda data, flow: heard.append(data)
    call = carrier.invite("alice", fields=(("Contact", "<sip:media@203.0.113.55>"),))
    paying.run(1)
    paying.alice.calls[-1].answer()
    paying.run(1)
    assert call.state == "talking"
    paying.alice.calls[-1].bye()
    paying.run(1)
    assert heard and heard[0].startswith(b"BYE sip:media@203.0.113.55 ")
    paying.swept()


# -- who rests

def test_a_trunk_that_fails_three_times_comes_last_until_it_answers_again(paying):
    first, second = two(paying)
    first.on_call = lambda call: call.refuse(503)
    second.on_call = lambda call: call.answer()
    for _ in range(3):
        paying.alice.invite("36201234567")
        paying.run(1)
        paying.alice.hang_up_all()
        paying.run(1)
    tried = len(first.calls)
    assert tried == 3 and any("rests" in str(line) for line in paying.lines)
    paying.alice.invite("36201234567")
    paying.run(1)
    assert len(first.calls) == tried
    paying.alice.hang_up_all()
    first.on_call = lambda call: call.answer()
    paying.run(25)
    paying.alice.invite("36201234567")
    paying.run(1)
    assert len(first.calls) == tried + 1 and paying.alice.calls[-1].state == "talking"
    trunk = paying.switch.trunks.trunk(first.account.id)
    assert trunk.failures == 0 and not trunk.resting
    paying.alice.hang_up_all()
    paying.swept()


def test_a_trunk_that_has_moved_does_not_rest_for_its_old_place(paying):
    first, _ = two(paying)
    trunks = paying.switch.trunks
    for _ in range(3):
        trunks.failed(first.account.id, 503)
    assert trunks.resting(first.account)
    with paying.db.unit(actor="test") as unit:
        paying.users.update(unit, first.account.id, {"port": 5070})
    trunks.tick()
    assert not trunks.resting(first.account)
    paying.swept()


def test_pings_tell_who_lives(paying):
    first, second = two(paying)
    paying.switch.start()
    paying.idle = len(paying.timers)
    paying.network.deaf.add((second.host, 5060))
    paying.run(130)
    trunks = paying.switch.trunks
    assert first.heard("OPTIONS") and trunks.trunk(first.account.id).alive
    assert trunks.trunk(second.account.id).alive is False
    paying.run(115)
    assert trunks.resting(second.account) and not trunks.resting(first.account)
    paying.network.deaf.clear()
    paying.run(90)
    assert trunks.trunk(second.account.id).alive and not trunks.resting(second.account)


# -- our registration

class Registrar:
    """A registrar at a trunk: answers [(status, fields)] in turn, the last one for ever."""

    def __init__(self, trunk, *answers):
        self.trunk, self.answers, self.seen = trunk, list(answers), []
        trunk._asked = self._asked

    def _asked(self, message):
        assert message.method == "REGISTER"
        self.seen.append(message)
        status, fields = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if status == 0:
            return
        response = message.reply(status, to_tag="r")
        if status == 200:
            response.add("Contact", message.get("Contact").partition(";expires")[0] + ";expires=100")
        for name, value in fields:
            response.set(name, value)
        self.trunk.say(message, response)


OK = 200, ()
ASKS = 401, (("WWW-Authenticate", CHALLENGE.format(1)),)


def registering(office, *answers, **values):
    trunk = office.trunk("carrier", "203.0.113.5")
    registrar = Registrar(trunk, *answers)
    with office.db.unit(actor="test") as unit:
        unit.run("UPDATE tb_users SET needregister = 1, upperusername = 'we', upperpassword = 'hush' WHERE id = ?",
                 (trunk.account.id,))
    office.switch.trunks.refresh()
    office.run(1)
    return registrar, office.switch.trunks.trunk(trunk.account.id)


def test_we_register_with_a_digest_and_renew_in_time(office):
    registrar, trunk = registering(office, ASKS, OK)
    assert trunk.state == "registered" and [message.cseq[0] for message in registrar.seen] == [1, 2]
    first, second = registrar.seen
    assert first.call_id == second.call_id and first.get("From") == second.get("From")
    _, credentials = parse_credentials(second.get("Authorization"))
    assert verify(credentials, "REGISTER", lambda algorithm: ha1(algorithm, "we", "carrier", "hush")) == "ok"
    assert second.get("To") == "<sip:we@203.0.113.5>" and "sip:we@192.0.2.1:5060" in second.get("Contact")
    office.run(81)
    assert len(registrar.seen) == 3 and trunk.state == "registered"


def test_a_registrar_that_wants_longer_gets_longer(office):
    registrar, trunk = registering(office, (423, (("Min-Expires", "7200"),)), OK)
    assert trunk.state == "registered" and registrar.seen[-1].get("Expires") == "7200"
    registrar, trunk = registrar, trunk


@pytest.mark.parametrize("answer", [(403, ()), (500, ()), (0, ()), ASKS, (423, ())])
def test_what_fails_is_tried_again_later_each_time_and_works_in_the_end(office, answer):
    registrar, trunk = registering(office, answer)
    office.run(40)
    assert trunk.state in ("failed", "registering") and trunk.code in (403, 500, 408, 401, 423)
    before = len(registrar.seen)
    office.run(600)
    assert before < len(registrar.seen) < 60
    registrar.answers = [OK]
    office.run(700)
    assert trunk.state == "registered"


@pytest.mark.parametrize("contact", ['"<', "<sip:we@192.0.2.1:5060>;expires=x", "*", ""])
def test_a_200_that_makes_no_sense_still_registers(office, contact):
    registrar, trunk = registering(office, (200, (("Contact", contact),)))
    assert trunk.state == "registered"
    office.run(700)
    assert len(registrar.seen) >= 2


def test_a_trunk_that_is_not_wanted_any_more_takes_its_leave(office):
    registrar, trunk = registering(office, ASKS, OK)
    registrar.answers = [ASKS, OK]
    with office.db.unit(actor="test") as unit:
        unit.run("UPDATE tb_users SET needregister = 0 WHERE id = ?", (trunk.id,))
    office.switch.trunks.refresh()
    office.run(1)
    assert registrar.seen[-1].get("Expires") == "0" and "Authorization" in registrar.seen[-1].fields
    assert trunk.state == "off"
    seen = len(registrar.seen)
    office.run(1000)
    assert len(registrar.seen) == seen


def test_a_change_while_we_ask_counts_only_the_last_answer(office):
    registrar, trunk = registering(office, (0, ()))
    office.switch.trunks.register(trunk)
    registrar.answers = [OK]
    office.run(300)
    assert trunk.state == "registered"
    registers = len({message.cseq[0] for message in registrar.seen})
    office.run(80)
    assert len({message.cseq[0] for message in registrar.seen}) == registers + 1


def test_a_fault_of_ours_on_the_way_out_is_told(office):
    registrar, trunk = registering(office, OK)

    def broken(uri):
        raise ZeroDivisionError("no way")
    office.endpoint.locate = broken
    office.switch.trunks.ping(trunk)
    assert any("ZeroDivisionError" in str(line) for line in office.lines)


def test_a_provider_that_calls_the_contact_of_our_registration_means_the_number_in_to(office):
    registrar, _ = registering(office, ASKS, OK)
    bob = office.phone("bob", telnumber="36201234567")
    call = registrar.trunk.invite("we", fields=(("To", "<sip:36201234567@192.0.2.1>"),))
    office.run(1)
    assert bob.calls[-1].state == "ringing"
    call.cancel()
    office.run(1)
    office.phone("alice").invite("we", fields=(("To", "<sip:36201234567@192.0.2.1>"),))     # to others it is a name
    office.run(1)
    assert len(bob.calls) == 1
