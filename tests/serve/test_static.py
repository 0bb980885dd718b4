"""Files under /mvweb/: types, conditions, ranges, and no way out of the folder."""

import os

import pytest

from mizu.base.errors import ApiError
from mizu.serve.static import MAX_WHOLE, safe_path

from .web import parse_answers

LARGE = bytes(range(256)) * (MAX_WHOLE // 256 * 5)


@pytest.fixture
def folder(web):
    folder = web.root_folder
    (folder / "a.html").write_text("<b>hi</b>")
    (folder / "data.bin").write_bytes(b"0123456789")
    (folder / "large.wav").write_bytes(LARGE)
    (folder / "empty.txt").write_text("")
    (folder / "sub").mkdir()
    (folder / "sub" / "index.html").write_text("index")
    (folder / "filestorage").mkdir()
    (folder / "filestorage" / "evil.html").write_text("<script>")
    (folder / ".hidden").write_text("hidden")
    (folder.parent / "secret.txt").write_text("secret")
    (folder / "out").symlink_to(folder.parent / "secret.txt")
    (folder / "outdir").symlink_to(folder.parent)
    (folder / "inside").symlink_to(folder / "a.html")
    (folder / "leaking").mkdir()
    (folder / "leaking" / "index.html").symlink_to(folder.parent / "secret.txt")
    (folder / "storage").symlink_to(folder / "filestorage")
    os.mkfifo(folder / "pipe")
    return folder


@pytest.fixture
def fetch(web, folder):
    """fetch(name, field, …) -> (status, fields, body), with the workers' part done."""
    def fetch(name, *fields, method="GET"):
        stream = web.connect()
        lines = [f"{method} /mvweb{name} HTTP/1.1", "Host: h", *fields, "", ""]
        stream.say("\r\n".join(lines).encode())
        while web.workers.calls:
            web.workers.work()
        answer, = parse_answers(stream.sent, method)
        return answer
    return fetch


@pytest.mark.parametrize("name, kind, body", [
    ("/a.html", "text/html; charset=utf-8", b"<b>hi</b>"), ("/data.bin", "application/octet-stream", b"0123456789"),
    ("/empty.txt", "text/plain; charset=utf-8", b""), ("/sub/", "text/html; charset=utf-8", b"index"),
    ("//sub//index.html", "text/html; charset=utf-8", b"index"), ("/a%2ehtml?x=y", "text/html; charset=utf-8", b"<b>hi</b>"),
    ("/inside", "text/html; charset=utf-8", b"<b>hi</b>"), ("/large.wav", "audio/wav", LARGE)])
def test_a_file_is_served_as_what_it_is(fetch, name, kind, body):
    status, fields, got = fetch(name)
    assert (status, fields["content-type"], got) == (200, kind, body)
    assert fields["x-content-type-options"] == "nosniff" and fields["etag"].startswith('"')


@pytest.mark.parametrize("name", [
    "/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/%2e%2e%2fsecret.txt", "/sub/../../secret.txt",
    "/..%5csecret.txt", "/..\\secret.txt", "/a.html%00.txt", "/C:/x", "/c:secret", "/.hidden", "/sub/.",
    "/out", "/outdir/secret.txt", "/leaking/", "/leaking/index.html", "/outdir/", "/pipe"])
def test_there_is_no_way_out(fetch, name):
    status, _, body = fetch(name)
    assert status == 403 and b"secret\n" not in body and b"hidden" not in body


@pytest.mark.parametrize("name", ["/nothing", "/a.html/x", "/%252e%252e/secret.txt", "//etc/passwd", "/%2fetc%2fpasswd",
                                  "/" + "x" * 300, "/"])
def test_what_is_not_there_is_404(fetch, name):
    assert fetch(name)[0] == 404


def test_a_folder_is_sent_to_its_slash(fetch):
    status, fields, _ = fetch("/sub")
    assert (status, fields["location"]) == (301, "sub/")
    assert fetch("")[1]["location"] == "mvweb/"


@pytest.mark.parametrize("name", ["/filestorage/evil.html", "/%66ilestorage/evil.html", "//filestorage/evil.html",
                                  "/storage/evil.html"])
def test_uploads_are_only_offered_for_saving_however_they_are_spelt(fetch, name):
    status, fields, body = fetch(name)
    assert (status, body) == (200, b"<script>") and fields["content-disposition"] == "attachment"
    assert "sandbox" in fields["content-security-policy"] and fields["x-content-type-options"] == "nosniff"


def test_what_has_not_changed_is_not_sent_again(fetch):
    _, fields, _ = fetch("/a.html")
    etag, changed = fields["etag"], fields["last-modified"]
    for field in (f"If-None-Match: {etag}", f'If-None-Match: "x", W/{etag}', "If-None-Match: *",
                  f"If-Modified-Since: {changed}"):
        status, again, body = fetch("/a.html", field)
        assert (status, body, again["etag"]) == (304, b"", etag) and "content-length" not in again
    assert fetch("/a.html", 'If-None-Match: "x"')[0] == 200
    assert fetch("/a.html", 'If-None-Match: "x"', f"If-Modified-Since: {changed}")[0] == 200


@pytest.mark.parametrize("asked, span", [
    ("bytes=0-3", "0-3"), ("bytes=4-", "4-9"), ("bytes=-3", "7-9"), ("bytes=8-99", "8-9"), ("Bytes = 0-0", "0-0"),
    ("bytes=-99", "0-9")])
def test_a_range_is_a_part(fetch, asked, span):
    status, fields, body = fetch("/data.bin", f"Range: {asked}")
    first, last = map(int, span.split("-"))
    assert (status, body) == (206, b"0123456789"[first:last + 1]) and fields["content-range"] == f"bytes {span}/10"


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_a_range_outside_is_416(fetch, asked):
    status, fields, _ = fetch("/data.bin", f"Range: {asked}")
    assert (status, fields["content-range"]) == (416, "bytes */10")


@pytest.mark.parametrize("asked", ["bytes=5-3", "lines=1-2", "bytes=0-1,3-4", "bytes=x-", "bytes", "bytes=",
                                   "bytes=" + "9" * 5000 + "-", "bytes=\u0661-2"])
def test_a_range_that_means_nothing_is_ignored(fetch, asked):
    assert fetch("/data.bin", f"Range: {asked}")[::2] == (200, b"0123456789")


def test_a_range_counts_only_for_the_file_it_was_meant_for(fetch):
    fields = fetch("/data.bin")[1]
    for good in (fields["etag"], fields["last-modified"]):
        assert fetch("/data.bin", "Range: bytes=0-1", f"If-Range: {good}")[0] == 206
    assert fetch("/data.bin", "Range: bytes=0-1", 'If-Range: "old"')[0] == 200


def test_a_range_of_a_large_file_comes_in_pieces(fetch):
    status, fields, body = fetch("/large.wav", f"Range: bytes=100-{len(LARGE) - 5}")
    assert (status, body) == (206, LARGE[100:-4])


@pytest.mark.parametrize("name", ["/a.html", "/large.wav", "/empty.txt", "/nothing"])
def test_head_has_the_head_of_get(fetch, name):
    status, fields, body = fetch(name)
    assert fetch(name, method="HEAD") == (status, fields, b"") and int(fields["content-length"]) == len(body)


def test_the_next_request_waits_until_the_file_has_left(web, folder):
    stream = web.connect()
    stream.say(b"GET /mvweb/large.wav HTTP/1.1\r\nHost: h\r\n\r\nGET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
    while web.workers.calls:
        assert not stream.sent.endswith(b"OK\n")
        web.workers.work()
    assert [len(body) for _, _, body in parse_answers(stream.sent)] == [len(LARGE), 3]


def test_when_the_workers_have_too_much_to_do_it_says_so(web, folder, monkeypatch):
    from mizu.base.task import Future
    failed = Future()
    failed.fail(RuntimeError("full"))
    monkeypatch.setattr(web.workers, "run", lambda *args: failed)
    assert web.get("/mvweb/a.html")[0] == 503


def test_safe_path_needs_no_file_system_to_refuse(tmp_path):
    for name in ("..", "a/../b", "a\\b", "a:b", "a\0", ".x", "a/.git/config"):
        with pytest.raises(ApiError):
            safe_path(str(tmp_path), name)
    assert safe_path(str(tmp_path), "/a//b") == str(tmp_path.resolve() / "a" / "b")
