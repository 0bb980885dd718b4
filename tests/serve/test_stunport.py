"""Binding requests: who asks is told from where, and nothing else is ever said."""

import pytest

from mizu.serve.stunport import MOST, StunPort, answer_to
from mizu.wire.stun import (BINDING, ERROR, ERROR_CODE, FINGERPRINT, INDICATION, REQUEST, SOFTWARE, SUCCESS,
                            UNKNOWN_ATTRIBUTES, USERNAME, XOR_MAPPED_ADDRESS, parse, read_error_code, read_xor_mapped,
                            render)

ID = bytes(range(12))
HOST, PORT = "203.0.113.9", 40001
ASKED = render(REQUEST, BINDING, ID)


class Local:
    def __init__(self):
        self.sent = []

    def send(self, data, addr):
        self.sent.append((data, addr))


def test_who_asks_is_told_from_where_and_nothing_more():
    for host in (HOST, "2001:db8::7"):
        answer = parse(answer_to(ASKED, host, PORT))
        assert (answer.kind, answer.method, answer.id) == (SUCCESS, BINDING, ID)
        assert [type for type, _ in answer.attributes] == [XOR_MAPPED_ADDRESS]
        assert read_xor_mapped(answer.get(XOR_MAPPED_ADDRESS), ID) == (host, PORT)


def test_an_answer_has_a_fingerprint_where_the_request_had_one():
    assert parse(answer_to(render(REQUEST, BINDING, ID, fingerprint=True), HOST, PORT)).get(FINGERPRINT)
    assert parse(answer_to(ASKED, HOST, PORT)).get(FINGERPRINT) is None
    broken = render(REQUEST, BINDING, ID, fingerprint=True)[:-1] + b"\0"
    assert answer_to(broken, HOST, PORT) is None


def test_what_must_be_understood_and_is_not_is_named():
    answer = parse(answer_to(render(REQUEST, BINDING, ID, [(3, bytes(4)), (0x24, bytes(4)), (USERNAME, b"u"),
                                                           (SOFTWARE, b"s")]), HOST, PORT))
    assert answer.kind == ERROR and read_error_code(answer.get(ERROR_CODE)) == (420, "")
    assert answer.get(UNKNOWN_ATTRIBUTES) == b"\0\3\0\x24" and answer.get(XOR_MAPPED_ADDRESS) is None


@pytest.mark.parametrize("data", [
    render(INDICATION, BINDING, ID), render(SUCCESS, BINDING, ID), render(ERROR, BINDING, ID), render(REQUEST, 3, ID),
    ASKED[:-1], ASKED + b"\0", b"\r\n" + ASKED, answer_to(ASKED, HOST, PORT)])
def test_what_is_no_binding_request_gets_no_answer(data):
    assert answer_to(data, HOST, PORT) is None


@pytest.mark.parametrize("fingerprint", [False, True])
@pytest.mark.parametrize("host, more", [(HOST, 12), ("2001:db8::7", 24)])
def test_an_answer_is_longer_by_the_address_at_most(host, more, fingerprint):
    for count in range(100):
        unknown = [(0x100 + each, b"") for each in range(count)]
        asked = render(REQUEST, BINDING, ID, unknown, fingerprint=fingerprint)
        assert len(answer_to(asked, host, PORT)) <= len(asked) + more


def test_the_answer_goes_where_the_question_came_from():
    port, local, addr = StunPort(lambda host, data: host == HOST), Local(), ("::ffff:" + HOST, PORT, 0, 0)
    port.datagram(ASKED, addr, local)
    assert local.sent == [(answer_to(ASKED, HOST, PORT), addr)] and (port.answered, port.dropped) == (1, 0)


def test_who_is_not_admitted_and_what_is_too_long_is_dropped():
    asked, local = [], Local()
    port = StunPort(lambda host, data: asked.append(host))
    port.datagram(ASKED, (HOST, PORT), local)
    port.datagram(render(REQUEST, BINDING, ID, [(SOFTWARE, bytes(MOST))]), (HOST, PORT), local)
    assert asked == [HOST] and not local.sent and port.dropped == 2
