"""Files, history, rebilling and the doctor over the wire, on the program itself."""

import base64
import hashlib
import json
import os
import re
import time

import pytest

from .harness import Server, eventually, run

pytestmark = pytest.mark.live

DATA = bytes(range(256)) * 4000         # a megabyte


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("office") / "data", "--set", "filequota=16")
    server.api("adduser", u_username="user", u_password="user-pw", u_credit=10, u_currency="USD")
    yield server
    assert server.stop() == 0, server.err


def form(name, data, path="", **fields):
    """(body, headers) of a multipart form."""
    parts = [f'--edge\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
             for key, value in {"filepath": path, **fields}.items()]
    parts.append(f'--edge\r\nContent-Disposition: form-data; name="filedata"; filename="{name}"\r\n\r\n'.encode()
                 + data + b"\r\n--edge--\r\n")
    return b"".join(parts), {"Content-Type": "multipart/form-data; boundary=edge"}


def upload(server, name, data, path="", **fields):
    body, headers = form(name, data, path, **fields)
    return server.request("POST", "/mvweb/", body, headers)


# -- files

def test_an_upload_is_there_for_everybody_and_for_saving_only(office):
    proof = {"authkey": office.key, "authid": "user", "authpwd": "user-pw"}
    assert upload(office, "a b.html", DATA, "box", **proof).body.startswith("OK: /mvweb/filestorage/box/a_b.html")
    answer = office.request("GET", "/mvweb/filestorage/box/a_b.html")
    assert hashlib.md5(answer.bytes).digest() == hashlib.md5(DATA).digest()
    assert answer.headers["content-disposition"] == "attachment"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert upload(office, "a b.html", b"other", "box", **proof).body.startswith("ERROR: there is a file of this name")
    assert upload(office, "a b.html", DATA, "box", **proof).body.startswith("OK")
    assert upload(office, "x", DATA, "box", **proof | {"authpwd": "no"}).body.startswith("ERROR: auth failed")


def test_a_phone_puts_its_recording(office):
    basic = base64.b64encode(b"user:user-pw").decode()
    answer = office.request("PUT", f"/rec.php?authkey={office.key}", DATA, {
        "X-type": "fileupload", "X-filename": "call.wav", "X-callid": "abc", "Authorization": f"Basic {basic}"})
    assert answer.body.startswith("OK: recording saved")
    assert office.api("db", sql="select count(*) from tb_recordings") == "1"
    assert office.request("PUT", "/rec.php", DATA, {"X-type": "fileupload", "X-filename": "x"}).body.startswith("ERROR")
    assert office.request("PUT", "/rec.php", DATA).status == 405


def test_an_administrators_file_goes_in_and_out_over_http_console_and_tcp(office):
    encoded = base64.b64encode(b"Hello").decode()
    assert office.api("putfile", filename="a/b.txt", filedata=encoded).startswith("OK: a/b.txt saved, 5 bytes")
    answer = json.loads(office.get(f"/mvapireq/?apientry=getfile&filename=a/b.txt&format=json&{office.as_admin}"))
    assert answer["data"]["filedata"] == encoded
    assert office.get(f"/mvapireq/?apientry=file&filename=a/b.txt&{office.as_admin}") == "Hello"
    line = office.line(f"/mvapireq/?apientry=getfile&filename=a/b.txt&{office.as_admin}")
    assert line.startswith("OK: a/b.txt, 5 bytes")
    assert "serves" in office.get(f"/mvapireq/?apientry=file&filename=mizud.log&{office.as_admin}")
    (office.data / "files" / "large").write_bytes(DATA * 3)
    answer = office.request("GET", f"/mvapireq/?apientry=file&filename=large&{office.as_admin}")
    assert hashlib.md5(answer.bytes).digest() == hashlib.md5(DATA * 3).digest()


def test_no_name_leads_out(office):
    (office.data / "files" / "link").symlink_to(office.data / "initial-admin")
    for name in ("../initial-admin", "link", "/etc/passwd", "..\\initial-admin", "C:\\x", "a\0b", ".hidden"):
        for entry in ("getfile", "file", "putfile"):
            assert office.api(entry, filename=name, filedata="SGk=") == "ERROR: this name is not allowed", (entry, name)
    assert "password" in (office.data / "initial-admin").read_text()


def test_the_quota_holds(office):
    for number in range(3):
        body, headers = form("x", DATA * 6, f"big{number}")
        answer = office.request("POST", f"/mvweb/?{office.as_admin}", body, headers).body
    assert answer == "ERROR: the file storage is full (setting filequota, 16 MiB)"


# -- history

def test_a_change_by_a_foreign_shell_is_seen_and_taken_back(office):
    import sqlite3
    office.api("setuser", u_username="user", u_comment="by admin")
    shell = sqlite3.connect(office.data / "mizud.db", timeout=5)
    with shell:
        shell.execute("UPDATE tb_users SET comment = 'by a shell', password = 'stolen' WHERE username = 'user'")
    shell.close()
    rows = json.loads(office.get(f"/mvapireq/?apientry=history&u_username=user&format=json&{office.as_admin}"))["data"]
    assert [(row["actor"], row["field"], row["old"], row["new"]) for row in rows[:3]] == [
        ("sql", "password", "***", "***"), ("sql", "comment", "by admin", "by a shell"),
        ("admin", "comment", "", "by admin")]
    assert office.api("revert", u_username="user").startswith("OK: change ")
    answer = office.get(f"/mvapireq/?apientry=balance&authkey={office.key}&authid=user&authpwd=user-pw")
    assert answer == "Your credit is $10.00 USD"


# -- rebill

def test_rebill_books_each_difference_once(office):
    from .wires import on_console
    office.api("db", sql="insert into tb_billentries (id, name) values (1, 'Standard')")
    office.api("db", sql="insert into tb_billingtimes (entryid, prefix, price) values (1, '36', 0.06)")
    office.api("db", sql="insert into tb_cdrs (datum, callerid, callednumber, realduration, costenduser) with n(i) as"
                         " (select 1 union all select i + 1 from n where i < 2000) select getdate(), 2, '361', 60, 0.05"
                         " from n")
    told = json.loads(office.get(f"/mvapireq/?apientry=rebill&days=1&dryrun=1&format=json&{office.as_admin}"))
    assert told["message"] == "OK: 2000 records, 2000 would change, 1 accounts"
    assert told["data"] == [{"userid": 2, "username": "user", "records": 2000, "before": 100.0, "after": 120.0,
                             "difference": 20.0, "currency": "USD"}]
    assert office.api("balance", u_username="user") == "Your credit is $10.00 USD"
    answer, = on_console(office, "admin", office.admin_password, "rebill,1")
    assert re.search(r"2 +user +2000 +100.0 +120.0 +20.0 +USD", answer)
    assert office.api("balance", u_username="user") == "Your credit is $-10.00 USD"
    again, = on_console(office, "admin", office.admin_password, "rebill,1")
    assert again == "OK: 2000 records, 0 changed, 0 accounts"
    assert office.api("db", sql="select count(*), sum(amount_u) from tb_ledger where kind = 'rebill'").split()[-2:] == [
        "2000", "-20000000"]


@pytest.mark.slow
def test_nobody_waits_for_a_rebill_and_a_kill_loses_and_doubles_nothing(tmp_path):
    server = Server(tmp_path / "data")
    server.api("adduser", u_username="user", u_password="user-pw", u_currency="USD")
    server.api("db", sql="insert into tb_billentries (id, name) values (1, 'Standard')")
    server.api("db", sql="insert into tb_billingtimes (entryid, prefix, price) values (1, '36', 0.06)")
    server.api("db", sql="insert into tb_cdrs (datum, callerid, callednumber, realduration, costenduser) with n(i) as"
                         " (select 1 union all select i + 1 from n where i < 20000)"
                         " select getdate(), 2, '361', 60, 0.05 from n")
    with server.connect() as sock:
        target = f"/mvapireq/?apientry=rebill&days=1&{server.as_admin}"
        sock.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        booked = "select count(*) from tb_ledger where kind = 'rebill'"
        assert eventually(lambda: int(server.api("db", sql=booked)) > 500)
        began = time.monotonic()
        for _ in range(20):
            assert server.api("balance", u_username="user").startswith("Your credit is")
        assert time.monotonic() - began < 2
        assert "rebill is running" in server.api("rebill", days=1)
        server.kill()
    server = Server(tmp_path / "data")
    assert 500 < int(server.api("db", sql=booked)) < 20_000
    server.api("rebill", days=1)
    assert server.api("db", sql=booked) == "20000"
    assert server.api("balance", u_username="user") == "Your credit is $-200.00 USD"
    assert "differences: []" in server.api("checkcredits")
    server.stop()


# -- the doctor

def test_the_doctor_finds_what_is_there_beside_the_server_and_by_a_command(office):
    ended = run("doctor", "--data", office.data)
    assert ended.returncode == 1 and "initial-admin still holds password and key" in ended.stdout
    assert "finding" in ended.stdout.splitlines()[-1] and ended.stderr == ""
    assert "initial-admin still holds password and key" in office.api("doctor")
    os.chmod(office.data, 0o755)
    assert f"chmod 700 {office.data}" in run("doctor", "--data", office.data).stdout
    os.chmod(office.data, 0o700)


def test_without_a_finding_its_status_is_0_and_it_leaves_no_trace(tmp_path):
    server = Server(tmp_path / "data")
    server.stop()
    os.unlink(tmp_path / "data" / "initial-admin")
    before = sorted(os.listdir(tmp_path / "data"))
    public = run("doctor", "--data", tmp_path / "data", "--set", "trustlanip=0")
    if "cross the Internet" not in public.stdout:       # a host with a public address
        assert (public.returncode, public.stdout) == (0, "all is well\n")
    assert sorted(os.listdir(tmp_path / "data")) == before
    assert run("doctor", "--data", tmp_path / "nothing").returncode == 1
    assert run("doctor", "--data", tmp_path / "data", "--set", "maxrows=many").stdout.startswith("error    settings: ")
    assert run("doctor", "--nonsense").returncode == 64
