import pytest

from .asking import Town


@pytest.fixture
def town(tmp_path):
    made = Town(tmp_path)
    yield made
    made.db.close()


@pytest.fixture
def desk(tmp_path):
    from .desk import Desk
    made = Desk(tmp_path)
    yield made
    made.db.close()
