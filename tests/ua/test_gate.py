"""Who begins a call: by address, prefix or name, by a digest, and what he may show of himself."""

from types import SimpleNamespace

import pytest

from mizu.records.callprofile import Profiles
from mizu.records.numberform import NumberForm
from mizu.records.sources import Sources
from mizu.sip.digest import authorize
from mizu.sip.headers import parse_challenge
from mizu.sip.parser import parse
from mizu.ua.digests import Digests
from mizu.ua.gate import Gate
from records.store import add, wait
from ua.register import Flow

HOME, AWAY = "192.0.2.7", "198.51.100.9"


class Door:
    """A gate over records.  enter("john", password="x") is the plan.Caller, or the status of the refusal."""

    def __init__(self, store):
        self.db, self.users = store.db, store.users
        self.sources = Sources(store.db, store.users, Profiles(store.db), NumberForm(store.settings))
        self.failures = []
        digests = Digests(store.users, store.settings, store.clock, store.entropy,
                          lambda *facts: self.failures.append(facts[1:]))
        self.gate = Gate(self.sources, digests, store.users, store.locations)
        self.entropy = store.entropy

    def account(self, name, **values):
        return self.users.by_id(add(self, name, **values))

    def enter(self, name, called="36301234567", password="", host=HOME, port=5060, sender="", fields=(), user=""):
        message = self._invite(name, called, host, port, sender, fields)
        answers = []
        transaction = SimpleNamespace(refuse=answers.append)
        caller = self.gate.caller(transaction, message)
        if caller is None and password and answers[0].status == 407:
            _, challenge = parse_challenge(answers.pop().get("Proxy-Authenticate"))
            proof = authorize(challenge, "INVITE", message.uri, user or name, password, self.entropy.hex(8))
            message = self._invite(name, called, host, port, sender, (*fields, ("Proxy-Authorization", proof)))
            caller = self.gate.caller(transaction, message)
        assert (caller is None) == (len(answers) == 1)
        return caller if caller is not None else answers[0].status

    def _invite(self, name, called, host, port, sender, fields):
        sender = sender or f"<sip:{name}@voip.example.com>"
        lines = [f"INVITE sip:{called}@voip.example.com SIP/2.0", f"Via: SIP/2.0/UDP {host};branch=z9hG4bK1",
                 f"From: {sender};tag=f", f"To: <sip:{called}@voip.example.com>", "Call-ID: c1", "CSeq: 1 INVITE",
                 *[": ".join(field) for field in fields], "Content-Length: 0"]
        message = parse("\r\n".join(lines).encode() + b"\r\n\r\n")
        message.flow = Flow(host, port)
        return message

    def who(self, *args, **facts):
        """(user name, proof) or the status."""
        caller = self.enter(*args, **facts)
        return caller if caller.__class__ is int else (caller.account.username, caller.proof)

    def shown(self, *args, **facts):
        """(number, display, private) of who is let in."""
        caller = self.enter(*args, **facts)
        return caller.number, caller.display, caller.private


@pytest.fixture
def door(store):
    return Door(store)


@pytest.mark.parametrize("kind, columns, facts, wanted", [
    (0, {}, {}, ("user", "name")),
    (0, {"type": 5}, {"host": AWAY}, ("user", "name")),
    (1, {}, {}, ("user", "address")), (1, {}, {"host": AWAY}, 407), (1, {}, {"host": AWAY, "password": "pw"}, 403),
    (1, {}, {"password": "pw"}, ("user", "address")),
    (2, {"techprefix": "77"}, {"called": "7736", "host": AWAY}, ("user", "tech prefix")),
    (2, {"techprefix": "77"}, {"called": "36"}, 407),
    (3, {"techprefix": "77"}, {"called": "7736"}, ("user", "tech prefix and address")),
    (3, {"techprefix": "77"}, {"called": "7736", "host": AWAY}, 407), (3, {"techprefix": "77"}, {"called": "36"}, 407),
    (4, {}, {}, 407), (4, {}, {"password": "pw", "host": AWAY}, ("user", "digest")), (4, {}, {"password": "wrong"}, 407),
    (5, {}, {"host": AWAY}, ("user", "user name")),
    (6, {"port": 5070}, {"port": 5070}, ("user", "address and port")), (6, {"port": 5070}, {"port": 5060}, 407),
    (7, {}, {}, ("user", "address and user name")), (7, {}, {"host": AWAY}, 407),
    (8, {}, {}, 407), (8, {}, {"password": "pw"}, ("user", "digest")), (8, {}, {"password": "pw", "host": AWAY}, 403),
    (9, {"authip": "192.0.2.0/24"}, {}, ("user", "address range")), (9, {"authip": "192.0.2.0/24"}, {"host": AWAY}, 407),
    (10, {"authip": "192.0.2.1-192.0.2.9"}, {"password": "pw"}, ("user", "digest")),
    (10, {"authip": "192.0.2.1-192.0.2.9"}, {}, 407),
    (10, {"authip": "192.0.2.1-192.0.2.9"}, {"password": "pw", "host": AWAY}, 403),
])
def test_each_kind_of_proof_lets_in_whom_it_should(door, kind, columns, facts, wanted):
    door.account("user", **{"needauth": kind, "authip": HOME, "password": "pw", **columns})
    assert door.who("user", **facts) == wanted


def test_an_end_user_with_a_digest_is_never_let_in_by_his_address(door):
    door.account("user", needauth=4, authip=HOME, password="pw")
    assert door.who("user") == door.who("stranger") == 407


def test_a_technical_prefix_is_told_to_be_taken_off(door):
    door.account("user", needauth=2, techprefix="77")
    assert door.enter("x", called="7736").techprefix == "77"


def test_a_disabled_account_hears_of_it_after_its_proof_alone(door):
    door.account("user", needauth=4, password="pw")
    wait(door.db.execute("UPDATE tb_users SET temporarydisabled = 1"))
    assert (door.who("user"), door.who("user", password="wrong"), door.who("user", password="pw")) == (407, 407, 403)


def test_a_stranger_cannot_tell_a_number_of_ours_from_another_one(door):
    door.account("bob", telnumber="36201111111")
    assert {door.who("stranger", called=called) for called in ("bob", "36201111111", "36209999999", "x")} == {407}


def test_an_unknown_name_and_a_wrong_password_get_the_same(door):
    door.account("user", password="pw")
    answers = [door.enter(name, password="wrong") for name in ("user", "nobody")]
    assert answers == [407, 407]
    assert door.failures == [("InvalidPassword", "user"), ("InvalidAccountID", "nobody")]


def test_credentials_of_another_realm_do_not_hide_an_address(door):
    door.account("gate", type=5, needauth=1, authip=HOME)
    other = 'Digest username="gate", realm="elsewhere", nonce="1", uri="sip:1@x", response="0"'
    assert door.who("36201", fields=(("Proxy-Authorization", other),)) == ("gate", "address")


def test_an_account_that_a_number_names_calls_through_its_gateway(door):
    john = door.account("john", telnumber="36201111111")
    door.account("gate", type=5, needauth=1, authip=HOME, anumberlookup=1)
    with door.db.unit() as unit:
        unit.run("INSERT INTO tb_users_numbers (userid, number, kind) VALUES (?, '36309999999', 'ani')", (john.id,))
    caller = door.enter("+36309999999")
    assert (caller.account.username, caller.via.username, caller.number) == ("john", "gate", "+36309999999")
    assert door.enter("36201234567").account.username == "gate"


@pytest.mark.parametrize("sender, wanted", [
    ("<sip:john@x>", "john"), ("<sip:36201111111@x>", "36201111111"), ("<sip:+36201111111@x>", "+36201111111"),
    ("<sip:00362022222222@x>", "00362022222222"), ("<tel:+36-20-111-1111>", "+36201111111"),
    ("<sip:3611999999@x>", "36201111111"), ("<sip:bob@x>", "36201111111"), ("<sip:anonymous@anonymous.invalid>", "36201111111"),
])
@pytest.mark.parametrize("needauth", [4, 1])
def test_an_end_user_shows_his_own_names_and_numbers_alone(door, needauth, sender, wanted):
    john = door.account("john", needauth=needauth, authip=HOME, password="pw", telnumber="36201111111")
    door.account("bob")
    with door.db.unit() as unit:
        door.users.add_number(unit, john.id, "362022222222")
    assert door.enter("john", password="pw", sender=sender).number == wanted


def test_his_name_is_shown_unless_it_is_the_number_of_somebody_else(door):
    door.account("john", password="pw", telnumber="36201111111")
    for display, wanted in (("John", "John"), ("+36 20 111-1111", "+36 20 111-1111"), ("+36 1 999 9999", ""),
                            ("007", ""), ("Area 51", "Area 51")):
        assert door.shown("john", password="pw", sender=f'"{display}" <sip:john@x>')[1] == wanted


def test_a_carrier_shows_whom_it_likes_and_asserts_who_hides(door):
    door.account("gate", type=5, needauth=1, authip=HOME)
    asserted = ("P-Asserted-Identity", "<sip:+36209876543@carrier>, <tel:+36209876543>")
    assert door.shown("x", sender='"1234567" <sip:36201234567@x>') == ("36201234567", "1234567", False)
    assert door.shown("anonymous", fields=(asserted, ("Privacy", "id"))) == ("+36209876543", "", True)
    assert door.shown("anonymous") == ("", "", True)
    assert door.shown("1" * 99) == ("1" * 64, "", False)


def test_an_end_user_asserts_nothing(door):
    door.account("user", needauth=5)
    asserted = ("P-Asserted-Identity", "<sip:+36209876543@carrier>")
    assert door.shown("user", fields=(asserted, ("Privacy", "id"))) == ("user", "", True)


@pytest.mark.parametrize("privacy, wanted", [
    ("id", True), ("user;critical", True), ("header; id", True), ("full", True), ("none", False), ("header", False),
    ("session", False), ("hidden", False),
])
def test_a_wish_for_privacy_is_heard(door, privacy, wanted):
    door.account("user", needauth=5)
    assert door.shown("user", fields=(("Privacy", privacy),))[2] is wanted
