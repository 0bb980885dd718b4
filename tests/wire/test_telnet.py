"""Telnet under the console: clean data, polite and short answers."""

import random

import pytest

from mizu.wire.telnet import (AO, AYT, BRK, DM, DO, DONT, EC, ECHO, EL, GA, IAC, IP, NAWS, NEGOTIATION, NO, NOP,
                              REFUSED, SB, SE, SGA, WANTYES, WILL, WONT, YES, Telnet)

ACCEPT = bytes([IAC, DO, ECHO, IAC, DO, SGA, IAC, WILL, SGA, IAC, WILL, NAWS])
SIZE = bytes([IAC, SB, NAWS, 0, 132, 0, 43, IAC, SE])


def test_the_offer_asks_once_for_character_mode_and_size():
    telnet = Telnet()
    assert telnet.offer() == bytes([IAC, WILL, ECHO, IAC, WILL, SGA, IAC, DO, SGA, IAC, DO, NAWS])
    assert telnet.offer() == b""


def test_character_mode_begins_when_echo_and_sga_are_accepted():
    telnet = Telnet()
    telnet.offer()
    assert not telnet.character_mode
    assert telnet.feed(ACCEPT[:3]) == (b"", b"") and not telnet.character_mode
    assert telnet.feed(ACCEPT[3:]) == (b"", b"") and telnet.character_mode
    assert telnet.feed(bytes([IAC, DONT, ECHO])) == (b"", bytes([IAC, WONT, ECHO]))
    assert not telnet.character_mode


def test_a_terminal_that_refuses_stays_in_line_mode():
    telnet = Telnet()
    telnet.offer()
    assert telnet.feed(bytes([IAC, DONT, ECHO, IAC, DONT, SGA, IAC, WONT, SGA, IAC, WONT, NAWS])) == (b"", b"")
    assert not telnet.character_mode


def test_the_size_of_the_window_is_believed_within_reason():
    telnet = Telnet()
    assert (telnet.width, telnet.height) == (80, 24)
    telnet.feed(SIZE)
    assert (telnet.width, telnet.height) == (132, 43)
    telnet.feed(bytes([IAC, SB, NAWS, 0, IAC, IAC, 0, 50, IAC, SE]))
    assert (telnet.width, telnet.height) == (255, 50)
    telnet.feed(bytes([IAC, SB, NAWS, 0, 0, 0, 0, IAC, SE]))
    assert (telnet.width, telnet.height) == (80, 24)
    telnet.feed(bytes([IAC, SB, NAWS, 200, 0, 0, 1, IAC, SE]))
    assert (telnet.width, telnet.height) == (512, 1)


@pytest.mark.parametrize("sent, got", [
    (b"a\r\nb\r\0c\rd\ne", b"a\nb\nc\nd\ne"),
    (b"a\r\r\n", b"a\n\n"),
    (bytes([IAC, IAC]), b"\xff"),
    (bytes([IAC, IP, IAC, BRK, IAC, EC, IAC, EL]), b"\x03\x03\x7f\x15"),
    (bytes([IAC, NOP, IAC, GA, IAC, DM, IAC, AO, IAC, SE, IAC, 7]), b""),
    (bytes([IAC, SB, 24, 0]) + b"x" * 1000 + bytes([IAC, SE]) + b"y", b"y"),
    (bytes([IAC, SB, 24, IAC, NOP]) + b"y", b"y"),
])
def test_commands_become_keys_or_nothing(sent, got):
    assert Telnet().feed(sent)[0] == got


def test_are_you_there_is_answered_once_a_burst():
    assert Telnet().feed(bytes([IAC, AYT])) == (b"", b"[yes]\r\n")
    assert Telnet().feed(bytes([IAC, AYT] * 100)) == (b"", b"[yes]\r\n")


def test_what_is_sent_has_iac_doubled_and_no_lone_cr():
    assert Telnet.escape(b"a\xffb") == b"a\xff\xffb"
    assert Telnet.escape(b"a\r\nb\rc") == b"a\r\nb\r\0c"


def test_an_option_we_lack_is_refused_once():
    telnet = Telnet()
    assert telnet.feed(bytes([IAC, DO, 99]))[1] == bytes([IAC, WONT, 99])
    assert telnet.feed(bytes([IAC, WILL, 24]))[1] == bytes([IAC, DONT, 24])
    assert telnet.feed(bytes([IAC, DO, 99, IAC, DONT, 99, IAC, DO, 99, IAC, WILL, 24, IAC, WONT, 24]))[1] == b""


def test_an_option_asked_for_before_the_offer_is_agreed_and_not_offered_again():
    telnet = Telnet()
    assert telnet.feed(bytes([IAC, DO, ECHO])) == (b"", bytes([IAC, WILL, ECHO]))
    assert telnet.offer() == bytes([IAC, WILL, SGA, IAC, DO, SGA, IAC, DO, NAWS])


def test_two_of_us_talking_to_each_other_fall_silent():
    one, two = Telnet(), Telnet()
    said = one.offer() + two.offer()
    for _ in range(4):
        said = two.feed(one.feed(said)[1])[1]
    assert said == b""


def test_every_cell_of_the_table_is_decided_or_cannot_be():
    impossible = {(state, on, supported) for on in (True, False)
                  for state, supported in ((WANTYES, False), (YES, False), (REFUSED, True))}
    cells = {(state, on, supported) for state in (NO, WANTYES, YES, REFUSED)
             for on in (True, False) for supported in (True, False)}
    assert set(NEGOTIATION) == cells - impossible
    for (state, on, supported), (after, answer) in NEGOTIATION.items():
        assert (after, not on, supported) in NEGOTIATION
        assert answer is None or after != state, "an answer only to a change"


def oracle(data):
    """The data alone, a byte at a time."""
    out, at = bytearray(), 0
    while at < len(data):
        byte, following = data[at], data[at + 1:at + 2]
        at += 1
        if byte == 13:
            out += b"\n"
            at += following in (b"\0", b"\n")
        elif byte != 255:
            out.append(byte)
        else:
            at += 1
            command = following[0] if following else 0
            if command == SB:
                while at < len(data):
                    if data[at] != 255:
                        at += 1
                    elif data[at + 1:at + 2] == b"\xff":
                        at += 2
                    else:
                        at += 2 if data[at + 1:at + 2] == bytes([SE]) else 0
                        break
            elif command in (WILL, WONT, DO, DONT):
                at += 1
            elif command == IAC:
                out.append(IAC)
            else:
                out += {IP: b"\x03", BRK: b"\x03", EC: b"\x7f", EL: b"\x15"}.get(command, b"")
    return bytes(out)


def test_mutated_streams_give_the_oracles_data_in_whatever_pieces():
    rng = random.Random(6)
    bits = [bytes([IAC]), bytes([IAC, SB]), bytes([IAC, SE]), bytes([IAC, SB, NAWS, 0]), SIZE, ACCEPT, b"\r", b"\n",
            b"\0", b"text", bytes([IAC, DO]), bytes([IAC, DONT]), bytes([IAC, WILL]), bytes([IAC, WONT]), bytes([ECHO]),
            bytes([SGA]), bytes([IAC, EC]), bytes([IAC, AYT]), b"\xc3\xa9"]
    clean_bytes = 0
    for _ in range(20_000):
        data = b"".join(rng.choices(bits, k=rng.randrange(16)) + [bytes([rng.randrange(256)])])
        whole, parts = Telnet(), Telnet()
        clean, reply = whole.feed(data)
        assert clean == oracle(data), data
        assert len(reply) <= 7 * len(data) // 2
        pieces, at = [], 0
        while at < len(data):
            size = rng.randrange(1, 6)
            pieces.append(parts.feed(data[at:at + size]))
            at += size
        assert b"".join(piece[0] for piece in pieces) == clean
        assert b"".join(piece[1] for piece in pieces).replace(b"[yes]\r\n", b"") == reply.replace(b"[yes]\r\n", b"")
        assert (whole.width, whole.height, whole.character_mode) == (parts.width, parts.height, parts.character_mode)
        clean_bytes += len(clean)
    assert clean_bytes > 100_000


def test_any_data_survives_escape_and_feed():
    rng = random.Random(7)
    for _ in range(1000):
        data = rng.randbytes(20).replace(b"\r", b"")
        assert Telnet().feed(Telnet.escape(data)) == (data, b"")
