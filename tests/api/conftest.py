import pytest

from .house import House


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.db.close()
