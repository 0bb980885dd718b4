"""Copies for a collector: what they say, when they stop, and that nothing waits for them."""

import shutil
import socket
import struct
import subprocess
import time
from types import SimpleNamespace

import pytest

from mizu.base.errors import NotReached
from mizu.base.task import Future
from mizu.calls.story import Stories
from mizu.net.sender import Sender
from mizu.serve.hepport import HepPort, place

OURS, THEIRS = ("192.0.2.9", 5060), ("198.51.100.1", 5070)
INVITE = b"INVITE sip:b@192.0.2.9 SIP/2.0\r\n\r\n"


class Collector(HepPort):
    """A port whose sender keeps packets; `names` are what is resolved, an exception if nobody knows."""

    def __init__(self, server=""):
        self.names = {"homer": ["192.0.2.60"]}
        self.lines, self.opened, self.packets = [], [], []
        self.full = False
        clock = SimpleNamespace(now=lambda: 1700000000.25)
        super().__init__(SimpleNamespace(hepserver=server, domain="voip.example.com"), Stories(clock), self._find,
                         SimpleNamespace(warning=self.lines.append), self._open)
        self.reload()

    def set(self, server):
        self.settings.hepserver = server
        self.reload()

    def _find(self, name):
        future, found = Future(), self.names.get(name, [name])
        future.fail(found) if isinstance(found, Exception) else future.set(found)
        return future

    def _open(self, host, port):
        self.opened.append((host, port))
        return SimpleNamespace(send=lambda data: not self.full and (self.packets.append(data) or True),
                               close=lambda: self.opened.remove((host, port)))

    def tell(self, method="INVITE", data=INVITE, outgoing=False, call_id="c1", **facts):
        flow = SimpleNamespace(**{"transport": "UDP", "local": OURS, "host": THEIRS[0], "port": THEIRS[1], **facts})
        message = SimpleNamespace(call_id=call_id, method=method, status=0, fields={})
        self.stories.heard(message, flow, data, outgoing)


def chunks(packet):
    """{type: value} by a second, plain reader."""
    assert packet[:4] == b"HEP3" and int.from_bytes(packet[4:6], "big") == len(packet)
    found, at = {}, 6
    while at < len(packet):
        vendor, type, length = struct.unpack_from("!HHH", packet, at)
        assert vendor == 0 and type not in found
        found[type] = packet[at + 6:at + length]
        at += length
    assert at == len(packet)
    return found


@pytest.mark.parametrize("text, wanted", [
    ("homer", ("homer", 9060)), ("homer:9061", ("homer", 9061)), ("192.0.2.1", ("192.0.2.1", 9060)),
    ("2001:db8::1", ("2001:db8::1", 9060)), ("[2001:db8::1]:9061", ("2001:db8::1", 9061)),
    (" [2001:db8::1] ", ("2001:db8::1", 9060)), ("", None), (":9060", None), ("homer:", None), ("homer:x", None),
    ("homer:0", None), ("homer:65536", None), ("[::1]9060", None), ("[::1]:", ("::1", 9060))])
def test_a_setting_names_host_and_port(text, wanted):
    assert place(text) == wanted


def test_a_message_says_who_sent_it_when_and_to_whose_call_it_belongs():
    port = Collector("homer")
    port.tell()
    port.tell(data=b"SIP/2.0 100 Trying\r\n\r\n", outgoing=True, transport="TLS")
    first, second = map(chunks, port.packets)
    source, target = bytes((198, 51, 100, 1)), bytes((192, 0, 2, 9))
    assert (first[3], first[4], first[7], first[8]) == (source, target, struct.pack("!H", 5070), struct.pack("!H", 5060))
    assert (second[3], second[4]) == (target, source) and (first[2], second[2]) == (b"\x11", b"\x06")
    assert first[9] == struct.pack("!I", 1700000000) and first[10] == struct.pack("!I", 250000)
    assert first[11] == b"\x01" and first[15] == INVITE and first[17] == b"c1" and first[19] == b"voip.example.com"
    assert port.sent == 2 and not port.dropped


def test_a_decision_is_a_log_line_of_the_same_call():
    port = Collector("homer")
    port.tell()
    port.stories.open("c1", 7)
    port.stories.note("c1", "the caller is alice")
    note = chunks(port.packets[1])
    assert note[11] == b"\x64" and note[15] == b"the caller is alice" and note[17] == b"c1"
    assert note[3] == bytes((192, 0, 2, 9)) and note[4] == bytes((198, 51, 100, 1))
    port.stories.open("api", 8)
    port.stories.note("api", "begun")
    assert chunks(port.packets[2])[3] == bytes(4)


def test_without_a_setting_nobody_listens():
    port = Collector()
    assert not port.stories.observers
    port.tell()
    port.tick()
    assert not port.packets and not port.opened


def test_a_changed_setting_holds_at_once():
    port = Collector("homer")
    port.set("homer:9061")
    assert port.opened == [("192.0.2.60", 9061)] and port.stories.observers == [port]
    port.set("homer:9061")
    assert port.opened == [("192.0.2.60", 9061)]
    port.set("")
    assert not port.opened and not port.stories.observers
    port.set("nonsense:port")
    assert not port.stories.observers and port.lines == ["hepserver nonsense:port is no host:port, no copies are sent"]


def test_a_collector_that_moves_is_followed_within_a_minute_and_one_that_is_lost_kept():
    port = Collector("homer")
    port.names["homer"] = ["192.0.2.61"]
    for _ in range(60):
        port.tick()
    assert port.opened == [("192.0.2.61", 9060)]
    for found in (NotReached(502, "no server says"), []):
        port.names["homer"] = found
        for _ in range(120):
            port.tick()
    assert port.opened == [("192.0.2.61", 9060)]
    assert port.lines == ["hepserver: no server says", "hepserver homer has no address"]


def test_a_name_that_is_not_known_yet_is_asked_for_again():
    port = Collector()
    port.names["homer"] = NotReached(502, "no server says")
    port.set("homer")
    port.tell()
    assert port.dropped == 1 and not port.opened
    port.names["homer"] = ["192.0.2.60"]
    port.tick()
    port.tell()
    assert len(port.packets) == 1


def test_what_cannot_be_sent_is_dropped_without_a_word():
    port = Collector("homer")
    port.full = True
    port.tell()
    port.full = False
    port.tell(host="no address")
    port.tell(host="2001:db8::1")
    assert (port.sent, port.dropped) == (1, 2) and chunks(port.packets[0])[1] == b"\x0a"


@pytest.mark.interop
@pytest.mark.skipif(shutil.which("sngrep") is None, reason="sngrep is not installed")
def test_sngrep_reads_it(tmp_path):
    """It is told again and again, as it does not say from when on it listens."""
    port, path = Collector("homer"), tmp_path / "seen.pcap"
    port.tell(data=INVITE[:-2] + b"Via: SIP/2.0/UDP 198.51.100.1:5070;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
              b"To: <sip:b@b>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        place = free.getsockname()
    sngrep = subprocess.Popen(["sngrep", "-N", "-q", "-L", "udp:%s:%d" % place, "-O", path], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={"TERM": "xterm", "PATH": "/usr/bin"})
    try:
        sender = Sender(*place)
        for _ in range(100):
            sender.send(port.packets[0])
            if path.exists() and b"INVITE sip:b" in path.read_bytes():
                break
            time.sleep(0.1)
        sender.close()
    finally:
        sngrep.terminate()
        sngrep.wait(10)
    assert bytes((198, 51, 100, 1, 192, 0, 2, 9)) in path.read_bytes() and b"INVITE sip:b" in path.read_bytes()
