"""sipp as phones and as a trunk: what is signalled, what is recorded, what is paid."""

from threading import Thread

import pytest

from live.sipsocket import SipSocket

from . import scenarios
from .conftest import USERS
from .sipp import needed

pytestmark = [pytest.mark.interop, needed]


def run(switch, sipp, caller, trunk, calls=1, rate=20, **more):
    """Calls of sipp to a trunk of sipp, neither of which has anything to complain of."""
    far = sipp.trunk(trunk, calls)
    try:
        code, errors = sipp.caller(caller, USERS, calls, rate, **more)
        assert code == 0, errors
        assert far.wait(timeout=30) == 0, sipp.errors()
    finally:
        far.kill()
        far.wait()
    switch.settled(calls)


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_phones_register(switch, sipp, transport):
    code, errors = sipp.caller(scenarios.REGISTER, USERS, calls=len(USERS), transport=transport)
    assert code == 0, errors
    assert switch.registered(*[name for name, _ in USERS])


def test_a_wrong_password_is_challenged_again_and_registers_nobody(switch, sipp):
    code, errors = sipp.caller(scenarios.WRONG, [("peer0", "wrong"), ("nobody", "wrong")], calls=2)
    assert code == 0, errors
    assert switch.api("reguser").startswith("OK: none")


def test_a_call_is_not_made_with_a_wrong_password(switch, sipp):
    code, errors = sipp.caller(scenarios.WRONG_CALL, [("peer0", "wrong"), ("nobody", "wrong")], calls=2)
    assert code == 0, errors
    switch.settled(0)


def test_a_call_is_answered_recorded_and_paid(switch, sipp):
    run(switch, sipp, scenarios.CALL, scenarios.TRUNK, meanwhile=lambda: switch.talking("peer0", "36201234567"))
    assert switch.rows("select realduration, costenduser, discreason from tb_cdrs")[0][-3:] == ["1", "0.01", "200"]


def test_a_call_over_tcp_to_a_trunk_over_udp(switch, sipp):
    run(switch, sipp, scenarios.CALL, scenarios.TRUNK, transport="t1")


def test_a_call_is_held_by_a_reinvite(switch, sipp):
    run(switch, sipp, scenarios.HOLD, scenarios.TRUNK_HOLD)


def test_both_sides_are_cut_off_when_the_money_ends(switch, sipp):
    switch.api("setuser", u_username="peer0", u_credit=0.02)
    run(switch, sipp, scenarios.CUT_OFF, scenarios.TRUNK)
    assert switch.rows("select realduration, costenduser from tb_cdrs")[0][-2:] == ["2", "0.02"]
    assert switch.number("select credit from tb_users where username = 'peer0'") == 0


def test_busy(switch, sipp):
    run(switch, sipp, scenarios.refused(486), scenarios.BUSY)
    assert switch.rows("select costenduser, discreason from tb_cdrs")[0][-2:] == ["0.0", "486"]


def test_a_call_is_cancelled(switch, sipp):
    run(switch, sipp, scenarios.CANCELLED, scenarios.RINGS)
    assert switch.rows("select costenduser, discreason from tb_cdrs")[0][-2:] == ["0.0", "487"]


def test_nobody_is_there(switch, sipp):
    code, errors = sipp.caller(scenarios.refused(480), USERS, service="peer9")
    assert code == 0, errors
    switch.settled(1)


def test_nobody_answers(switch, sipp):
    switch.api("setuser", u_username="peer9", u_noanswertimeout=2, u_forwardonnoanswer="peer8")
    with SipSocket(switch.port, "peer9", "pw-peer9") as phone:
        assert phone.ask("REGISTER", fields=(("Expires", "600"),)).status == 200
        heard = []
        thread = Thread(target=ring_until_cancelled, args=(phone, heard))
        thread.start()
        code, errors = sipp.caller(scenarios.refused(480), USERS, service="peer9")
        thread.join(10)
    assert code == 0, errors
    assert heard == ["INVITE", "CANCEL", "ACK"]
    switch.settled(1)


def ring_until_cancelled(phone, heard):
    """A telephone that nobody answers."""
    invite = phone.receive()
    heard.append(invite.method)
    phone.send(invite.reply(180, "", "ringing"))
    while heard[-1] != "ACK":
        message = phone.receive()
        if message.method != heard[-1]:
            heard.append(message.method)
        if message.method == "CANCEL":
            phone.send(message.reply(200, "", "ringing"))
            phone.send(invite.reply(487, "", "ringing"))


def test_a_thousand_calls_without_one_failure(switch, sipp):
    run(switch, sipp, scenarios.CALL, scenarios.TRUNK, calls=1000, rate=80, seconds=90)
    spent = float(switch.rows("select round(sum(costenduser), 6) from tb_cdrs")[0][-1])
    assert spent >= 10.0
    assert "lost" not in switch.err
