import os
import random
import stat

import pytest

from mizu.store.ini import Entry, IniError, decode, edit, is_plain, parse_ini, read_ini, render_entries, write_key


def entries(text):
    return [(entry.line, entry.section, entry.key, entry.value) for entry in parse_ini(text)]


def test_sections_keys_comments_and_blanks():
    assert entries("a=1\n; c=2\n# d\n\n [ Net ] \r\n\tB  =  x ; y # z  \r\nc = \" q \"\nd =\n") == [
        (1, "", "a", "1"), (6, "net", "b", "x ; y # z"), (7, "net", "c", " q "), (8, "net", "d", "")]


@pytest.mark.parametrize("text, line, says", [
    ("a = 1\nnonsense\n", 2, "neither"), ("[open\n", 1, "neither"), ("= 5", 1, "neither"), ("a b = 1", 1, "neither"),
    ("a = 1\n[x]\na = 2\n\nA = 3", 5, "already set in line 3"), ("a = 1\0", 1, "control"), ("a = \x85", 1, "control"),
    ("[]", 1, "neither"), ("a = x\ry", 1, "control")])
def test_a_fault_names_its_line(text, line, says):
    with pytest.raises(IniError, match=says) as fault:
        parse_ini(text)
    assert fault.value.line == line


def test_bytes_that_are_no_text_name_their_line():
    assert decode(b"\xef\xbb\xbfa = \xc3\xa9") == "a = é"
    with pytest.raises(IniError, match="not UTF-8") as fault:
        decode(b"a = 1\nb = \xff\n")
    assert fault.value.line == 2
    with pytest.raises(IniError, match="larger"):
        decode(b"x" * (1 << 20) + b"x")


def test_one_key_is_changed_and_every_other_line_stays():
    text = "; mine\n[network]\n; the port\n;mainaport = 80\nadminport = 1 \n\n[api]\n;apiv2key =\n"
    assert edit(text, "network", "adminport", "2") == text.replace("adminport = 1 ", "adminport = 2")
    assert edit(text, "network", "mainaport", "99") == text.replace("= 80\n", "= 80\nmainaport = 99\n")
    assert edit(text, "network", "domain", "x") == text.replace("= 1 \n", "= 1 \ndomain = x\n")
    assert edit(text, "network", "adminport", None) == text.replace("adminport = 1 \n", "")
    assert edit(text, "api", "x", " y ") == text + 'x = " y "\n'
    assert edit(text, "new", "k", "v") == text + "\n[new]\nk = v\n"
    assert edit("", "new", "k", "v") == "[new]\nk = v\n"
    assert edit("[a]\r\nb = 1\r\n", "a", "b", "2") == "[a]\r\nb = 2\r\n"
    assert edit(text, "api", "apiv2key", None) == text


def test_a_file_is_replaced_as_a_whole_and_keeps_its_mode(tmp_path):
    path = tmp_path / "mizud.ini"
    write_key(str(path), "api", "bantime", "5")
    assert path.read_text() == "[api]\nbantime = 5\n" and stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o604)
    link = tmp_path / "link.ini"
    link.symlink_to(path)
    write_key(str(link), "API", "BanTime", "6")
    assert path.read_text() == "[api]\nbantime = 6\n" and stat.S_IMODE(path.stat().st_mode) == 0o604
    assert link.is_symlink() and sorted(os.listdir(tmp_path)) == ["link.ini", "mizud.ini"]
    assert [entry.value for entry in read_ini(str(path))] == ["6"]


@pytest.mark.parametrize("section, key, value", [("a", "k", "x\ny"), ("a", "k", "x\0"), ("a", "k y", "1"),
                                                 ("a]\n[b", "k", "1"), ("a", "[k]", "1")])
def test_what_would_not_be_read_back_is_not_written(tmp_path, section, key, value):
    path = tmp_path / "mizud.ini"
    path.write_text("[a]\nb = 1\n")
    with pytest.raises(IniError):
        write_key(str(path), section, key, value)
    assert path.read_text() == "[a]\nb = 1\n"


def test_a_broken_file_is_not_edited(tmp_path):
    path = tmp_path / "mizud.ini"
    path.write_text("[a]\nnonsense\n")
    with pytest.raises(IniError, match="neither"):
        write_key(str(path), "a", "b", "1")
    assert path.read_text() == "[a]\nnonsense\n"


def plain_reading(text):
    """A second reader, by the letter of the grammar and one character class at a time; None if the text has a fault."""
    name = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
    found, section = {}, ""
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if line.endswith("\r") and at + 1 < len(lines):
            line = line[:-1]
        line = line.strip(" \t")
        if line == "" or line.startswith((";", "#")):
            continue
        if not is_plain(line.replace("\t", " ")):
            return None
        inner = line[1:-1].strip(" \t") if len(line) > 1 and line[0] == "[" and line[-1] == "]" else ""
        if inner and set(inner) <= name and len(inner) <= 64:
            section = inner.lower()
            continue
        key, equals, value = line.partition("=")
        key, value = key.rstrip(" \t"), value.strip(" \t")
        if not equals or not key or not set(key) <= name or len(key) > 64 or (section, key.lower()) in found:
            return None
        if len(value) >= 2 and value.startswith('"') and value.endswith('"'):
            value = value[1:-1]
        found[section, key.lower()] = value
    return found


def test_mutated_files_are_read_as_a_second_reader_reads_them_and_written_back_the_same():
    chance = random.Random(42)
    seed = '; c\nmainaport = 80\n[api]\nkey = "a b"\r\nsalt=x;y#z\n\n[ limits ]\nrate = 5/10\nempty =\n'
    pieces = ["\n", "=", "[", "]", ";", "#", '"', " ", "\t", "a", "\r", "\0", "é", "\xa0", "\u2028", "key",
              "[api]\n", "=\n", "\r\n"]
    accepted = refused = 0
    for _ in range(20_000):
        text = list(seed)
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(len(text))
            text[at:at + chance.randrange(3)] = chance.choice(pieces)
        text = "".join(text)
        try:
            parsed = parse_ini(text)
        except IniError as error:
            assert 1 <= error.line <= text.count("\n") + 1
            assert plain_reading(text) is None, text
            refused += 1
            continue
        assert plain_reading(text) == {(entry.section, entry.key): entry.value for entry in parsed}, text
        assert len(parsed) <= text.count("\n") + 1
        in_front = [entry for entry in parsed if not entry.section]
        assert parse_ini(render_entries(parsed)) == parsed and in_front == parsed[:len(in_front)]
        accepted += 1
    assert accepted > 2000 and refused > 2000


def test_every_value_that_fits_a_line_survives_edit_and_parse():
    chance = random.Random(43)
    text = "[a]\n;k = default\nother = 1\n"
    for _ in range(5000):
        value = "".join(chance.choices(' "=;#[]\\é\xa0ak', k=chance.randrange(8)))
        assert Entry(0, "a", "k", value) in parse_ini(edit(text, "a", "k", value))
