"""sipsak asks and registers; a STUN client learns its address; tshark and sngrep read the pcap of a story."""

import re
import shutil
import subprocess

import pytest

from . import scenarios
from .conftest import USERS
from .sipp import needed

pytestmark = pytest.mark.interop


def missing(program):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def run(*words):
    return subprocess.run(words, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)


@missing("sipsak")
def test_sipsak_finds_the_server_alive(switch):
    done = run("sipsak", "-s", f"sip:127.0.0.1:{switch.port}", "-v")
    assert done.returncode == 0 and b"200 OK" in done.stdout, done.stdout


@missing("sipsak")
def test_sipsak_registers(switch):
    done = run("sipsak", "-U", "-s", f"sip:peer0@127.0.0.1:{switch.port}", "-u", "peer0", "-a", "pw-peer0",
               "-C", "sip:peer0@127.0.0.1:15999", "-x", "600", "-v")
    assert done.returncode == 0, done.stdout
    assert switch.registered("peer0")


@missing("turnutils_stunclient")
def test_a_stun_client_learns_its_address(switch):
    done = run("turnutils_stunclient", "-p", str(switch.port), "127.0.0.1")
    assert done.returncode == 0 and re.search(rb"reflexive addr: 127\.0\.0\.1:\d+", done.stdout + done.stderr), done


@pytest.fixture
def story(switch, sipp, tmp_path):
    """The pcap of a call that came over TCP and left over UDP."""
    trunk = sipp.trunk(scenarios.TRUNK, 1)
    code, errors = sipp.caller(scenarios.CALL, USERS, transport="t1")
    trunk.kill()
    trunk.wait()
    assert code == 0, errors
    switch.settled(1)
    answer = switch.request("GET", f"/mvapireq/?apientry=story&callid=1&format=pcap&{switch.as_admin}")
    path = tmp_path / "story.pcap"
    path.write_bytes(answer.bytes)
    return path


@needed
@missing("tshark")
def test_tshark_reads_the_story_of_a_call(switch, story):
    done = run("tshark", "-r", story, "-d", f"udp.port=={switch.port},sip", "-d", f"tcp.port=={switch.port},sip",
               "-T", "fields", "-e", "sip.Method", "-e", "sdp.media", "-e", "_ws.malformed")
    rows = [line.split("\t") for line in done.stdout.decode().splitlines()]
    assert [row[0] for row in rows if row[0]] == ["INVITE", "ACK", "INVITE", "INVITE", "ACK", "ACK", "BYE", "BYE"]
    assert sum(["audio" in row[1] for row in rows]) == 5        # offered twice and to the trunk, answered twice
    assert not any([row[2] for row in rows])


@needed
@missing("sngrep")
def test_sngrep_finds_both_dialogs_of_a_story(story):
    done = run("sngrep", "-F", "-N", "-I", story)
    assert b"Dialog count: 2" in done.stdout, done.stdout
