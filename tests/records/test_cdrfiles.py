"""Lines of a gateway's log, against a plain reader of RFC 4180."""

import random

from mizu.base.errors import ApiError
from mizu.records.cdrfiles import _key, _Parser
from mizu.store import schema

HEADER = "datum,callednumber,realduration,comment\n"


def plain_fields(text):
    """The fields of one line, character by character; None if a quote is out of its place."""
    fields, field, at = [], "", 0
    while True:
        if text[at:at + 1] == '"':
            at += 1
            while True:
                end = text.find('"', at)
                if end < 0:
                    return None
                field += text[at:end]
                at = end + 1
                if text[at:at + 1] != '"':
                    break
                field, at = field + '"', at + 1
            if text[at:at + 1] not in ("", ","):
                return None
        else:
            end = text.find(",", at)
            end = len(text) if end < 0 else end
            field, at = text[at:end], end
        fields.append(field)
        if at >= len(text):
            return fields
        field, at = "", at + 1


def test_mutated_lines_are_read_as_a_plain_reader_reads_them():
    chance = random.Random(4180)
    seeds = ['2023-11-14 10:00:00.000,36301,60,said', '2023-11-14 10:00:00.000,"36,1",0,"a ""b"" c"',
             '2023-11-14 10:00:00.000,,1,""', '"2023-11-14 10:00:00.000",x"y,7,ends"']
    parser, accepted = _Parser(schema.columns("tb_cdrs")), 0
    parser.row(HEADER)
    for _ in range(20_000):
        text = list(chance.choice(seeds))
        for _ in range(chance.randrange(3)):
            at = chance.randrange(24, len(text))
            text[at:at + chance.randrange(2)] = chance.choice(["", *'",,0a; '])
        text = "".join(text)
        try:
            row = parser.row(text + chance.choice(["\n", "\r\n", ""]))
        except ApiError as error:
            assert error.code == 400 and error.message.startswith("line ")
            row = None
        fields = plain_fields(text)
        good = fields is not None and len(fields) == 4 and fields[2].strip().lstrip("+-").isdigit()
        if row is None:
            assert not good or fields[0] != "2023-11-14 10:00:00.000" or not fields[2].isdigit(), text
        else:
            accepted += 1
            assert row[1]["callednumber"] == fields[1] and row[1]["comment"] == fields[3], text
            assert row[1]["realduration"] == int(fields[2].strip() or 0), text
    assert 4000 < accepted < 19_000


def test_a_key_is_a_lines_own():
    keys = {_key(f"line {number}") for number in range(10_000)}
    assert len(keys) == 10_000 and all(0 <= key < 2 ** 63 for key in keys)
