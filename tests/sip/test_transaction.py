"""The tables of the four machines: complete, sound, and as the RFCs draw them."""

import pytest

from mizu.sip import transaction as machines
from mizu.sip.clienttransaction import ClientTransaction
from mizu.sip.servertransaction import ServerTransaction
from mizu.sip.transaction import (ACCEPTED, CALLING, COMPLETED, CONFIRMED, INVITE_CLIENT, INVITE_SERVER, NEVER,
                                  NON_INVITE_CLIENT, NON_INVITE_SERVER, PROCEEDING, TERMINATED, TRYING)

CLIENT_EVENTS = ("again", "end", "1xx", "2xx", "final", "cancel", "error")
SERVER_EVENTS = ("again", "end", "request", "ack", "1xx", "2xx", "final", "acked", "cancel", "error")
MACHINES = {
    "INVITE client": (INVITE_CLIENT, ClientTransaction, CLIENT_EVENTS,
                      (CALLING, PROCEEDING, COMPLETED, ACCEPTED, TERMINATED)),
    "non-INVITE client": (NON_INVITE_CLIENT, ClientTransaction, CLIENT_EVENTS,
                          (TRYING, PROCEEDING, COMPLETED, TERMINATED)),
    "INVITE server": (INVITE_SERVER, ServerTransaction, SERVER_EVENTS,
                      (PROCEEDING, COMPLETED, CONFIRMED, ACCEPTED, TERMINATED)),
    "non-INVITE server": (NON_INVITE_SERVER, ServerTransaction, SERVER_EVENTS,
                          (TRYING, PROCEEDING, COMPLETED, TERMINATED)),
}
pytestmark = pytest.mark.parametrize("name", MACHINES)


def test_every_cell_is_decided_or_declared_impossible(name):
    table, _, events, states = MACHINES[name]
    assert set(table) == {(state, event) for state in states for event in events}


def test_every_action_is_a_method_and_every_next_state_a_row(name):
    table, actions, _, states = MACHINES[name]
    for row in table.values():
        if row is not NEVER:
            assert row[1] in states
            assert all(callable(getattr(actions, "_" + action)) for action in row[0].split())


def test_every_state_is_reached_and_left_by_a_timer_or_an_answer(name):
    table, _, _, states = MACHINES[name]
    rows = [(cell[0], row[1]) for cell, row in table.items() if row is not NEVER]
    assert {after for before, after in rows if before != after} | {states[0]} == set(states)
    for state in states[:-1]:
        assert any(before == state and after != state for before, after in rows)


def test_what_is_over_stays_over(name):
    table = MACHINES[name][0]
    assert all(row in (NEVER, ("", TERMINATED)) for cell, row in table.items() if cell[0] == TERMINATED)


def test_whoever_ends_is_taken_out_of_the_tables(name):
    for cell, row in MACHINES[name][0].items():
        if row is not NEVER and row[1] == TERMINATED and cell[0] != TERMINATED:
            assert row[0].split()[0] == "gone", cell


def test_no_state_forgets_its_last_timer(name):
    """From every state but those that wait for the user, the event `end` leads out."""
    table, _, _, states = MACHINES[name]
    for state in states[:-1]:
        row = table[state, "end"]
        assert row is NEVER and (name, state) == ("INVITE server", PROCEEDING) or row[1] == TERMINATED


def test_the_user_is_told_last_so_that_it_may_act_at_once(name):
    for row in MACHINES[name][0].values():
        actions = row[0].split() if row is not NEVER else []
        for told in ("tell", "cancelled", "timeout", "transport", "pass_on"):
            assert told not in actions[:-1]


def test_binding_leaves_out_what_cannot_be(name):
    table, actions, _, _ = MACHINES[name]
    bound = machines.bind(table, actions)
    assert set(bound) == {cell for cell, row in table.items() if row is not NEVER}
