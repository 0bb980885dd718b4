import pytest

from mizu.sip.message import Message
from mizu.ua.session import MINIMUM, SessionTimer, knows, least, read, too_small
from tests.flows.network import FakeTimers


def request(**fields):
    message = Message.request("INVITE", "sip:x")
    for name, value in fields.items():
        message.add(name.replace("_", "-"), value)
    return message


@pytest.mark.parametrize("value, seconds, refresher", [
    ("1800", 1800, ""), ("1800;refresher=uac", 1800, "uac"), (" 90 ; x=1; Refresher=UAS ", 90, "uas"), ("", 0, ""),
    ("soon", 0, ""), ("99999999999", 0, ""), ("-5", 0, ""), (";refresher=uac", 0, "uac")])
def test_session_expires(value, seconds, refresher):
    assert read(request(Session_Expires=value)) == (seconds, refresher)


def test_only_who_knows_timers_is_told_that_its_is_too_small():
    assert too_small(request(Session_Expires="60", Supported="100rel, timer"))
    assert not too_small(request(Session_Expires="60"))
    assert not too_small(request(Session_Expires=str(MINIMUM), Supported="timer"))
    assert knows(request(Require="timer")) and not knows(request(Supported='"timer'))


@pytest.mark.parametrize("value, seconds", [("600", 600), ("600;x=y", 600), ("5", MINIMUM), ("x", MINIMUM), ("", MINIMUM)])
def test_min_se(value, seconds):
    assert least(request(Min_SE=value)) == seconds


class Far:
    """A leg, as far as its timer knows it."""

    def __init__(self, allowed="UPDATE"):
        self.timers, self.allowed, self.over = FakeTimers(), allowed, False
        self.agent = self
        self.asking = self.serving = self.waiting = self.owed = None
        self.alive_at, self.asked, self.ended = 0, [], []

    def chance(self, most):
        return 0

    def ask(self, method, done, body, extra):
        self.asked.append((self.timers.now() - 1000, method))
        self.done = done

    def lost(self, code, reason):
        self.ended.append((self.timers.now() - 1000, code))


def test_the_other_side_renews_or_it_is_over_a_little_before_the_end():
    leg = Far()
    timer = SessionTimer.of_request(leg, request(Session_Expires="300;refresher=uac", Supported="timer"), 1800)
    leg.timers.advance(200)
    timer.renewed(request())
    leg.timers.advance(267)
    assert not leg.ended
    leg.timers.advance(2)
    assert leg.ended == [(468, 408)] and not leg.asked and len(leg.timers) == 0


def test_we_renew_at_half_time_and_again_later_while_something_else_is_asked():
    leg = Far()
    SessionTimer.of_request(leg, request(), 1800)
    leg.asking = True
    leg.timers.advance(901)
    assert not leg.asked
    leg.asking = None
    leg.timers.advance(2)
    assert leg.asked == [(902, "UPDATE")]
    leg.done(491, Message.response(491))
    leg.timers.advance(900)
    assert len(leg.asked) == 2 and not leg.ended
    leg.done(408, None)
    assert [code for _, code in leg.ended] == [408]


def test_the_roles_may_change_with_every_renewal():
    leg = Far()
    timer = SessionTimer.of_request(leg, request(Session_Expires="300", Supported="timer"), 1800)
    assert not timer.ours
    timer.renewed(request(Session_Expires="300;refresher=uas"))
    assert timer.ours
    answer = Message.response(200)
    answer.add("Session-Expires", "400;refresher=uas")
    timer.renewed(answer)
    assert not timer.ours and timer.interval == 400


def test_a_leg_that_is_over_starts_no_timer():
    leg = Far()
    timer = SessionTimer.of_request(leg, request(), 1800)
    leg.over = True
    timer.stop()
    timer.renewed(request())
    assert len(leg.timers) == 0
