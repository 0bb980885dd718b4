import os
import sqlite3

import pytest

from mizu.base.clock import FakeClock
from mizu.base.errors import ConfigError
from mizu.store import backup, schema


def test_a_copy_that_fails_leaves_the_old_one_and_nothing_half_made(db, tmp_path):
    target = str(tmp_path / "copy.db")
    backup.copy(db.path, target)
    before = open(target, "rb").read()
    with pytest.raises(sqlite3.Error):
        backup.copy(str(tmp_path / "none" / "x.db"), target)
    assert open(target, "rb").read() == before and not os.path.exists(target + ".part")


def test_copies_have_names_that_sort_by_time():
    name = backup.name_for("/var/lib/mizud/mizud.db", FakeClock(), "x")
    assert name == "/var/lib/mizud/backup/mizud-x-2023-11-14T221320.db"


def test_a_copy_is_verified_before_it_is_used(db, tmp_path):
    good = backup.copy(db.path, str(tmp_path / "good.db"))
    assert backup.verify(good)["tb_api"] == 2
    torn = tmp_path / "torn.db"
    data = bytearray(open(good, "rb").read())
    data[8192:12288] = b"\xff" * 4096
    torn.write_bytes(data)
    newer = backup.copy(db.path, str(tmp_path / "newer.db"))
    connection = sqlite3.connect(newer)
    connection.execute(f"PRAGMA user_version={len(schema.STEPS) + 1}")
    connection.close()
    (tmp_path / "text.db").write_text("hello " * 1000)
    (tmp_path / "empty.db").write_text("")
    for name in ("torn", "newer", "text", "empty"):
        with pytest.raises(ConfigError, match=f"{name}.db"):
            backup.verify(str(tmp_path / f"{name}.db"))
