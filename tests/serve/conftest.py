import pytest

from .web import Web


@pytest.fixture
def web(tmp_path):
    made = Web(tmp_path)
    yield made
    made.db.close()
