"""Real telephones call each other, and real tools read what the server tells of it."""

import shutil
import subprocess
import time

import pytest

from live.harness import eventually

from .baresip import Baresip, needed

pytestmark = pytest.mark.interop


@needed
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_two_baresips_hear_each_other_and_the_story_opens_in_tshark(switch, tmp_path, transport):
    phones = [Baresip(tmp_path / name, switch.port, name, f"pw-{name}", transport, auto=name == "peer1", tone=tone)
              for name, tone in (("peer0", 440), ("peer1", 880))]
    try:
        eventually(lambda: switch.api("reguser").count("\npeer") == 2)
        phones[0].command("dial", f"sip:peer1@127.0.0.1:{switch.port};transport={transport}")
        eventually(lambda: "talking" in switch.api("currentcalls"))
        assert "PCM" in switch.api("currentcalls")
        time.sleep(5)
        phones[0].command("hangup")
        eventually(lambda: phones[1].said("session closed"))
        switch.settled(1)
        eventually(lambda: all([phone.loudness() > 500 for phone in phones]))
        assert switch.rows("select discreason, realduration > 0 from tb_cdrs")[0][-2:] == ["200", "1"]
        read_the_story(switch, tmp_path / "story.pcap")
    finally:
        for phone in phones:
            phone.stop()


def read_the_story(switch, path):
    assert "INVITE" in switch.api("story", callid=1)
    answer = switch.request("GET", f"/mvapireq/?apientry=story&callid=1&format=pcap&{switch.as_admin}")
    path.write_bytes(answer.bytes)
    if shutil.which("tshark") is None:
        return
    port = str(switch.port)
    done = subprocess.run(["tshark", "-r", path, "-d", f"udp.port=={port},sip", "-T", "fields", "-e", "sip.Method"],
                          capture_output=True, timeout=60)
    methods = done.stdout.decode().split()
    assert methods.count("INVITE") >= 2 and methods.count("BYE") == 2, done.stdout


@pytest.mark.skipif(shutil.which("sipsak") is None, reason="sipsak is not installed")
def test_sipsak_finds_the_server_alive(switch):
    done = subprocess.run(["sipsak", "-s", f"sip:127.0.0.1:{switch.port}", "-v"], capture_output=True, timeout=30)
    assert done.returncode == 0 and b"200 OK" in done.stdout, done.stdout


@pytest.mark.skipif(shutil.which("sipsak") is None, reason="sipsak is not installed")
def test_sipsak_registers(switch):
    done = subprocess.run(["sipsak", "-U", "-s", f"sip:peer0@127.0.0.1:{switch.port}", "-u", "peer0", "-a", "pw-peer0",
                           "-C", "sip:peer0@127.0.0.1:15999", "-x", "600", "-v"], capture_output=True, timeout=30)
    assert done.returncode == 0, done.stdout
    assert "peer0" in switch.api("reguser")
