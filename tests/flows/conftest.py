import pytest

from tests.flows.office import Office


@pytest.fixture
def office(tmp_path):
    made = Office(tmp_path)
    yield made
    made.db.close()


@pytest.fixture
def pair(office):
    """(office, alice's call, bob's call): they talk."""
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.invite("bob")
    office.run(1)
    bob.calls[-1].answer()
    office.run(1)
    assert call.state == bob.calls[-1].state == "talking"
    return office, call, bob.calls[-1]
