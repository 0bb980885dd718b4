"""doctor."""

import pytest

from mizu.firststart import Folders


@pytest.fixture
def installed(town, tmp_path):
    town.folders = Folders(tmp_path)
    town.own_addresses = frozenset(["127.0.0.1"])
    town.ports = type("Ports", (), {"opened": {"main": 80, "console": 8090}})()
    tmp_path.chmod(0o700)
    town.clock.seconds = 4_000_000_000.0      # triggers write the real time
    return town


def test_findings_come_with_their_remedies(installed):
    answer = installed.ask("doctor", "agent")
    assert answer.message == "OK: 2 findings"
    assert [row["finding"] for row in answer.data.dicts()] == [
        "no API key is needed", "the digests have no server salt"]
    assert all(row["remedy"] and row["severity"] == "warning" for row in answer.data.dicts())


def test_where_all_is_well_that_is_all(installed):
    installed.settings.apiv2key, installed.settings.apiv2md5salt = ("k7fe21aa90cd4b16",), "s"
    answer = installed.ask("doctor")
    assert (answer.message, answer.data) == ("OK: all is well", None)


def test_users_are_not_told(installed):
    for who in ("john", "boss"):
        assert installed.refused("doctor", who)[0] == 403
