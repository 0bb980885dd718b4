"""RFC 7616 3.9.1, RFC 2617 3.5 and RFC 2069 as vectors; nonces that keep no table and take no replay."""

from timeit import timeit

import pytest

from mizu.base.clock import FakeClock
from mizu.base.entropy import Entropy
from mizu.sip import digest
from mizu.sip.digest import BROKEN, OK, STALE, WRONG, Nonces, authorize, challenges, ha1, supported, verify

RFC7616 = {"username": "Mufasa", "realm": "http-auth@example.org", "uri": "/dir/index.html", "qop": "auth",
           "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "nc": "00000001", "algorithm": "MD5",
           "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "response": "8ca523f5e9506fed4657c9700eebdbec"}
RFC7616_SHA256 = {**RFC7616, "algorithm": "SHA-256",
                  "response": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"}
RFC2617 = {"username": "Mufasa", "realm": "testrealm@host.com", "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
           "uri": "/dir/index.html", "qop": "auth", "nc": "00000001", "cnonce": "0a4f113b",
           "response": "6629fae49393a05397450978507c4ef1"}
RFC2069 = {"username": "Mufasa", "realm": "testrealm@host.com", "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
           "uri": "/dir/index.html", "response": "1949323746fe6a43ef61f9606e7febea"}


def secret(credentials, password):
    return lambda algorithm: ha1(algorithm, credentials["username"], credentials["realm"], password)


@pytest.mark.parametrize("credentials, password", [
    (RFC7616, "Circle of Life"), (RFC7616_SHA256, "Circle of Life"), (RFC2617, "Circle Of Life"),
    (RFC2069, "CircleOfLife")])
def test_the_vectors_hold(credentials, password):
    assert verify(credentials, "GET", secret(credentials, password)) == OK
    assert verify(credentials, "GET", secret(credentials, password + "x")) == WRONG
    assert verify(credentials, "PUT", secret(credentials, password)) == WRONG
    assert verify({**credentials, "response": credentials["response"].upper()}, "GET",
                  secret(credentials, password)) == OK


@pytest.mark.parametrize("change", [{"algorithm": "SHA-1"}, {"uri": ""}, {"nonce": ""}, {"response": ""},
                                    {"cnonce": ""}, {"qop": "auth-conf"}])
def test_what_cannot_be_computed_is_broken(change):
    assert verify({**RFC7616, **change}, "GET", secret(RFC7616, "Circle of Life")) == BROKEN


@pytest.mark.parametrize("response", ["é" * 32, "\ud800", "8ca523f5", "x" * 10_000])
def test_any_text_may_stand_for_the_response(response):
    assert verify({**RFC7616, "response": response}, "GET", secret(RFC7616, "Circle of Life")) == WRONG


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "MD5-sess", "SHA-256-sess", ""])
@pytest.mark.parametrize("qop", ["auth", "auth,auth-int", ""])
def test_client_and_server_agree(algorithm, qop):
    challenge = {"realm": 'a "b" c', "nonce": "n", "algorithm": algorithm, "qop": qop, "opaque": "o"}
    value = authorize(challenge, "INVITE", "sip:x@y", "jöhn", "pa:ss", "cn", 11)
    credentials = fields(value)
    assert credentials["username"] == "jöhn" and credentials["realm"] == 'a "b" c' and credentials["opaque"] == "o"
    assert credentials.get("nc") == ("0000000b" if qop else None) and ("algorithm" in credentials) == bool(algorithm)
    assert verify(credentials, "INVITE", secret(credentials, "pa:ss")) == OK
    assert verify(credentials, "INVITE", secret(credentials, "pass")) == WRONG


def fields(value):
    import re
    assert value.startswith("Digest ")
    return {name: (quoted or bare).replace('\\"', '"') for name, quoted, bare in
            re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^,"]+))', value[7:])}


def test_auth_int_covers_the_body():
    credentials = {**RFC2617, "qop": "auth-int"}
    from hashlib import md5
    h = lambda text: md5(text.encode()).hexdigest()                             # noqa: E731
    secret1 = h("Mufasa:testrealm@host.com:p")
    credentials["response"] = h(f"{secret1}:{RFC2617['nonce']}:00000001:0a4f113b:auth-int:"
                                + h("GET:/dir/index.html:" + h("body")))
    assert verify(credentials, "GET", secret(credentials, "p"), b"body") == OK
    assert verify(credentials, "GET", secret(credentials, "p"), b"other") == WRONG


@pytest.mark.parametrize("challenge", [{"nonce": "n", "qop": "auth-int"}, {"nonce": "n", "algorithm": "SHA-512-256"},
                                       {"qop": "auth"}, {}])
def test_a_challenge_of_another_world_is_not_answered(challenge):
    assert authorize(challenge, "REGISTER", "sip:x", "u", "p", "c") == "" and digest.strength(challenge) == 0


def test_the_better_algorithm_is_worth_more():
    assert digest.strength({"nonce": "n", "algorithm": "SHA-256"}) > digest.strength({"nonce": "n"}) > 0


def test_both_algorithms_are_offered_the_better_first():
    first, second = challenges('voip "x"', "abc", stale=True)
    assert first == 'Digest realm="voip \\"x\\"", qop="auth", nonce="abc", stale=true, algorithm=SHA-256'
    assert second.endswith("algorithm=MD5") and "stale" not in challenges("r", "abc")[0]
    assert supported({}) and supported({"algorithm": "sha-256"}) and not supported({"algorithm": "SHA-256"}, ("MD5",))
    assert not supported({"algorithm": "SHA-512-256"})


# -- nonces

@pytest.fixture
def nonces():
    return Nonces(Entropy(), FakeClock(), lambda: 300)


def used(nonce, count=1):
    return {"nonce": nonce, "qop": "auth", "nc": "%08x" % count}


def test_a_nonce_lives_for_its_time(nonces):
    nonce = nonces.issue("10.0.0.1")
    assert len(nonce) == 32 and nonces.check(used(nonce), "10.0.0.1") == OK
    nonces.clock.advance(299)
    assert nonces.check(used(nonce), "10.0.0.1") == OK
    nonces.clock.advance(3)
    assert nonces.check(used(nonce), "10.0.0.1") == STALE


def test_a_nonce_belongs_to_the_address_it_was_given_to(nonces):
    assert nonces.check(used(nonces.issue("10.0.0.1")), "10.0.0.2") == STALE


def test_a_nonce_that_was_made_up_is_stale(nonces):
    nonce = nonces.issue("h")
    for other in ("", "x", nonce[:-1], nonce + "0", nonce[:-1] + "x", "0" * 32, "é" * 32, "9" + nonce[1:],
                  nonce[:15] + ("0" if nonce[15] != "0" else "1") + nonce[16:]):
        assert nonces.check(used(other), "h") == STALE
    assert Nonces(Entropy(), FakeClock()).check(used(nonce), "h") == STALE      # another process


def test_a_count_is_taken_once_and_in_order(nonces):
    nonce = nonces.issue("h")
    for count in (1, 2, 5):
        assert nonces.check(used(nonce, count), "h") == OK
        nonces.spend(used(nonce, count))
    for count in (0, 1, 4, 5):
        assert nonces.check(used(nonce, count), "h") == STALE
    assert nonces.check(used(nonce, 6), "h") == OK
    nonces.spend(used(nonce, 0xFFFFFFFF))
    assert nonces.check(used(nonce, 0xFFFFFFFF), "h") == STALE


def test_without_counts_a_nonce_is_good_for_one_request(nonces):
    bare = {"nonce": nonces.issue("h")}
    assert nonces.check(bare, "h") == OK
    nonces.spend(bare)
    assert nonces.check(bare, "h") == STALE and nonces.check(used(bare["nonce"], 9), "h") == STALE


@pytest.mark.parametrize("count", ["", "1", "0000000g", "-0000001", "1_000000", "000000001"])
def test_a_count_that_is_none_is_broken(nonces, count):
    assert nonces.check({"nonce": nonces.issue("h"), "qop": "auth", "nc": count}, "h") == BROKEN


def test_a_nonce_that_the_ring_has_forgotten_takes_no_replay(nonces):
    nonce = nonces.issue("h")
    nonces.spend(used(nonce, 7))
    nonces._serial += digest._RING - 1
    assert nonces.check(used(nonce, 8), "h") == OK
    nonces.issue("flood")                   # its number in the ring is now another one's
    assert nonces.check(used(nonce, 8), "h") == STALE


@pytest.mark.slow
def test_a_proof_takes_a_few_microseconds(nonces):
    nonce = nonces.issue("192.168.100.200")
    value = authorize({"realm": "mizud", "nonce": nonce, "qop": "auth"}, "REGISTER", "sip:voip.example.com", "1000",
                      "secret", "0a4f113b")
    credentials = fields(value)

    def proof():
        return nonces.check(credentials, "192.168.100.200") == OK and \
            verify(credentials, "REGISTER", lambda algorithm: ha1(algorithm, "1000", "mizud", "secret")) == OK
    assert proof()
    assert min(timeit(proof, number=2000) for _ in range(5)) / 2000 < 20e-6
