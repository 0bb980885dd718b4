"""Names of files, and no way out of the folder."""

import os

import pytest

from mizu.base.errors import ApiError
from mizu.base.paths import DEPTH, LONGEST, file_parts, is_link, open_folder, safe_path

EVIL = ["../x", "a/../../x", "..", ".", "a/./b", ".hidden", "a/.hidden/b", "C:\\x", "C:/x", "c:x", "..\\x", "a\\b",
        "a\0b", "\0", "a\nb", "a\r\nX: y", "\x7f", "\\\\host\\share\\x", "a/b:stream", "//?/C:/x"]


@pytest.mark.parametrize("name", EVIL)
def test_what_could_lead_out_is_refused_before_the_file_system_is_asked(name):
    for judge in (file_parts, lambda name: safe_path("/nowhere", name)):
        with pytest.raises(ApiError) as caught:
            judge(name)
        assert caught.value.code == 403


@pytest.mark.parametrize("name", ["", "/", "/etc/passwd", "a/", "//a", "NUL", "a/con.txt", "lpt1/x", "Com9.tar.gz"])
def test_a_files_name_is_relative_and_names_a_file(name):
    with pytest.raises(ApiError) as caught:
        file_parts(name)
    assert caught.value.code == 403


def test_a_name_is_parts_and_blank_ones_fall_away():
    assert file_parts("a.txt") == ["a.txt"]
    assert file_parts("a//b c/ü.txt") == ["a", "b c", "ü.txt"]


def test_names_have_an_end():
    assert len(file_parts("/".join(["a"] * DEPTH))) == DEPTH
    for name in ("/".join(["a"] * (DEPTH + 1)), "a" * (LONGEST + 1), "ü" * (LONGEST // 2 + 1)):
        with pytest.raises(ApiError) as caught:
            file_parts(name)
        assert caught.value.code == 400


def test_folders_are_made_for_nobody_else_where_they_are_missing(tmp_path):
    os.close(open_folder(tmp_path, ["a", "b"], make=True))
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    os.close(open_folder(tmp_path, ["a", "b"]))
    with pytest.raises(FileNotFoundError):
        open_folder(tmp_path, ["a", "c"])


def test_no_link_is_followed_on_the_way_wherever_it_leads(tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "inside")
    (tmp_path / "file").write_text("x")
    for make in (False, True):
        with pytest.raises(ApiError) as caught:
            open_folder(tmp_path, ["link"], make)
        assert caught.value.code == 403
        with pytest.raises(NotADirectoryError):
            open_folder(tmp_path, ["file"], make)


def test_no_descriptor_is_left_behind(tmp_path):
    (tmp_path / "link").symlink_to("/")
    before = len(os.listdir("/dev/fd"))
    for name in ("link", "nothing"):
        with pytest.raises((ApiError, OSError)):
            open_folder(tmp_path, [name])
    assert len(os.listdir("/dev/fd")) == before


def test_a_link_is_told_from_a_file(tmp_path):
    (tmp_path / "link").symlink_to("/")
    (tmp_path / "file").write_text("x")
    folder = open_folder(tmp_path, [])
    assert [is_link(folder, name) for name in ("link", "file", "nothing")] == [True, False, False]
    os.close(folder)
