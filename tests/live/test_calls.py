"""Calls and the real process: what a stopped one left is billed by the next, once."""

import time

import pytest
from calls.switch import Switch
from flows.phone import sdp

from .harness import Server, eventually
from .sipsocket import SipSocket

SDP, TYPE = sdp("127.0.0.1"), (("Content-Type", "application/sdp"),)


def answered(invite, carrier):
    """The 200 of a carrier."""
    response = invite.reply(200, "OK")
    response.set("To", f"{invite.get('To')};tag=carrier")
    response.add("Contact", f"<sip:{carrier.host}:{carrier.own}>")
    response.set("Content-Type", "application/sdp")
    response.body = SDP
    return response


def test_a_call_that_the_last_process_never_ended_is_billed_once_at_the_next_start(tmp_path):
    switch = Switch(tmp_path)
    switch.person("john", credit=1.0, currency="USD")
    switch.price("36", 0.12)
    switch.meters.start()
    switch.paid("john")
    switch.legs["bob"].answer()
    switch.run(47)                      # 40 s at the last checkpoint; then the process is gone
    switch.db.close()
    for _ in range(2):
        server = Server(tmp_path)
        assert any("0.92 USD" in server.api("balance", u_username="john") for _ in range(50))
        told = server.api("db", sql="select realduration, costenduser, discside from tb_cdrs")
        assert told.split("\n")[1:] == ["40\t0.08\tserver"]
        assert server.api("db", sql="select count(*) as n from tb_reservations") == "0"
        assert server.api("currentcalls") == "OK: none"
        assert server.api("willstop").startswith("OK: no new calls, 0 in progress")
        assert server.stop() == 0, server.err


@pytest.mark.parametrize("command", [{"deluser": {"force": 1}}, {"disableuser": {}}, {"setuser": {"u_enabled": 0}},
                                     {"setuser": {"u_temporarydisabled": 1}}], ids=lambda each: next(iter(each)))
def test_an_account_that_is_taken_away_ends_its_call_and_the_call_is_billed(tmp_path, command):
    server = Server(tmp_path / "data", "--set", "sipports=0", "--set", "trunkping=0")
    server.api("adduser", u_username="john", u_password="pw-john", u_credit=10)
    server.api("db", sync=1, sql="insert into tb_billentries (name, type, billingstep) values ('World', 1, 1)")
    server.api("db", sync=1, sql="insert into tb_billingtimes (entryid, prefix, price) values (1, '36', 0.6)")
    with SipSocket(server.port, "john", "pw-john") as john, SipSocket(server.port) as carrier:
        server.api("addserver", u_name="carrier", u_ip=f"127.0.0.1:{carrier.own}", u_auth=6)
        assert john.ask("REGISTER").status == 200
        first = john.request("INVITE", "36201234567", body=SDP, fields=TYPE)
        challenge = john.final(first)
        john.send(john.request("ACK", "36201234567", call_id=first.call_id, tag=challenge.to_tag))
        john.send(john.proved(first, challenge))
        invite = carrier.receive()
        carrier.send(answered(invite, carrier))
        assert carrier.receive().method == "ACK"
        okay = john.receive()
        while okay.status != 200:
            okay = john.receive()
        john.send(john.request("ACK", "36201234567", call_id=first.call_id, cseq=2, tag=okay.to_tag))
        time.sleep(0.1)
        [(name, more)] = command.items()
        told = server.api(name, u_username="john", **more)
        assert told.startswith("OK"), told
        assert [one.receive().method for one in (john, carrier)] == ["BYE", "BYE"]
        assert john.ask("REGISTER").status in (401, 403)
    assert eventually(lambda: server.api("db", sql="select costenduser, realduration from tb_cdrs").split("\n")[1:])
    cost, seconds = server.api("db", sql="select costenduser, realduration from tb_cdrs").split("\n")[1].split("\t")
    assert float(cost) == int(seconds) / 100 > 0
    assert server.api("db", sql="select count(*) as n from tb_reservations") == "0"
    assert server.api("db", sql="select sum(amount_u) as n from tb_ledger where kind = 'call'") == str(-10000 * int(seconds))
    assert server.api("reguser", usr="all").count("john") == 0
    assert server.stop() == 0 and "Traceback" not in server.err, server.err
