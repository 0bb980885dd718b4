import pytest

from .asking import Town


@pytest.fixture
def town(tmp_path):
    made = Town(tmp_path)
    yield made
    made.db.close()
