"""A table written row by row is the table written at once."""

import json

import pytest

from mizu.base.message import Answer, Rows, RowStream
from mizu.formats.answer import render
from mizu.formats.streamed import STREAMED, layout

COLUMNS = ["id", "name", "price"]
ROWS = [(number, f'a "b", <c>\t&é {number}' if number % 3 else "", number / 8 if number % 2 else None)
        for number in range(1, 251)]


def streamed(format, rows, columns=COLUMNS, size=100, thin=False, message="OK"):
    answer = Answer(message, RowStream(columns, None, thin), entry="cdr")
    made = layout(answer, format)
    pieces = [made.piece(rows[at:at + size]) for at in range(0, len(rows), size)]
    return made.head.encode() + b"".join(pieces) + made.tail.encode()


@pytest.mark.parametrize("format", STREAMED)
@pytest.mark.parametrize("size", [1, 7, 100, 250])
def test_the_pieces_are_the_whole(format, size):
    assert streamed(format, ROWS, size=size) == render(Answer("OK", Rows(COLUMNS, ROWS), entry="cdr"), format)


@pytest.mark.parametrize("format", STREAMED)
def test_a_single_column_too(format):
    rows = [(str(number),) for number in range(300)]
    assert streamed(format, rows, ["number"]) == render(Answer("OK", Rows(["number"], rows), entry="cdr"), format)


def test_what_is_empty_may_be_left_out():
    objects = json.loads(streamed("json", ROWS[:3], thin=True))["data"]
    assert objects == [{"id": 1, "name": 'a "b", <c>\t&é 1', "price": 0.125}, {"id": 2, "name": 'a "b", <c>\t&é 2'},
                       {"id": 3, "price": 0.375}]
    assert b"<row>\n      <id>3</id>\n      <price>0.375</price>\n    </row>" in streamed("xml", ROWS[:3], thin=True)


def test_a_message_cannot_be_taken_for_the_table():
    for message in ('OK: "data": []', "OK: <data/>", "OK: </table>"):
        for format in STREAMED:
            rendered = render(Answer(message, Rows(COLUMNS, ROWS), entry="cdr"), format)
            assert streamed(format, ROWS, message=message) == rendered
