import pytest

from .switch import Switch


@pytest.fixture
def switch(tmp_path):
    made = Switch(tmp_path)
    yield made
    made.db.close()
