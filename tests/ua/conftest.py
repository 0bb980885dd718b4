import pytest

from records.store import records


@pytest.fixture
def store(tmp_path):
    services = records(tmp_path)
    yield services
    services.db.close()
