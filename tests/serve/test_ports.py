"""Which ports are opened, and what happens to those that cannot be had."""

import socket

import pytest

from mizu.base.clock import Clock
from mizu.base.log import Log
from mizu.net.bind import PortTaken
from mizu.net.reactor import Reactor
from mizu.net.streams import StreamSet
from mizu.serve import ports as module
from mizu.serve.ports import Ports
from mizu.store.settings import Settings


class Told(Log):
    """The sentences an administrator reads."""

    def __init__(self):
        super().__init__(stderr=None)
        self.warnings = []

    def warning(self, event, **facts):
        self.warnings.append(event)


@pytest.fixture
def make():
    """make(setting, …) -> Ports, and all of them closed at the end."""
    made = []

    def make(*sets):
        reactor = Reactor(Clock())
        made.append(Ports(reactor, StreamSet(reactor), Settings.load(sets), Told()))
        return made[-1]
    yield make
    for ports in made:
        ports.close()
        ports.reactor.close()


def main(ports, inherited=()):
    ports.open_main(lambda stream: None, lambda *datagram: None, inherited)
    return ports.opened


def udp_alone():
    """A UDP socket whose number no TCP connection has either, not even one that waits out its time."""
    while True:
        udp = socket.socket(type=socket.SOCK_DGRAM)
        udp.bind(("0.0.0.0", 0))
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", udp.getsockname()[1]))
                return udp
            except OSError:
                udp.close()


@pytest.fixture
def taken():
    """(a TCP port somebody has, a UDP port somebody has), of IPv4."""
    tcp, udp = socket.socket(), udp_alone()
    tcp.bind(("0.0.0.0", 0))
    tcp.listen()
    yield tcp.getsockname()[1], udp.getsockname()[1]
    tcp.close()
    udp.close()


def test_a_free_port_has_the_same_number_for_tcp_and_udp(make):
    opened = main(make("mainaport=0"))
    assert opened["main"] == opened["udp"] > 0


def test_udp_may_have_a_port_of_its_own(make):
    opened = main(make("mainaport=auto", "mainaportudp=auto"))
    assert opened["udp"] > 0
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("0.0.0.0", 0))
        free = probe.getsockname()[1]
    assert main(make("mainaport=0", f"mainaportudp={free}"))["udp"] == free


def test_a_chosen_port_that_is_taken_ends_the_start(make, taken):
    with pytest.raises(PortTaken):
        main(make(f"mainaport={taken[0]}"))


def test_what_chooses_another_port_is_named(make, taken):
    for sets, says in (([f"mainaport={taken[0]}"], "with --port"),
                       (["mainaport=0", f"mainaportudp={taken[1]}"], "with the setting mainaportudp")):
        with pytest.raises(PortTaken) as refused:
            main(make(*sets))
        assert str(refused.value).endswith("; choose another one " + says)
    for setting in ("adminport", "sslportmain", "httpserver"):
        with pytest.raises(PortTaken) as refused:
            make(f"{setting}={taken[0]}").open_secondary("x", setting, None)
        assert str(refused.value).endswith(f"; choose another one with the setting {setting}")


def test_a_chosen_port_whose_udp_is_taken_opens_nothing(make, taken):
    ports = make(f"mainaport={taken[1]}")
    with pytest.raises(PortTaken):
        main(ports)
    assert ports.opened == {}
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("0.0.0.0", taken[1]))
        again.listen()


def test_one_that_nobody_chose_gives_way_with_a_warning(make, taken, monkeypatch):
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        monkeypatch.setattr(module, "FALLBACK", probe.getsockname()[1])
    for port in taken:
        ports = make()
        ports.settings.mainaport = port
        assert main(ports)["main"] == module.FALLBACK and "choose" not in ports.log.warnings[0]
        assert ports.log.warnings[0].endswith(f": port {module.FALLBACK} is opened instead")
        ports.close()


def test_no_main_port_when_it_is_switched_off(make):
    assert main(make("usemainaport=0")) == {}


def test_a_secondary_port_may_be_off_free_or_chosen(make, taken):
    assert make("adminport=0").open_secondary("console", "adminport", None) is None
    assert make("adminport=auto").open_secondary("console", "adminport", None) > 0
    ports = make("mainaport=0")
    assert ports.open_secondary("console", "adminport", None) not in (None, 8090)
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        free = probe.getsockname()[1]
    assert make("mainaport=0", f"adminport={free}").open_secondary("console", "adminport", None) == free
    with pytest.raises(PortTaken):
        make(f"adminport={taken[0]}").open_secondary("console", "adminport", None)


def test_a_secondary_port_that_nobody_chose_is_left_out_with_a_warning(make, taken):
    ports = make()
    ports.settings.adminport = taken[0]
    assert ports.open_secondary("console", "adminport", None) is None and "adminport" in ports.log.warnings[0]


def test_a_listening_socket_that_was_inherited_is_the_main_port(make):
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    number = listening.getsockname()[1]
    opened = main(make("mainaport=1"), [listening.detach()])
    assert opened["main"] == opened["udp"] == number


def test_what_is_closed_can_be_had_again(make):
    ports = make("mainaport=0")
    number = main(ports)["main"]
    ports.close()
    assert ports.opened == {} and main(make(f"mainaport={number}"))["main"] == number


def sip(ports):
    ports.open_sip(lambda stream: None, lambda *datagram: None)
    return ports.opened


def test_the_ports_of_sip_are_tcp_and_udp_and_the_first_ones_to_send_from(make):
    ports = make("mainaport=0")
    main(ports)
    opened = sip(ports)
    assert opened["sip"] not in (opened["main"], 5060) and ports.datagram_ports[0].address[1] == opened["sip"]
    assert {local.address[1] for local in ports.locals} == {opened["main"], opened["sip"]}
    many = sip(make("sipports=auto,auto"))
    assert set(many) == {"sip", "sip2"}
    assert sip(make("mainaport=0", "sipports=0")) == {}


def test_the_main_port_is_not_opened_again_for_sip(make):
    ports = make("mainaport=0")
    number = main(ports)["main"]
    ports.settings.sipports, ports.settings.port_zero = (number,), False
    assert "sip" not in sip(ports)


def test_a_port_of_sip_that_is_taken_ends_the_start_only_if_it_was_chosen(make, taken):
    for port in taken:
        with pytest.raises(PortTaken) as refused:
            sip(make(f"sipports={port}"))
        assert str(refused.value).endswith("; choose another one with the setting sipports")
        ports = make()
        ports.settings.sipports = (port,)
        assert sip(ports) == {} and "sipports" in ports.log.warnings[0] and not ports.locals


def test_datagrams_go_on_when_no_more_connections_are_taken(make):
    ports = make("mainaport=0")
    number = main(ports)["main"]
    ports.stop_listening()
    assert [local.address[1] for local in ports.locals if local.address[0] == "0.0.0.0"] == [number]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", number))
