"""Stories: which messages belong together, and how many are kept."""

from types import SimpleNamespace

import mizu.calls.story as module
from mizu.calls.story import Stories, ladder

FLOW = SimpleNamespace(transport="UDP", local=("192.0.2.9", 5060), host="192.0.2.1", port=5070)


class Clock:
    time = 1000.0

    def now(self):
        self.time += 0.5
        return self.time


def invite(call_id, method="INVITE", status=0, **fields):
    return SimpleNamespace(call_id=call_id, method=method, status=status, fields=fields)


def tell(stories, call_id, data=b"INVITE sip:b SIP/2.0\r\n\r\n", outgoing=False, message=None):
    stories.heard(message or invite(call_id), FLOW, data, outgoing)


def test_the_messages_of_both_sides_and_the_decisions_are_one_story():
    stories = Stories(Clock())
    tell(stories, "a")
    stories.note("a", "alice by digest")
    stories.open("a", 7)
    stories.link("a", "b")
    tell(stories, "b", b"INVITE sip:c SIP/2.0\r\n\r\n", True)
    tell(stories, "b", b"SIP/2.0 200 OK\r\n\r\n", False, invite("b", status=200))
    assert stories.find("b") is stories.find("a") is stories.find("7")
    assert ladder(stories.find("7")) == [
        "    0.000  <-- UDP  192.0.2.1:5070  INVITE sip:b SIP/2.0",
        "    0.500  * alice by digest",
        "    1.000  --> UDP  192.0.2.1:5070  INVITE sip:c SIP/2.0",
        "    1.500  <-- UDP  192.0.2.1:5070  SIP/2.0 200 OK"]


def test_what_comes_or_goes_again_is_shown_so():
    stories = Stories(Clock())
    told = b"INVITE sip:b SIP/2.0\r\nCall-ID: a\r\n\r\n"
    ours = b"SIP/2.0 180 Ringing\r\nCall-ID: a\r\n\r\n"
    for data, outgoing in (told, False), (ours, True), (told, False):
        tell(stories, "a", data, outgoing)
    stories.heard(None, FLOW, ours, True)               # the layer repeats it, and has no more than its bytes
    stories.heard(None, FLOW, ours.replace(b"Call-ID: a", b"Call-ID: other"), True)
    stories.heard(None, FLOW, ours.replace(b"\r\n\r\n", b"\r\nX-MAPI: k\r\n\r\n"), True)
    assert [line[15:].split("  ")[-1] for line in ladder(stories.find("a"))] == [
        "INVITE sip:b SIP/2.0", "SIP/2.0 180 Ringing", "INVITE sip:b SIP/2.0 (again)", "SIP/2.0 180 Ringing (again)"]


def test_only_an_invite_that_comes_begins_a_story():
    stories = Stories(Clock())
    tell(stories, "a", b"OPTIONS sip:b SIP/2.0\r\n\r\n", message=invite("a", "OPTIONS"))
    tell(stories, "b", outgoing=True)
    assert stories.find("a") is stories.find("b") is None


def test_a_flood_of_refused_invites_pushes_no_call_out(monkeypatch):
    monkeypatch.setattr(module, "YOUNG", 10)
    stories = Stories(Clock())
    tell(stories, "call")
    stories.open("call", 1)
    for number in range(100):
        tell(stories, f"flood{number}")
    assert stories.find("call") is not None and len(stories._young) == 10


def test_the_oldest_stories_go_first_and_take_all_their_keys_along(monkeypatch):
    monkeypatch.setattr(module, "CALLS", 3)
    stories = Stories(Clock())
    for number in range(5):
        tell(stories, f"a{number}")
        stories.open(f"a{number}", number)
        stories.link(f"a{number}", f"b{number}")
    assert [story.call for story in stories.latest(9)] == [4, 3, 2]
    assert stories.find("b0") is None and stories.find("b4") is not None
    assert stories.size == sum(story.size for story in stories.latest(9)) and len(stories._keys) == 6


def test_one_story_is_bounded_its_beginning_and_end_stay(monkeypatch):
    monkeypatch.setattr(module, "EVENTS", 10)
    stories = Stories(Clock())
    tell(stories, "a", b"first")
    stories.open("a", 1)
    for number in range(50):
        stories.note("a", f"n{number}")
    story = stories.find("a")
    assert len(story.events) == 10 and story.events[0][1][4] == b"first" and story.events[-1][1] == "n49"
    assert story.size == stories.size == sum(len(w) if w.__class__ is str else len(w[4]) for _, w in story.events)


def test_long_messages_push_out_the_middle_of_their_story_and_not_other_calls(monkeypatch):
    monkeypatch.setattr(module, "STORY_BYTES", 1000)
    stories = Stories(Clock())
    tell(stories, "other")
    stories.open("other", 1)
    tell(stories, "a", b"first")
    stories.open("a", 2)
    for number in range(50):
        tell(stories, "a", b"%03d" % number + bytes(397), True)
    story = stories.find("a")
    assert story.events[0][1][4] == b"first" and story.events[-1][1][4][:3] == b"049" and story.size <= 1000
    assert stories.size == story.size + stories.find("other").size


def test_strangers_fill_no_memory_with_one_call_id_or_with_many(monkeypatch):
    monkeypatch.setattr(module, "YOUNG_BYTES", 5000)
    monkeypatch.setattr(module, "STORY_BYTES", 2000)
    stories = Stories(Clock())
    for number in range(300):
        for _ in range(10):
            tell(stories, f"flood{number % 7}", bytes(500))
        assert stories._young_size == sum(each.size for each in stories._young.values()) <= 5000
    stories.open("flood5", 1)
    assert stories._young_size == sum(each.size for each in stories._young.values())
    assert stories.size == stories.find("1").size


def test_what_a_peer_writes_is_shown_without_control_characters():
    stories = Stories(Clock())
    tell(stories, "a", b"INVITE sip:\x1b[2J\xff SIP/2.0\r\n\r\n")
    assert "\x1b" not in ladder(stories.find("a"))[0]


class Ear:
    def __init__(self):
        self.messages, self.notes = [], []

    def heard(self, *facts):
        self.messages.append(facts)

    def noted(self, when, text, story):
        self.notes.append((when, text, story.key))


def test_observers_hear_all_messages_with_the_callers_call_id_and_all_decisions():
    stories, ear = Stories(Clock()), Ear()
    stories.observers.append(ear)
    tell(stories, "x", b"OPTIONS", message=invite("x", "OPTIONS"))
    tell(stories, "a", b"INVITE")
    stories.open("a", 1)
    stories.link("a", "b")
    tell(stories, "b", b"SIP/2.0 200 OK", True, invite("b", status=200))
    stories.note("b", "answered"), stories.note("nothing", "lost")
    peer = "UDP", ("192.0.2.9", 5060), ("192.0.2.1", 5070)
    assert ear.messages == [(1000.5, False, *peer, b"OPTIONS", "x"), (1001.0, False, *peer, b"INVITE", "a"),
                            (1001.5, True, *peer, b"SIP/2.0 200 OK", "a")]
    assert ear.notes == [(1002.0, "answered", "a")]


def test_requests_of_the_api_are_told_to_nobody():
    stories, ear = Stories(Clock()), Ear()
    stories.observers.append(ear)
    secret = {"X-MAPI": ["apientry=balance&authpwd=secret"]}
    tell(stories, "a", b"INVITE")
    for method in ("MESSAGE", "OPTIONS", "INFO"):
        tell(stories, "a", b"secret", message=invite("a", method, **secret))
        tell(stories, "a", b"secret", True, message=invite("a", method, 200, **secret))
    tell(stories, "a", b"BYE", message=invite("a", "BYE", **secret))
    assert [facts[5] for facts in ear.messages] == [b"INVITE", b"BYE"]
