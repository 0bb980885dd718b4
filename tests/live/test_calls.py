"""Calls and the real process: what a stopped one left is billed by the next, once."""

from calls.switch import Switch

from .harness import Server


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
