"""Real telephones call each other: they talk, refuse, give up, hold and transfer, and one of them pays."""

import time
from contextlib import ExitStack

import pytest

from . import baresip, linphone, scenarios, sipp
from .baresip import Baresip
from .linphone import Linphone

pytestmark = pytest.mark.interop


@pytest.fixture
def phone(switch, tmp_path):
    """phone(kind, name, …): the account of that name at a telephone that has registered."""
    with ExitStack() as phones:
        def make(kind, name, **more):
            made = kind(tmp_path / name, switch.port, name, f"pw-{name}", **more)
            phones.callback(made.stop)
            return made
        yield make
    assert switch.registered()      # whoever goes says so


@baresip.needed
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_two_baresips_hear_each_other(switch, phone, tls, transport):
    if transport == "tls" and not tls:
        pytest.skip("openssl is not installed")
    caller = phone(Baresip, "peer0", transport=transport, tone=440)
    called = phone(Baresip, "peer1", transport=transport, tone=880, auto=True)
    assert switch.registered("peer0", "peer1")
    assert switch.api("reguser", usr="all").count(f"\t{transport.upper()}\t") == 2
    caller.dial("peer1")
    assert "PCMU" in switch.talking("peer0", "peer1")
    time.sleep(2.5)
    caller.hang_up()
    assert called.said("terminated")
    switch.settled(1)
    assert switch.rows("select discreason, realduration > 0 from tb_cdrs")[0][-2:] == ["200", "1"]
    assert (caller.heard(), called.heard()) == (880, 440)


@baresip.needed
def test_a_baresip_refuses_and_another_gives_up(switch, phone):
    caller, called = phone(Baresip, "peer0"), phone(Baresip, "peer1")
    assert switch.registered("peer0", "peer1")
    caller.dial("peer1")
    assert called.said("Incoming call")
    called.hang_up()
    assert caller.said("session closed: 486|session closed: 603")
    switch.settled(1)
    caller.dial("peer1")
    assert called.said("(?s)Incoming call.*Incoming call")
    assert "ringing" in switch.api("currentcalls")
    caller.hang_up()
    switch.settled(2)
    assert [row[-1] for row in switch.rows("select discreason from tb_cdrs order by id")] in (
        ["486", "487"], ["603", "487"])


@baresip.needed
def test_a_baresip_is_held_and_transferred_to_a_third(switch, phone):
    phones = [phone(Baresip, f"peer{number}", auto=number > 0, tone=440 * (number + 1)) for number in range(3)]
    assert switch.registered("peer0", "peer1", "peer2")
    phones[0].dial("peer1")
    switch.talking("peer0", "peer1")
    phones[0].command("hold")
    phones[0].command("resume")
    phones[1].command("transfer", "peer2")
    assert phones[2].said("Call established")
    switch.talking("peer0", "peer2")
    time.sleep(2)
    phones[0].hang_up()
    assert phones[2].said("terminated")
    switch.settled(2)
    assert [row[-3:] for row in switch.rows("select callernumber, callednumber, mark from tb_cdrs order by id")] == [
        ["peer0", "peer1", ""], ["peer1", "peer2", "TRANS"]]
    assert phones[2].heard() == 440


@baresip.needed
@linphone.needed
@pytest.mark.parametrize("kinds", [(Linphone, Baresip), (Baresip, Linphone)], ids=["to-baresip", "to-linphone"])
def test_linphone_and_baresip_talk(switch, phone, kinds):
    caller, called = phone(kinds[0], "peer0"), phone(kinds[1], "peer1", auto=True)
    assert switch.registered("peer0", "peer1")
    caller.dial("peer1")
    assert "PCMU" in switch.talking("peer0", "peer1")
    assert all([one.said("StreamsRunning|Call established") for one in (caller, called)])
    called.hang_up()
    assert caller.said("CallEnd|terminated|session closed")
    switch.settled(1)


@linphone.needed
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_linphone_holds_another_and_goes_on(switch, phone, transport):
    caller, called = phone(Linphone, "peer0", transport=transport), phone(Linphone, "peer1", auto=True)
    assert switch.registered("peer0", "peer1")
    caller.dial("peer1")
    assert caller.said("StreamsRunning") and called.said("StreamsRunning")
    switch.talking("peer0", "peer1")
    caller.say("call-pause 1")
    assert called.said("CallPausedByRemote") and caller.said("CallPaused\n")
    caller.say("call-resume 1")
    assert called.said("(?s)PausedByRemote.*StreamsRunning")
    caller.hang_up()
    assert called.said("CallEnd")
    switch.settled(1)


@baresip.needed
@linphone.needed
def test_a_linphone_asks_a_third_and_joins_it_with_its_caller(switch, phone):
    """A REFER with Replaces: the two that are left hear each other, each on the leg it has; but a baresip that was held
    once decodes nothing any more, whoever its peer is, so of it we see that the sound comes in."""
    joiner = phone(Linphone, "peer0", auto=True)
    caller, third = phone(Baresip, "peer1", tone=440), phone(Baresip, "peer2", tone=880, auto=True)
    assert switch.registered("peer0", "peer1", "peer2")
    caller.dial("peer0")
    assert joiner.said("StreamsRunning")
    switch.talking("peer1", "peer0")
    joiner.say("call-pause 1")
    assert joiner.said("CallPaused\n")
    joiner.dial("peer2")
    assert third.said("Call established")
    switch.talking("peer0", "peer2")
    assert joiner.said("(?s)Id: 2.*StreamsRunning")
    joiner.say("call-transfer 1 2")
    assert joiner.said("(?s)CallEnd.*CallEnd")
    assert caller.said("incoming rtp for 'audio' established")
    time.sleep(2)
    caller.hang_up()
    assert third.said("terminated")
    switch.settled(2)
    assert third.heard() == 440


@baresip.needed
@sipp.needed
def test_a_carrier_calls_a_telephone_by_its_number(switch, phone, tmp_path):
    """The carrier is known by its address and gives no digest; what reaches a telephone of ours is free."""
    switch.api("db", sql="insert into tb_users_numbers (userid, number, kind) select id, '36301112222', 'did'"
                         " from tb_users where username = 'peer0'")
    called = phone(Baresip, "peer0", auto=True)
    assert switch.registered("peer0")
    carrier = sipp.Sipp(tmp_path, switch.port)
    code, errors = carrier.caller(scenarios.CARRIER, [("36209998888", "")], service="36301112222",
                                  own=sipp.TRUNK_HOST, meanwhile=lambda: switch.talking("carrier_in", "peer0"))
    assert code == 0, errors
    assert called.said("Call established: sip:36209998888@")
    switch.settled(1)
