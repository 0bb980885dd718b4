"""Nonces: handed to an address, alive for a while, known by their first ten characters."""

from mizu.api import nonces as module
from mizu.api.nonces import Nonces
from mizu.base.clock import FakeClock
from mizu.base.entropy import Entropy


def made(lifetime=300):
    clock = FakeClock()
    return clock, Nonces(clock, Entropy(), lambda: lifetime)


def test_a_nonce_is_32_hex_digits_and_new_every_time():
    _, nonces = made()
    seen = {nonces.issue("a") for _ in range(1000)}
    assert len(seen) == 1000 and all(len(text) == 32 and int(text, 16) >= 0 for text in seen)


def test_it_is_found_by_any_prefix_of_ten_or_more():
    _, nonces = made()
    text = nonces.issue("1.2.3.4")
    for length in range(10, 33):
        assert nonces.find(text[:length]).text == text
    for wrong in (text[:9], "", text + "0", text[:10] + "xx", text[:9] + "x", "é" * 10):
        assert nonces.find(wrong) is None
    assert nonces.find(text).host == "1.2.3.4"


def test_it_lives_for_the_lifetime_of_its_birth():
    clock, nonces = made(300)
    text = nonces.issue("a")
    clock.advance(299.9)
    assert nonces.find(text)
    clock.advance(0.2)
    assert nonces.find(text) is None


def test_dead_ones_are_dropped_when_new_ones_come():
    clock, nonces = made(10)
    for _ in range(100):
        nonces.issue("a")
    clock.advance(11)
    nonces.issue("a")
    assert len(nonces) == 1


def test_the_oldest_go_first_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr(module, "_MOST", 50)
    _, nonces = made()
    texts = [nonces.issue("a") for _ in range(200)]
    assert len(nonces) == 50 and nonces.find(texts[-1]) and nonces.find(texts[0]) is None
