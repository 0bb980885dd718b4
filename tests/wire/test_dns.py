"""DNS messages (RFC 1035) against a second reader, and what a name may be."""

import random

import pytest

from mizu.base.errors import RemoteProtocolError
from mizu.wire.dns import A, AAAA, CNAME, NAPTR, SOA, SRV, parse, pack_name, render_question

from .plain_dns import Refused, Writer, read

QUESTION = ("_sip._udp.example.com", SRV)
ROWS = [
    ("_sip._udp.example.com", CNAME, 60, "sip.example.com"), ("sip.example.com", SRV, 3600, (10, 60, 5060, "a.example.com")),
    ("sip.example.com", SRV, 3600, (20, 0, 5070, "")), ("a.example.com", A, 300, "192.0.2.7"),
    ("a.example.com", AAAA, 300, "2001:db8::7"),
    ("example.com", NAPTR, 90, (50, 50, "s", "SIPS+D2T", "", "_sips._tcp.example.com")),
    ("example.com", NAPTR, 90, (90, 1, "u", "E2U+sip", "!^.*$!sip:x@y!", ""))]


def facts(answer):
    """What is compared with the plain reader."""
    rows = [[(each.name, each.kind, each.ttl, each.data) for each in part] for part in (answer.answers, answer.authority)]
    return answer.id, answer.rcode, answer.truncated, answer.question, *rows


def test_a_question_is_as_rfc_1035_draws_it():
    plain = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0" + b"\7example\3com\0" + b"\0\x01\0\x01"
    assert render_question(0x1234, "example.com", A, edns=False) == plain
    assert render_question(0x1234, "example.com.", A) == plain[:11] + b"\1" + plain[12:] + b"\0\0\x29\x04\xd0" + bytes(6)


def test_records_of_every_kind_are_read_with_their_names_compressed():
    data = Writer().answer(7, QUESTION, ROWS, [("example.com", SOA, 500, 60)])
    assert facts(parse(data)) == (7, 0, False, QUESTION, ROWS, [("example.com", SOA, 500, 60)])
    assert len(data) < 380


def test_names_are_compared_in_lower_case_and_a_dot_in_a_label_stays_one():
    data = Writer().answer(7, ("EXAMPLE.com", A), [("Example.COM", A, 5, "192.0.2.1")])
    assert parse(data).question[0] == parse(data).answers[0].name == "example.com"
    assert parse(data.replace(b"\7EXAMPLE", b"\7EX.MP\\\0")).question[0] == "ex\\046mp\\092\\000.com"
    assert pack_name("ex\\046mp\\092\\000.com") == b"\7ex.mp\\\0\3com\0"


@pytest.mark.parametrize("name", ["a..b", ".", "a" * 64, "a." * 127 + "aa", "\\", "a\\12", "\\256.x", "\u00e9" * 70])
def test_what_is_no_name_is_not_asked_for(name):
    if name == ".":
        assert pack_name(name) == b"\0"
    else:
        with pytest.raises(ValueError):
            render_question(1, name, A)


def test_a_name_beyond_ascii_is_asked_for_as_idna():
    assert pack_name("b\u00fccher.example") == b"\x0dxn--bcher-kva\7example\0"


def test_a_truncated_answer_has_no_records_but_its_question():
    answer = parse(Writer().answer(7, QUESTION, ROWS, truncated=True)[:50])
    assert answer.truncated and answer.question == QUESTION and answer.answers == []


HEAD = b"\0\7\x81\x80\0\1\0\1\0\0\0\0" + b"\1a\0\0\1\0\1"


@pytest.mark.parametrize("data", [
    b"", HEAD[:11], b"\0\7\1\0" + HEAD[4:], HEAD, HEAD + b"\xc0", HEAD + b"\xc0\x13\0\1\0\1" + bytes(6),
    HEAD + b"\xc0\x0c\0\1\0\1\0\0\0\0\0\5" + bytes(5), HEAD + b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + bytes(3),
    HEAD + b"\x40" + bytes(16), HEAD + b"\xc0\x0c\0\5\0\1\0\0\0\0\0\2\xc0\x1f"])
def test_a_broken_answer_is_refused(data):
    with pytest.raises(RemoteProtocolError):
        parse(data)


def test_mutations_are_read_as_the_plain_reader_does():
    rng = random.Random(1035)
    seeds = [Writer().answer(7, QUESTION, ROWS, [("example.com", SOA, 500, 60)]), Writer().answer(7, QUESTION, rcode=3),
             Writer().answer(9, ("a", A), [("a", A, 1, "192.0.2.1")]), Writer().answer(9, ("", SOA), ROWS[:2])]
    good = 0
    for _ in range(20_000):
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.randrange(4)):
            at = rng.randrange(len(data))
            data[at:at + rng.randrange(3)] = rng.choice((
                b"", b"\xc0\x0c", bytes([0xC0, rng.randrange(256)]), rng.randbytes(rng.randrange(3)), b"\0"))
        if rng.random() < 0.05:
            del data[rng.randrange(len(data)):]
        try:
            wanted = read(bytes(data))
        except Refused:
            wanted = None
        try:
            found = facts(parse(bytes(data)))
        except RemoteProtocolError:
            found = None
        assert found == wanted, bytes(data)
        good += found is not None
    assert 3_000 < good < 15_000
