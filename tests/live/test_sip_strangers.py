"""Strangers over SIP, and what a collector hears: the running program from an address that nobody trusts."""

import select
import socket

import pytest

from mizu.wire.stun import BINDING, REQUEST, render

from .harness import Server
from .sipsocket import SipSocket
from .test_load import STRANGER, needs_stranger

pytestmark = pytest.mark.live


@pytest.fixture
def strict(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(10)
        server = Server(tmp_path / "data", "--set", "allowtrustedip=0",
                        "--set", f"hepserver=127.0.0.1:{collector.getsockname()[1]}")
        server.collector = collector
        server.api("adduser", u_username="ann", u_password="pw-ann-pw", u_credit="5")
        yield server
        server.stop()


class Far(SipSocket):
    """The same from an address that is not the loopback's."""

    def __init__(self, port, user="", password=""):
        super().__init__(port, user, password)
        self.socket.close()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((STRANGER, 0))
        self.socket.settimeout(5)
        self.host, self.own = self.socket.getsockname()
        self.target = (STRANGER, port)

    def answers(self, wait=0.5):
        """How many are there, until none comes for so long."""
        count = 0
        while select.select([self.socket], [], [], wait)[0]:
            self.socket.recv(65536)
            count += 1
        return count


def test_a_collector_gets_a_copy_of_what_comes_and_goes(strict):
    with SipSocket(strict.port, "ann", "pw-ann-pw") as phone:
        assert phone.ask("REGISTER", fields=(("Expires", "60"),)).status == 200
    copies = [strict.collector.recv(65536) for _ in range(4)]
    assert all(copy.startswith(b"HEP3") for copy in copies)
    assert [b"REGISTER sip:127.0.0.1 SIP/2.0" in copy for copy in copies] == [True, False, True, False]
    assert b"SIP/2.0 401 " in copies[1] and b"SIP/2.0 200 OK" in copies[3]


@needs_stranger
def test_a_flood_is_cut_and_the_telephones_of_others_do_not_notice(strict):
    with Far(strict.port) as flood, SipSocket(strict.port, "ann", "pw-ann-pw") as phone:
        for number in range(1500):
            flood.send(flood.request("INVITE", "ann"))
            if number % 500 == 250:
                assert phone.ask("REGISTER", fields=(("Expires", "60"),)).status == 200
        assert 100 <= flood.answers() < 700


@needs_stranger
def test_keep_alives_of_one_stranger_are_answered_within_the_limit_of_requests(strict):
    with Far(strict.port) as flood:
        for _ in range(1500):
            flood.socket.sendto(render(REQUEST, BINDING, bytes(12)), flood.target)
        assert 100 <= flood.answers() < 700


@needs_stranger
def test_guessing_passwords_bans_an_address(strict):
    with Far(strict.port, "ann", "wrong") as guesser:
        for _ in range(10):
            assert guesser.ask("REGISTER").status == 401
        guesser.send(guesser.request("OPTIONS"))
        assert guesser.answers() == 0
        assert STRANGER in str(strict.api("bannedlist"))
    strict.api("delbanned", ip="all")
    with Far(strict.port, "ann", "pw-ann-pw") as phone:
        assert phone.ask("REGISTER", fields=(("Expires", "60"),)).status == 200
