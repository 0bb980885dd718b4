"""Files over HTTP: forms posted to /mvweb/, recordings from phones; all need a proof, and none leads out."""

import base64
import os

import pytest

from .talk import FAR, LAN
from .web import JOHN, KEY, parse_answers

FORM = ("--edge\r\nContent-Disposition: form-data; name=\"filepath\"\r\n\r\n{path}\r\n"
        "--edge\r\nContent-Disposition: form-data; name=\"filedata\"; filename=\"{name}\"\r\n"
        "Content-Type: image/png\r\n\r\n{data}\r\n--edge--\r\n")
MULTIPART = "Content-Type: multipart/form-data; boundary=edge"
BASIC = "Authorization: Basic " + base64.b64encode(b"john:johnpass").decode()


def form(name="a.png", path="box", data="\x89PNG"):
    return FORM.format(path=path, name=name, data=data).encode("latin-1")


@pytest.fixture
def send(web):
    """send(method, target, body, field, …) -> (status, fields, body), with the workers' part done."""
    web.files.workers = web.workers

    def send(method, target, body, *fields, host=LAN):
        stream = web.connect(host)
        lines = [f"{method} {target} HTTP/1.1", "Host: h", f"Content-Length: {len(body)}", *fields, "", ""]
        stream.say("\r\n".join(lines).encode() + body)
        while web.workers.calls:
            web.workers.work()
        web.reactor.pass_time(0.05)
        answer, = parse_answers(stream.sent, method)
        return answer
    return send


def stored(web, area="public"):
    root = web.files.areas[area].root
    return sorted(os.path.relpath(os.path.join(folder, name), root) for folder, _, names in os.walk(root)
                  for name in names)


def test_a_form_is_taken_into_the_storage(web, send):
    status, _, body = send("POST", f"/mvweb/?{JOHN}", form(), MULTIPART)
    assert (status, body.split(b"\n")[0]) == (200, b"OK: /mvweb/filestorage/box/a.png")
    assert stored(web) == ["box/a.png"]
    assert send("POST", f"/MVWEB?{JOHN}", form("b.png", ""), MULTIPART)[2].startswith(b"OK: /mvweb/filestorage/b.png")


def test_the_proof_may_be_in_the_form_or_in_basic(web, send):
    proof = "".join([f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in
                     (("authkey", KEY), ("authid", "john"), ("authpwd", "johnpass"))]).encode()
    assert send("POST", "/mvweb/", proof + form(), MULTIPART)[2].startswith(b"OK")
    assert send("POST", f"/mvweb/?authkey={KEY}", form("b.png"), MULTIPART, BASIC)[2].startswith(b"OK")
    assert stored(web) == ["box/a.png", "box/b.png"]


@pytest.mark.parametrize("query", ["", f"authkey={KEY}", f"authkey={KEY}&authid=john", f"authkey={KEY}&authid=john&authpwd=no"])
def test_without_a_proof_nothing_is_taken(web, send, query):
    for method, target, body, fields in (
            ("POST", f"/mvweb/?{query}", form(), [MULTIPART]),
            ("PUT", f"/x?{query}", b"RIFF", ["X-type: fileupload", "X-filename: a.wav"])):
        assert send(method, target, body, *fields, host=FAR)[2].startswith(b"ERROR: auth failed")
    assert stored(web) == stored(web, "recordings") == []


def test_names_cannot_lead_out(web, send):
    for name, path in (("..", "x"), ("x", ".."), (".hidden", "x"), ("x", ".")):
        assert send("POST", f"/mvweb/?{JOHN}", form(name, path), MULTIPART)[2] == b"ERROR: this name is not allowed"
    assert send("POST", f"/mvweb/?{JOHN}", form("../../../etc/passwd", "a/../../y"), MULTIPART)[2].startswith(
        b"OK: /mvweb/filestorage/a_.._.._y/passwd")


def test_a_file_goes_only_where_forms_go(web, send):
    assert send("POST", f"/mvweb/?{JOHN}&apientry=balance", form(), MULTIPART)[2].startswith(b"OK: /mvweb/")
    assert send("POST", f"/mvweb/?{JOHN}", b"", MULTIPART)[2].startswith(b"ERROR: missing parameter")
    assert b"ERROR: files come" in send("POST", f"/mvweb/?{JOHN}", b'[{"a": "b"}]', "Content-Type: application/json")[2]
    assert send("PUT", f"/mvweb/a.png?{JOHN}", b"x")[0] == 405


@pytest.mark.parametrize("method, target", [("PUT", "/"), ("PUT", "/any/where.php"), ("POST", "/"), ("POST", "/mvweb/"),
                                            ("POST", "/mvapireq/")])
def test_a_phone_sends_its_recording_anywhere(web, send, method, target):
    fields = ["X-type: fileupload", "X-filename: call.wav", "X-user: john", "X-caller: john", "X-called: 3612",
              "X-callid: abc@host", "X-server: sip.example", BASIC]
    assert send(method, f"{target}?authkey={KEY}", b"RIFF\0\xff", *fields)[2].startswith(b"OK: recording saved")
    name, = stored(web, "recordings")
    assert name.endswith("-abc_host-call.wav")
    with open(os.path.join(web.files.areas["recordings"].root, name), "rb") as file:
        assert file.read() == b"RIFF\0\xff"
    assert web.db.rows("SELECT sipcallid, callernumber, callednumber FROM tb_recordings") == [
        ("abc@host", "john", "3612")]


def test_a_recording_may_be_the_file_of_a_form(web, send):
    assert send("POST", f"/?{JOHN}", form("call.wav", data="RIFF"), MULTIPART, "X-type: fileupload",
                "X-callid: c1")[2].startswith(b"OK")
    assert stored(web, "recordings")[0].endswith("-c1-call.wav")


def test_what_no_phone_says_is_an_ordinary_request(web, send):
    assert send("POST", "/healthz", b"x", "X-type: other")[0] == 405
    assert send("PUT", "/healthz", b"x", "X-type: other")[0] == 405
    assert send("POST", "/mvapireq/?apientry=apitest1", b"", "X-type: x")[2] == b"OK: api test succeed"
    assert send("GET", "/healthz", b"", "X-type: fileupload")[2] == b"OK\n"


@pytest.mark.parametrize("field", ["Basic", "Basic !!!", "Basic /w==", "Digest x", "Bearer y"])
def test_an_authorization_that_cannot_be_read_proves_nothing(web, send, field):
    body = send("PUT", f"/?authkey={KEY}", b"x", "X-type: fileupload", f"Authorization: {field}")[2]
    assert body.startswith((b"ERROR: auth failed", b"ERROR: Authorization: Basic takes"))


def test_what_was_uploaded_is_offered_for_saving_only(web, send):
    send("POST", f"/mvweb/?{JOHN}", form("evil.html", data="<script>"), MULTIPART)
    os.renames(os.path.join(web.files.areas["public"].root, "box"), web.root_folder / "filestorage" / "box")
    status, fields, body = send("GET", "/mvweb/filestorage/box/evil.html", b"")
    assert (status, body) == (200, b"<script>") and fields["content-disposition"] == "attachment"
    assert fields["x-content-type-options"] == "nosniff" and fields["content-security-policy"].startswith("sandbox")


def test_a_large_file_leaves_in_pieces(web, send):
    data = bytes(range(256)) * 1000
    root = web.files.areas["files"].root
    os.makedirs(root)
    with open(os.path.join(root, "large"), "wb") as file:
        file.write(data)
    target = f"/mvapireq/?apientry=file&filename=large&authkey={KEY}&authid=root&authpwd=rootpass"
    status, fields, body = send("GET", target, b"")
    assert (status, body) == (200, data) and fields["content-disposition"] == 'attachment; filename="large"'
