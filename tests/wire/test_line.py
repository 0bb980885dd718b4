"""Lines in, whatever the pieces they come in."""

import json
import random

import pytest

from mizu.base.errors import RemoteProtocolError
from mizu.wire.line import LineParser, render_line


def collect(parser, pieces):
    """All lines, then 413 if the parser refused."""
    lines = []
    for piece in pieces:
        try:
            lines += parser.feed(piece)
        except RemoteProtocolError as error:
            return lines + [error.status]
    try:
        return lines + parser.feed(b"")
    except RemoteProtocolError as error:
        return lines + [error.status]


def test_cr_lf_or_lf_ends_a_line_and_the_rest_waits():
    parser = LineParser()
    assert parser.feed(b"one\r\ntwo\n\r\nthr") == ["one", "two", ""]
    assert parser.pending
    assert parser.feed(b"ee\r") == []
    assert parser.feed(b"\n") == ["three"]
    assert not parser.pending


def test_a_line_is_utf8_and_latin1_where_it_is_not():
    assert LineParser().feed("é\n".encode()) == ["é"]
    assert LineParser().feed(b"\xe9\xc3\xa9\n") == ["éé"]


def test_nul_iac_and_a_lone_cr_pass_through():
    assert LineParser().feed(b"a\0b\xff\rc\n") == ["a\0bÿ\rc"]


def test_the_end_of_the_stream_gives_the_last_line():
    parser = LineParser()
    parser.feed(b"a\nversion")
    assert parser.finish() == ["version"]
    assert parser.finish() == []


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_may_have_the_limit_and_no_more(end):
    assert LineParser(4).feed(b"abcd" + end) == ["abcd"]
    with pytest.raises(RemoteProtocolError) as fault:
        LineParser(4).feed(b"abcde" + end)
    assert fault.value.status == 413


def test_an_endless_line_is_refused_before_its_end_and_holds_nothing():
    parser = LineParser(4)
    assert parser.feed(b"abcd\r") == []
    with pytest.raises(RemoteProtocolError):
        parser.feed(b"e")
    assert not parser.pending
    with pytest.raises(RemoteProtocolError):
        parser.feed(b"\nversion\n")


def test_what_came_before_a_line_over_the_limit_is_not_lost():
    parser = LineParser(4)
    assert parser.feed(b"one\nabcdefgh\n") == ["one"]
    with pytest.raises(RemoteProtocolError):
        parser.feed(b"")


REQUEST = {"apientry": "sms", "txt": 'a } "quoted" \\ [ {', "list": [1, [2, {}]]}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_json_printed_over_several_lines_is_one_request(newline, step):
    text = json.dumps(REQUEST, indent=2).replace("\n", newline)
    data = (f"first{newline}{text}{newline}[1,{newline}2]{newline}last{newline}").encode()
    pieces = [data[at:at + step] for at in range(0, len(data), step)]
    assert collect(LineParser(), pieces) == ["first", text, f"[1,{newline}2]", "last"]


def test_brackets_elsewhere_than_at_the_beginning_open_nothing():
    assert LineParser().feed(b"a={\n<{\n{}\n[x]\n") == ["a={", "<{", "{}", "[x]"]


def test_an_open_string_ends_with_its_line():
    assert LineParser().feed(b'{"a": "b\n}\nversion\n') == ['{"a": "b\n}', "version"]


def test_json_that_never_closes_meets_the_limit():
    assert collect(LineParser(10), [b"{\n"] * 4) == []
    assert collect(LineParser(10), [b"{\n"] * 6) == [413]


def test_an_answer_ends_with_one_crlf_and_so_does_each_of_its_lines():
    assert render_line("OK") == b"OK\r\n"
    assert render_line("a\nb\r\nc\rd\n\n") == b"a\r\nb\r\nc\r\nd\r\n"
    assert render_line("") == b"\r\n"
    assert render_line("\ud800é") == "?é\r\n".encode()


def text_of(octets):
    """UTF-8, and Latin-1 for each octet that is no part of it."""
    text = ""
    while octets:
        for size in (1, 2, 3, 4):
            try:
                text += octets[:size].decode()
                break
            except UnicodeDecodeError:
                pass
        else:
            size = 1
            text += chr(octets[0])
        octets = octets[size:]
    return text


def oracle(data, limit):
    """The whole input at once, a character at a time."""
    lines, request, depth, quoted, escaped = [], b"", 0, False, False
    for byte in data:
        char = bytes([byte])
        if char == b"\n":
            quoted = escaped = False
            if depth <= 0:
                request = request[:-1] if request.endswith(b"\r") else request
                if len(request) > limit:
                    return lines + [413]
                lines.append(text_of(request))
                request, depth = b"", 0
                continue
        request += char
        if len(request) > limit + request.endswith(b"\r"):
            return lines + [413]
        if request[0] not in b"{[" or char == b"\n":
            continue
        if quoted:
            if escaped:
                escaped = False
            elif char == b"\\":
                escaped = True
            elif char == b'"':
                quoted = False
        elif char == b'"':
            quoted = True
        else:
            depth += (char in b"{[") - (char in b"}]")
    return lines


def test_mutated_streams_give_the_oracles_lines_in_whatever_pieces():
    rng = random.Random(5)
    bits = [b"\n", b"\r\n", b"\r", b"{", b"}", b"[", b"]", b'"', b"\\", b"a", b" ", b"\xc3\xa9", b"\xe9", b"\0",
            b"\xff", b'{"a":\n"}"}\r\n', b"version\r\n", b"x" * 9]
    requests = refused = 0
    for _ in range(20_000):
        data = b"".join(rng.choices(bits, k=rng.randrange(24)))
        limit = rng.choice([5, 12, 1000])
        expected = oracle(data, limit)
        cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(6)))
        pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]
        assert collect(LineParser(limit), pieces) == expected, (data, limit, pieces)
        requests += len(expected)
        refused += expected[-1:] == [413]
    assert requests > 20_000 and refused > 1000


def test_many_small_pieces_of_a_long_request_are_scanned_once():
    parser, size = LineParser(1 << 20), 1 << 18
    assert collect(parser, [b'{"a":"'] + [b"xxxx"] * (size // 4) + [b'"\n', b"}\n"])[0].count("x") == size
    assert len(collect(LineParser(1 << 20), [b"[\n" * 5000 + b"]\n" * 5000])) == 1
