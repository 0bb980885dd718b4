import pytest

from .asking import Town


@pytest.fixture
def town(tmp_path):
    made = Town(tmp_path)
    yield made
    made.db.close()


@pytest.fixture
def office(town, tmp_path):
    """The town's records with a whole switch over them, and telephones: tests.flows.office; office.ask as in town."""
    from tests.flows.office import Office
    made = Office(tmp_path, over=town)
    town.__dict__.update(vars(made))
    town.stories = made.switch.stories
    made.ask, made.asked, made.refused, made.value = town.ask, town.asked, town.refused, town.value
    return made


@pytest.fixture
def desk(tmp_path):
    from .desk import Desk
    made = Desk(tmp_path)
    yield made
    made.db.close()
