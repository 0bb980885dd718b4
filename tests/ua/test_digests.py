"""Challenges and proofs of whole requests; what an outsider can and cannot learn from them."""

import pytest

from mizu.base.entropy import Entropy
from mizu.sip.digest import authorize
from mizu.sip.headers import parse_challenge
from mizu.ua.digests import Digests

from records.store import add

from .register import FLOW, Flow, request, settings


@pytest.fixture
def door(store):
    store.john = store.users.by_id(add(store, "john", password="secret"))
    store.failures = []
    store.config = settings(realm="voip")
    store.digests = Digests(store.users, store.config, store.clock, Entropy(),
                            lambda request, event, name: store.failures.append((event, name)))
    return store


def proof(challenge, name="john", password="secret", method="REGISTER", count=1, **facts):
    """The same request with the answer to a challenge."""
    field, answer = (("WWW-Authenticate", "Authorization") if challenge.status == 401 else
                     ("Proxy-Authenticate", "Proxy-Authorization"))
    _, values = parse_challenge(challenge.get(field))
    value = authorize(values, method, "sip:voip.example.com", name, password, "cn", count)
    return request(method=method, fields=[f"{answer}: {value}"], **facts)


def challenged(door, status=401, **facts):
    return door.digests.authenticate(request(**facts), status)


def stale(response):
    return "stale=true" in response.get("WWW-Authenticate")


def test_a_challenge_answered_is_an_account(door):
    first = challenged(door)
    assert first.status == 401 and first.to_tag and not stale(first)
    assert first.get("WWW-Authenticate").startswith('Digest realm="voip", qop="auth", nonce="')
    assert door.digests.authenticate(proof(first)) is door.john and door.failures == []
    assert door.digests.authenticate(proof(first, count=2)) is door.john


def test_what_is_passed_on_is_asked_for_with_407(door):
    first = challenged(door, 407, method="INVITE")
    assert first.status == 407 and first.get("Proxy-Authenticate")
    assert door.digests.authenticate(proof(first, method="INVITE"), 407) is door.john
    assert door.digests.authenticate(proof(first, method="INVITE", count=2), 401).status == 401


def test_a_replay_gets_a_new_nonce(door):
    answer = proof(challenged(door))
    assert door.digests.authenticate(answer) is door.john
    again = door.digests.authenticate(answer)
    assert again.status == 401 and stale(again) and door.failures == []
    assert door.digests.authenticate(proof(again)) is door.john


def test_a_nonce_of_before_or_of_elsewhere_counts_as_no_failure(door):
    answer = proof(challenged(door))
    door.clock.advance(301)
    assert stale(door.digests.authenticate(answer))
    wrong = proof(challenged(door), password="wrong", flow=Flow("203.0.113.66"))
    assert stale(door.digests.authenticate(wrong)) and door.failures == []


def test_wrong_passwords_and_unknown_names_look_the_same(door):
    wrong = door.digests.authenticate(proof(challenged(door), password="wrong"))
    unknown = door.digests.authenticate(proof(challenged(door), name="nobody"))
    add(door, "empty")
    empty = door.digests.authenticate(proof(challenged(door), name="empty", password=""))
    assert wrong.status == unknown.status == empty.status == 401
    assert not stale(wrong) and not stale(unknown) and len(wrong.render()) == len(unknown.render())
    assert door.failures == [("InvalidPassword", "john"), ("InvalidAccountID", "nobody"), ("InvalidPassword", "empty")]


def test_wrong_passwords_and_unknown_names_ask_the_database_as_often(door):
    asked = []
    row = door.db.row
    door.db.row = lambda *args: asked.append(args) or row(*args)
    door.users.by_username("john")
    counts = []
    for name in ("john", "nobody"):
        answer = proof(challenged(door), name=name, password="wrong")
        asked.clear()
        door.digests.authenticate(answer)
        counts.append(len(asked))
    assert counts == [1, 1]


def test_a_disabled_account_is_told_after_the_right_proof_alone(door):
    with door.db.unit() as unit:
        unit.run("UPDATE tb_users SET temporarydisabled = 1 WHERE id = ?", (door.john.id,))
    door.users.reload((door.john.id,))
    assert door.digests.authenticate(proof(challenged(door), password="wrong")).status == 401
    assert door.digests.authenticate(proof(challenged(door))).status == 403


def test_an_address_may_vouch_for_an_account(door):
    door.digests.known = lambda request: door.john if request.flow.host == "192.0.2.7" else None
    assert challenged(door) is door.john
    assert challenged(door, flow=Flow("192.0.2.8")).status == 401


@pytest.mark.parametrize("value", [
    'Basic am9objpzZWNyZXQ=', 'Digest realm="elsewhere", username="john", nonce="n", uri="u", response="r"',
    'Digest realm="voip", algorithm=SHA-256, username="john", nonce="n", uri="u", response="r"'])
def test_what_answers_no_challenge_of_ours_is_none(door, value):
    response = door.digests.authenticate(request(fields=["Authorization: " + value]))
    assert response.status == 401 and not stale(response)


@pytest.mark.parametrize("change", [("uri=", "url="), ('cnonce="cn"', 'cnonce=""'), ("qop=auth", "qop=auth-conf"),
                                    ("nc=00000001", "nc=1"), ('algorithm=MD5', 'algorithm="MD5')])
def test_a_digest_that_cannot_be_computed_is_400(door, change):
    answer = proof(challenged(door))
    value = answer.get("Authorization")
    assert change[0] in value
    answer.set("Authorization", value.replace(*change))
    assert door.digests.authenticate(answer).status == 400 and door.failures == []


def test_an_algorithm_may_be_quoted(door):
    answer = proof(challenged(door))
    answer.set("Authorization", answer.get("Authorization").replace("algorithm=MD5", 'algorithm="md5"'))
    assert door.digests.authenticate(answer) is door.john


def test_case_of_a_name_as_it_was_typed(door):
    assert door.digests.authenticate(proof(challenged(door), name="JOHN")) is door.john


def test_better_digests_where_they_are_wanted(door):
    door.config.sipdigest = "sha-256 md5"
    door.digests.reload()
    first = challenged(door)
    assert [value.rpartition("=")[2] for value in first.values("WWW-Authenticate")] == ["SHA-256", "MD5"]
    answer = proof(first)
    assert "algorithm=SHA-256" in answer.get("Authorization") and door.digests.authenticate(answer) is door.john


def test_only_the_hash_may_be_kept(tmp_path):
    from records.store import records
    store = records(tmp_path, "passwordstore=ha1", "realm=voip", "sipdigest=sha-256 md5")
    john = store.users.by_id(add(store, "john", password="secret"))
    assert john.password == "" and john.ha1
    store.digests = Digests(store.users, store.settings, store.clock, Entropy(), lambda *facts: None)
    first = challenged(store)
    assert [value.rpartition("=")[2] for value in first.values("WWW-Authenticate")] == ["MD5"]
    assert store.digests.authenticate(proof(first)) is john
    assert store.digests.authenticate(proof(challenged(store), password="wrong")).status == 401
    store.db.close()


def test_a_fast_password_holds_until_there_is_a_new_one(door):
    door.digests.set_fast(door.john, "fast")
    assert door.digests.authenticate(proof(challenged(door), password="fast")) is door.john
    assert door.digests.authenticate(proof(challenged(door))).status == 401
    with door.db.unit() as unit:
        door.users.update(unit, door.john.id, {"password": "changed"})
    door.users.reload((door.john.id,))
    assert door.digests.authenticate(proof(challenged(door), password="fast")).status == 401
    assert door.digests.authenticate(proof(challenged(door), password="changed")) is door.john
    assert FLOW.host and not door.digests.fast
