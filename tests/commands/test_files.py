"""putfile, getfile, pputfile, pgetfile, file, fileupload, recordupload."""

import base64
import os

import pytest

from mizu.api.command import TABLE
from mizu.commands.files import LONGEST_TOLD, WHOLE

HELLO = b"Hello \xff\xfe\0"
ENCODED = base64.b64encode(HELLO).decode()


def path(town, area, name):
    return os.path.join(town.files.areas[area].root, name)


def written(town, area, name):
    with open(path(town, area, name), "rb") as file:
        return file.read()


@pytest.fixture
def sent(town):
    """sent(entry, by, (name, bytes), **params): a file that came in a form."""
    def send(entry, by, file, **params):
        real = TABLE[entry].function

        async def with_files(ctx, *args):
            ctx.request.files = {"filedata": file}
            return await real(ctx, *args)
        TABLE[entry].function = with_files
        try:
            return town.ask(entry, by, **params)
        finally:
            TABLE[entry].function = real
    return send


@pytest.mark.parametrize("put, get, area", [("putfile", "getfile", "files"), ("pputfile", "pgetfile", "public")])
def test_a_file_goes_in_and_comes_back_in_base64(town, put, get, area):
    answer = town.ask(put, filename="a/b.bin", filedata=ENCODED)
    assert answer.message == "OK: a/b.bin saved, 9 bytes" and answer.data["size"] == 9
    assert written(town, area, "a/b.bin") == HELLO
    answer = town.ask(get, filename="a/b.bin")
    assert answer.data == {"filename": "a/b.bin", "size": 9, "filedata": ENCODED}
    assert town.ask(put, param1="c", param2=ENCODED).data["filename"] == "c"
    assert town.refused(get, filename="nothing") == (404, "no such file")


def test_the_public_one_has_an_address(town):
    assert town.ask("pputfile", filename="a/b.txt", filedata=ENCODED).data["url"] == "/mvweb/filestorage/a/b.txt"


@pytest.mark.parametrize("text", [
    "SGVsbG8gV29ybGQ/Pz4+", "SGVsbG8gV29ybGQ_Pz4-", "SGVsbG8gV29ybGQ/Pz4 ", "SGVsbG8g\r\nV29ybGQ/Pz4+"])
def test_base64_may_be_written_as_urls_and_mails_do(town, text):
    text = text[:-1] + "+" if text.endswith(" ") else text
    town.ask("putfile", filename="x", filedata=text)
    assert written(town, "files", "x") == b"Hello World??>>"


def test_base64_may_lack_its_padding(town):
    for end in ("", "=", "=="):
        town.ask("putfile", filename="x", filedata="SGVsbA" + end)
        assert written(town, "files", "x") == b"Hell"


@pytest.mark.parametrize("text", ["S", "SGVs*G8=", "SG=VsbG8", "ä", "SGVsbG8€"])
def test_what_is_no_base64_is_refused_and_nothing_written(town, text):
    assert town.refused("putfile", filename="x", filedata=text) == (400, "parameter filedata takes Base64")
    assert not os.path.exists(path(town, "files", "x"))
    assert town.refused("putfile", filename="x")[0] == 400


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "C:\\x", "a\0b", "..\\x", ".x", "a/../../x", "a/"])
@pytest.mark.parametrize("entry", ["putfile", "pputfile", "getfile", "pgetfile", "file"])
def test_nothing_leads_out(town, entry, name):
    params = {"filedata": ENCODED} if "put" in entry else {}
    assert town.refused(entry, filename=name, **params) == (403, "this name is not allowed")


@pytest.mark.parametrize("entry", ["putfile", "pputfile", "getfile", "pgetfile", "file"])
def test_files_are_for_administrators(town, entry):
    for who in ("john", "boss", "agent"):
        assert town.refused(entry, who, filename="x", filedata=ENCODED)[0] == 403
    assert TABLE[entry].audited


def test_commands_that_write_files_stay_out_of_a_batch():
    assert all(TABLE[entry].alone for entry in ("putfile", "pputfile", "fileupload", "recordupload"))


def test_the_audit_row_keeps_the_name_and_not_the_file(town):
    from mizu.api.command import Context
    from mizu.base.message import Peer, Principal, Request, Role, Session
    from records.store import wait
    request = Request("putfile", {"filename": "x", "filedata": "A" * 40_000}, Peer("http", "10.0.0.1", 5))
    command = TABLE["putfile"]
    context = Context(request, Principal(None, Role.ADMIN), Session(request.peer), command, town)
    wait(command.function(context, *command.bind(request.params)))
    assert request.params["filename"] == "x" and len(request.params["filedata"]) == LONGEST_TOLD + 1


def test_file_sends_it_as_it_is_from_the_file_folder_else_from_the_log(town):
    town.ask("putfile", filename="a/b.txt", filedata=ENCODED)
    os.makedirs(town.files.areas["logs"].root)
    with open(path(town, "logs", "mizud.log"), "w") as log:
        log.write("line")
    blob = town.ask("file", filename="a/b.txt").blob
    assert (blob.body, blob.filename, blob.content_type) == (HELLO, "b.txt", "application/octet-stream")
    assert town.ask("file", filename="mizud.log").blob.body == b"line"
    town.ask("putfile", filename="large", filedata=base64.b64encode(bytes(WHOLE + 1)).decode())
    blob = town.ask("file", filename="large").blob
    assert blob.length == WHOLE + 1 and len(blob.body.read()) == WHOLE + 1
    blob.body.close()
    assert town.refused("file", filename="nothing") == (404, "no such file")


def test_a_user_uploads_into_the_public_storage_and_replaces_nothing(town, sent):
    answer = sent("fileupload", "john", ("C:\\home\\my photo.jpg", HELLO), filepath="chat/../ä")
    assert answer.message == "OK: /mvweb/filestorage/chat_..__/my_photo.jpg"
    assert written(town, "public", "chat_..__/my_photo.jpg") == HELLO
    assert sent("fileupload", "kid", ("my photo.jpg", HELLO), filepath="chat/../ä").data["size"] == 9
    with pytest.raises(Exception, match="there is a file of this name already"):
        sent("fileupload", "kid", ("my photo.jpg", b"other"), filepath="chat/../ä")
    sent("fileupload", "root", ("my photo.jpg", b"other"), filepath="chat/../ä")
    assert written(town, "public", "chat_..__/my_photo.jpg") == b"other"
    assert town.ask("fileupload", "john", filename="x.txt", filedata=ENCODED).data["url"] == "/mvweb/filestorage/x.txt"
    assert town.refused("fileupload", "john", filedata=ENCODED)[0] == 400


@pytest.mark.parametrize("name", ["..", ".htaccess", "."])
def test_hidden_names_are_refused_after_cleaning_too(town, sent, name):
    with pytest.raises(Exception, match="not allowed"):
        sent("fileupload", "john", (name, HELLO))
    with pytest.raises(Exception, match="not allowed"):
        sent("fileupload", "john", ("x", HELLO), filepath=name)


def test_a_phone_sends_the_recording_of_its_call(town, sent):
    answer = sent("recordupload", "john", ("call 1.wav", HELLO), callid="abc@host", caller="john", called="3612")
    name = f"2023/11/14/{town.john}-abc_host-call_1.wav"
    assert answer.data["size"] == 9 and written(town, "recordings", name) == HELLO
    assert town.db.rows("SELECT userid, sipcallid, callernumber, callednumber, filename FROM tb_recordings") == [
        (town.john, "abc@host", "john", "3612", "uploaded/" + name)]
    assert sent("recordupload", "john", ("call 1.wav", HELLO), callid="abc@host").data["id"] == answer.data["id"]
    assert sent("recordupload", "kid", ("call 1.wav", HELLO), callid="abc@host").data["id"] != answer.data["id"]
    assert sent("recordupload", "john", ("x", HELLO)).data["id"] == 3
    assert town.refused("recordupload", filename="x", filedata=ENCODED) == (400, "missing user input")
