"""Kamailio as a proxy in front of the phones (Record-Route, Path), and as the trunk behind us."""

import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from live.harness import eventually

from . import baresip, scenarios
from .baresip import Baresip
from .conftest import USERS, Switch
from .sipp import TRUNK_HOST, TRUNK_PORT, Sipp, needed

KAMAILIO = shutil.which("kamailio") or shutil.which("kamailio", path="/usr/sbin")
HOST, PORT = "127.0.0.3", TRUNK_PORT

pytestmark = [pytest.mark.interop,
              pytest.mark.skipif(KAMAILIO is None, reason="Kamailio is not installed")]

_CONFIG = """#!KAMAILIO
debug=1
log_stderror=yes
fork=no
children=1
listen=udp:{host}:{port}
auto_aliases=no
mpath="{modules}"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "path.so"
modparam("rr", "enable_full_lr", 1)
request_route {{
    if (is_method("CANCEL")) {{
        if (t_check_trans()) t_relay();
        exit;
    }}
    if (has_totag()) {{
        if (!loose_route()) {{
            if (is_method("ACK") && t_check_trans()) t_relay();
            exit;
        }}
        t_relay();
        exit;
    }}
    if (is_method("OPTIONS")) {{
        sl_send_reply("200", "OK");
        exit;
    }}
    if (is_method("REGISTER")) {{
        add_path();
        $du = "sip:127.0.0.1:{server}";
        t_relay();
        exit;
    }}
    if (is_present_hf("Route")) {{               # a call to a phone that registered through us
        loose_route();
        record_route();
        t_relay();
        exit;
    }}
    record_route();
    if ($si == "127.0.0.1" && $sp == {server}) {{      # we are the trunk
        $du = "sip:{trunk}:{trunkport}";
    }} else {{
        $du = "sip:127.0.0.1:{server}";
    }}
    t_relay();
}}
"""


@contextmanager
def running(switch, tmp_path):
    """Kamailio, for as long as it is wanted."""
    modules = next(iter(Path("/usr/lib").glob("*/kamailio/modules")))
    path = tmp_path / "kamailio.cfg"
    path.write_text(_CONFIG.format(host=HOST, port=PORT, modules=modules, server=switch.port, trunk=TRUNK_HOST,
                                   trunkport=TRUNK_PORT))
    log = (tmp_path / "kamailio.log").open("wb")
    process = subprocess.Popen([KAMAILIO, "-f", path, "-DD", "-E", "-m", "32", "-M", "4", "-Y", tmp_path],
                               stdout=log, stderr=subprocess.STDOUT, cwd=tmp_path)
    time.sleep(1.5)
    assert process.poll() is None, (tmp_path / "kamailio.log").read_text()[-2000:]
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def kamailio(switch, tmp_path):
    with running(switch, tmp_path) as process:
        yield process


@pytest.fixture
def through(tmp_path, kamailio):
    """sipp whose phones talk to Kamailio."""
    folder = tmp_path / "through"
    folder.mkdir()
    sipp = Sipp(folder, PORT)
    sipp.host = HOST
    return sipp


@needed
def test_phones_register_through_a_proxy_that_adds_a_path(switch, through):
    code, errors = through.caller(scenarios.REGISTER.replace("Expires: 600", "Supported: path\nExpires: 600"), USERS,
                                  calls=3)
    assert code == 0, errors
    assert switch.registered("peer0", "peer1", "peer2")
    assert switch.api("reguser", usr="all").count(f"sip:{HOST}:{PORT}") == 3


def calls(switch, sipp, count=20):
    """Calls of sipp to a trunk of sipp, whatever lies between."""
    far = sipp.trunk(scenarios.TRUNK, count)
    try:
        code, errors = sipp.caller(scenarios.CALL, USERS, calls=count)
        assert code == 0, errors
        assert far.wait(timeout=30) == 0, sipp.errors()
    finally:
        far.kill()
        far.wait()
    switch.settled(count)


@needed
def test_calls_through_a_proxy_that_records_its_route(switch, through):
    calls(switch, through)


@needed
def test_calls_to_a_trunk_that_is_kamailio(switch, kamailio, sipp):
    switch.api("setuser", u_username="carrier", u_domainname=HOST, u_port=PORT)
    calls(switch, sipp)


def test_a_trunk_that_answers_no_ping_rests_until_it_does(tmp_path):
    switch = Switch(tmp_path / "data", "--set", "sipports=0", "--set", "trunkping=1")
    switch.prepare()
    switch.api("setuser", u_username="carrier", u_domainname=HOST, u_port=PORT)

    def resting():
        told = switch.api("routingtest", caller="peer0", called="36201234567")
        assert f"trunk carrier ({HOST})" in told
        return "it rests" in told
    assert eventually(resting)
    assert "trunk carrier failed 3 times" in switch.err
    with running(switch, tmp_path):
        assert eventually(lambda: not resting())
        assert "trunk carrier answers again" in switch.err
        time.sleep(2.5)
        assert not resting()
    assert eventually(resting)
    assert switch.stop() == 0, switch.err


@baresip.needed
def test_a_phone_behind_a_proxy_is_called_along_its_path(switch, kamailio, tmp_path):
    """Both phones know the proxy alone, and all that they say goes through it."""
    phones = [Baresip(tmp_path / name, switch.port, name, f"pw-{name}", auto=name == "peer1",
                      more=f';outbound="sip:{HOST}:{PORT}"') for name in ("peer0", "peer1")]
    try:
        assert switch.registered("peer0", "peer1")
        assert switch.api("reguser", usr="all").count(f"sip:{HOST}:{PORT}") == 2
        phones[0].dial("peer1")
        row = switch.talking("peer0", "peer1")
        assert row.count(HOST) == 2, row
        phones[1].hang_up()
        assert phones[0].said("session closed|terminated")
        switch.settled(1)
    finally:
        for phone in phones:
            phone.stop()
    assert switch.registered()
