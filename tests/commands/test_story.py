"""The story of a call over the API: as a ladder, as rows, as a capture."""

import pytest


@pytest.fixture
def told(office):
    """A call of mary to bob that is over."""
    mary, bob = office.phone("mary"), office.phone("bob")
    office.call = mary.invite("bob")
    office.run(1)
    bob.calls[-1].answer()
    office.run(1)
    office.call.bye()
    office.run(1)
    return office


def test_messages_and_decisions_are_a_ladder(told):
    answer = told.ask("story", callid=told.call.call_id)
    head, *lines = answer.message.split("\n")
    assert head == f"call {told.call.call_id}"
    found = [next(index for index, line in enumerate(lines) if word in line) for word in (
        "407 Proxy Authentication Required", "* the caller is mary (id", "* bob is the account bob by its user name",
        "INVITE sip:bob@198.51.100.2", "* answered by bob", "BYE sip:")]
    assert found == sorted(found)
    assert "secret" not in answer.message


def test_the_same_by_number_and_by_the_other_sides_call_id_as_rows(told):
    by_id = told.ask("story", callid=told.call.call_id).data
    listed = told.ask("story").data
    assert listed[0]["callid"] == told.call.call_id and listed[0]["events"] == len(by_id)
    assert told.ask("story", callid=listed[0]["call"]).data == by_id
    first = by_id[0]
    assert first["direction"] == "in" and first["peer"].startswith("198.51.100.") and first["raw"].startswith("INVITE")
    assert any("note" in event for event in by_id)


def test_a_capture_for_wireshark(told):
    answer = told.ask("story", callid=told.call.call_id, format="pcap")
    assert answer.blob.body[:4] in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1")
    assert b"INVITE sip:bob" in answer.blob.body and answer.blob.filename.endswith(".pcap")


def test_a_refused_call_tells_the_administrator_why(told):
    with told.db.unit() as unit:
        told.users.update(unit, told.users.by_username("mary").id, {"candial": 0})
    mary = told.call.phone
    call = mary.invite("bob")
    told.run(1)
    assert call.codes[-1] == 403
    assert "* refused: 403 mary may not dial (candial)" in told.ask("story", callid=call.call_id).message
    assert b"candial" not in mary.got[-1].render() and mary.got[-1].reason == "the account may not dial"


def test_nobody_else_may_read_it_and_an_unknown_one_is_404(told):
    assert told.refused("story", callid="nothing") == (404, "no story of nothing: only those of the last calls are kept")
    assert told.refused("story", "mary", callid=told.call.call_id)[0] == 403
