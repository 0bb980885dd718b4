"""Files: whole or not at all, confined, within their quota."""

import os

import pytest

from mizu.base.errors import ApiError
from mizu.records import files as module
from mizu.records.files import BLOCK, FILES, LOGS, MOST, PUBLIC, RECORDINGS, RECOUNT, STALE, cleaned

from .store import wait


@pytest.fixture
def files(store):
    made = store.files
    made.store = store
    os.makedirs(made.areas[LOGS].root)
    return made


def root(files, area=FILES):
    return files.areas[area].root


def refused(awaitable):
    with pytest.raises(ApiError) as caught:
        wait(awaitable)
    return caught.value.code


def names(files, area=FILES):
    return sorted(os.path.relpath(os.path.join(folder, name), root(files, area))
                  for folder, _, found in os.walk(root(files, area)) for name in found)


def test_what_was_put_comes_back_and_is_for_nobody_else(files):
    assert wait(files.put(FILES, "a/b.bin", b"\0\xff")) == 2
    assert wait(files.get(FILES, "a/b.bin")) == b"\0\xff"
    assert os.stat(os.path.join(root(files), "a/b.bin")).st_mode & 0o777 == 0o600
    file, size = wait(files.open(FILES, "a/b.bin"))
    with file:
        assert (size, file.read()) == (2, b"\0\xff")


def test_areas_are_folders_of_their_own(files):
    for area in (FILES, PUBLIC, RECORDINGS):
        wait(files.put(area, "x", area.encode()))
    assert [wait(files.get(area, "x")).decode() for area in (FILES, PUBLIC, RECORDINGS)] == [FILES, PUBLIC, RECORDINGS]
    assert root(files, PUBLIC).endswith("/mvweb/filestorage")
    assert root(files, RECORDINGS).endswith("/recordings/uploaded")


def test_a_file_is_replaced_as_a_whole(files):
    wait(files.put(FILES, "x", b"long before"))
    wait(files.put(FILES, "x", b"short"))
    assert wait(files.get(FILES, "x")) == b"short" and names(files) == ["x"]


def test_what_is_there_stays_where_it_must_not_be_replaced_but_may_be_sent_again(files):
    wait(files.put(PUBLIC, "x", b"mine", replace=False))
    assert wait(files.put(PUBLIC, "x", b"mine", replace=False)) == 4
    assert refused(files.put(PUBLIC, "x", b"his!", replace=False)) == 422
    assert refused(files.put(PUBLIC, "x", b"longer", replace=False)) == 422
    assert wait(files.get(PUBLIC, "x")) == b"mine" and names(files, PUBLIC) == ["x"]


def test_two_at_the_same_time_get_one_name_once(files, monkeypatch):
    """The other one comes between the look and the name."""
    whole = module._write_part

    def late(folder, part, data):
        whole(folder, part, data)
        with open(os.path.join(root(files, PUBLIC), "x"), "wb") as file:
            file.write(b"first")
    monkeypatch.setattr(module, "_write_part", late)
    assert refused(files.put(PUBLIC, "x", b"second", replace=False)) == 422
    assert wait(files.get(PUBLIC, "x")) == b"first" and names(files, PUBLIC) == ["x"]


@pytest.mark.parametrize("fails", ["write", "fsync", "replace"])
def test_a_failure_leaves_the_old_file_and_nothing_else(files, monkeypatch, fails):
    wait(files.put(FILES, "x", b"old"))

    def fail(*args, **named):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(module.os, fails, fail)
    assert refused(files.put(FILES, "x", b"new")) == 500
    monkeypatch.undo()
    assert wait(files.get(FILES, "x")) == b"old" and names(files) == ["x"]
    assert files.areas[FILES].coming == 0 and files.areas[FILES].used == BLOCK


def test_a_file_is_on_the_disk_before_it_has_its_name(files, monkeypatch):
    steps = []
    for name in ("write", "fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(module.os, name, lambda *args, _real=real, _name=name, **named: (
            steps.append(_name), _real(*args, **named))[1])
    wait(files.put(FILES, "x", b"data"))
    assert steps == ["write", "fsync", "replace", "fsync"]


def test_links_and_what_is_no_file_are_refused_and_left_alone(files, tmp_path):
    (tmp_path / "secret").write_text("secret")
    os.makedirs(root(files))
    os.symlink(tmp_path / "secret", os.path.join(root(files), "link"))
    os.symlink(tmp_path, os.path.join(root(files), "folderlink"))
    os.mkfifo(os.path.join(root(files), "pipe"))
    os.mkdir(os.path.join(root(files), "folder"))
    for name in ("link", "folderlink/secret", "pipe", "folder"):
        for attempt in (files.get(FILES, name), files.put(FILES, name, b"x"), files.open(FILES, name)):
            assert refused(attempt) == 403, name
    assert (tmp_path / "secret").read_text() == "secret"
    assert refused(files.put(FILES, "../secret", b"x")) == 403


def test_the_database_is_never_opened_by_whatever_name(files):
    database = files.kept[0]
    for name in ("mizud.db", "other"):
        os.makedirs(root(files), exist_ok=True)
        with open(database, "a"):
            os.link(database, os.path.join(root(files), name))
        assert refused(files.get(FILES, name)) == refused(files.open(FILES, name)) == 403


def test_a_file_that_is_not_there_is_404(files):
    wait(files.put(FILES, "a", b"x"))
    assert [refused(files.get(FILES, name)) for name in ("b", "b/c", "a/b")] == [404, 404, 404]
    assert refused(files.get(LOGS, "x")) == 404


def test_a_file_has_a_largest_size(files):
    assert refused(files.put(FILES, "x", bytes(MOST + 1))) == 422
    assert wait(files.put(FILES, "x", bytes(MOST))) == MOST
    with open(os.path.join(root(files), "huge"), "wb") as file:
        file.truncate(MOST + 1)
    assert refused(files.get(FILES, "huge")) == 422
    assert wait(files.open(FILES, "huge"))[1] == MOST + 1


def test_the_quota_counts_what_is_there_and_empty_files_too(files):
    files.settings.filequota = 1
    os.makedirs(root(files))
    with open(os.path.join(root(files), "found"), "wb") as file:
        file.write(bytes((1 << 20) - 3 * BLOCK))
    wait(files.put(FILES, "a", b""))
    wait(files.put(FILES, "a", bytes(2 * BLOCK)))
    wait(files.put(FILES, "a", bytes(BLOCK)))
    wait(files.put(FILES, "b", b"x"))
    wait(files.put(FILES, "c", b"x"))
    assert refused(files.put(FILES, "d", b"")) == 422
    assert names(files) == ["a", "b", "c", "found"]
    wait(files.put(PUBLIC, "d", b"x"))
    files.settings.filequota = 0
    wait(files.put(FILES, "d", b"x"))


def test_a_full_folder_is_counted_again_after_a_while(files):
    files.settings.filequota = 1
    wait(files.put(FILES, "a", bytes(1 << 20)))
    os.unlink(os.path.join(root(files), "a"))
    assert refused(files.put(FILES, "b", b"x")) == 422
    files.store.clock.advance(RECOUNT + 1)
    wait(files.put(FILES, "b", b"x"))


def test_what_a_crash_has_left_goes_and_what_is_being_written_stays(files):
    os.makedirs(root(files))
    now = files.store.clock.now()
    for name, age in ((".old.x.part", STALE + 1), (".new.x.part", 5), ("plain.part", STALE + 1)):
        path = os.path.join(root(files), name)
        open(path, "w").close()
        os.utime(path, (now - age, now - age))
    wait(files.put(FILES, "a", b"x"))
    assert names(files) == [".new.x.part", "a", "plain.part"]


def test_the_disk_keeps_room_for_the_database(files, monkeypatch):
    class Nearly:
        f_bavail, f_frsize = module.LEAST_FREE // 4096, 4096
    monkeypatch.setattr(module.os, "statvfs", lambda path: Nearly)
    assert refused(files.put(FILES, "a", b"x")) == 422


def test_names_of_uploads_are_cleaned():
    assert cleaned("a-B_1.txt") == "a-B_1.txt"
    assert cleaned("../ä b/\0c:d\\") == ".." + "___b__c_d_"
    assert set(cleaned("".join(map(chr, range(0x250))))) <= set("0123456789abcdefghijklmnopqrstuvwxyz"
                                                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ_.-")
    assert len(cleaned("ä b/\0")) == 5


def test_a_recording_is_noted_once_and_only_with_the_accounts_own_call(store):
    from .calls import make_calls
    ids = make_calls(store)
    with store.db.unit() as unit:
        first = store.recordings.add(unit, ids["john"], "uploaded/x.wav", "36301111111@phone", "1", "2")
        assert store.recordings.add(unit, ids["john"], "uploaded/x.wav", "36301111111@phone") == first
        store.recordings.add(unit, ids["kid"], "uploaded/x.wav", "36301111111@phone")
        store.recordings.add(unit, ids["kid"], "uploaded/y.wav")
    assert store.db.rows("SELECT userid, cdrid, callernumber, callednumber FROM tb_recordings") == [
        (ids["john"], 6, "1", "2"), (ids["kid"], 0, "", ""), (ids["kid"], 0, "", "")]
