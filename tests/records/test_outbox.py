"""What is queued is sent, once if all goes well, again after pauses if not, and its secrets are forgotten."""

import pytest

from mizu.base.errors import ApiError
from mizu.records.outbox import KEPT, PAUSES, Outbox

from .store import Now, records, wait

SETS = ("smtpserver=mail.example.com", "smtpfrom=pbx@example.com", "smsurl=http://gw/?f=[FROM]&t=[TO]&m=[TEXT]&p=s3cret",
        "smsfrom=PBX")


@pytest.fixture
def store(tmp_path):
    services = records(tmp_path, *SETS)
    yield services
    services.db.close()


def put_mail(store, *to, **more):
    with store.db.unit() as unit:
        return store.mails.put(unit, to or ("a@example.org",), "Subject", "Text", **more)


def rows(store, columns="state, tries, error", table="tb_mailqueue"):
    return store.db.rows(f"SELECT {columns} FROM {table} ORDER BY id")


def test_a_mail_leaves_with_the_next_tick_and_only_then(store):
    id = put_mail(store, "a@example.org", "b@example.org")
    assert store.gateways.mails == [] and len(store.mails.outbox) == 1
    store.mails.outbox.tick()
    mail, = store.gateways.mails
    assert (mail.sender, mail.recipients, mail.subject, mail.text) == (
        "pbx@example.com", ("a@example.org", "b@example.org"), "Subject", "Text")
    assert mail.id.startswith(f"{id}.2023")
    store.mails.outbox.tick()
    assert len(store.gateways.mails) == 1 and rows(store) == [("sent", 1, "")]


def test_a_mail_goes_with_its_transaction(store):
    with pytest.raises(ZeroDivisionError), store.db.unit() as unit:
        store.mails.put(unit, ("a@example.org",), "Subject", "Text")
        1 / 0
    store.mails.outbox.tick()
    assert store.gateways.mails == [] and rows(store) == []


def test_what_fails_is_tried_again_after_pauses_and_given_up_in_the_end(store):
    put_mail(store)
    store.gateways.faults = [ApiError(503, "no"), OSError("gone")] + [ApiError(503, "no")] * len(PAUSES)
    for tries, pause in enumerate(PAUSES, 1):
        store.mails.outbox.tick()
        assert rows(store, "state, tries") == [("queued", tries)]
        store.clock.advance(pause - 1)
        store.mails.outbox.tick()
        assert rows(store, "state, tries") == [("queued", tries)]
        store.clock.advance(1)
    store.mails.outbox.tick()
    assert rows(store) == [("failed", len(PAUSES) + 1, "no")]
    store.clock.advance(100 * 86400)
    store.mails.outbox.tick()
    assert store.gateways.mails == []


def test_what_is_refused_for_good_is_not_tried_again_and_holds_nobody_up(store):
    put_mail(store)
    put_mail(store, "b@example.org")
    store.gateways.faults = [ApiError(422, "no such mailbox")]
    store.mails.outbox.tick()
    assert rows(store) == [("failed", 1, "no such mailbox"), ("sent", 1, "")]


def test_an_attempt_is_counted_before_it_is_made(store):
    """A crash in the middle leaves a row that is tried again, but not at once."""
    put_mail(store)
    seen = []
    store.mails.send = lambda gateway, mail: seen.append(store.db.row("SELECT state, tries, nexttry > datum"
                                                                      " FROM tb_mailqueue"))
    store.mails.outbox.tick()
    assert seen == [("queued", 1, 1)]


@pytest.mark.parametrize("fault", [None, ApiError(422, "no")])
def test_a_secret_is_forgotten_once_it_has_left(store, fault):
    put_mail(store, secret=True)
    put_mail(store)
    store.gateways.faults = [fault] if fault else []
    store.mails.outbox.tick()
    assert rows(store, "message") == [("",), ("Text",)]


def test_the_queue_is_bounded_and_what_is_old_leaves_it(store, monkeypatch):
    monkeypatch.setattr("mizu.records.outbox.MOST", 2)
    monkeypatch.setattr("mizu.records.outbox.PURGED", 1)
    put_mail(store)
    put_mail(store)
    with pytest.raises(ApiError) as error:
        put_mail(store)
    assert error.value.code == 503
    for _ in range(2):
        store.mails.outbox.tick()
    put_mail(store)
    store.clock.advance(KEPT + 1)
    wait(store.mails.outbox.purge())
    assert rows(store, "state") == [("queued",)]


def test_it_begins_nothing_once_it_is_stopped(store):
    put_mail(store)
    store.mails.outbox.stop()
    store.mails.outbox.tick()
    assert store.gateways.mails == [] and not store.mails.outbox.busy


def test_a_busy_database_leaves_the_rest_to_the_next_tick(store, monkeypatch):
    put_mail(store)

    async def gate():
        raise ApiError(503, "the database is busy")
    with monkeypatch.context() as patch:
        patch.setattr(store.db, "gate", gate)
        store.mails.outbox.tick()
    assert store.gateways.mails == [] and not store.mails.outbox.busy
    store.mails.outbox.tick()
    assert len(store.gateways.mails) == 1


@pytest.mark.parametrize("address", ["", "a", "a@", "@b", "a@b c", "a@b,c@d", "a@b\nBcc: c@d", "<a@b>", "a@b;c@d",
                                     "a..b@c", "a@" + "b" * 300, "é@b", "a@b>\r\nDATA"])
def test_what_is_no_address_gets_no_mail(store, address):
    with pytest.raises(ApiError) as error:
        put_mail(store, address)
    assert error.value.code == 422
    with store.db.unit() as unit:        # not even from a row that SQL has made
        unit.run("INSERT INTO tb_mailqueue (toaddress) VALUES (?)", (address,))
    store.mails.outbox.tick()
    if address not in ("a@b,c@d", "a@b;c@d"):      # SQL may name several
        assert store.gateways.mails == [] and rows(store, "state") == [("failed",)]


def test_line_ends_never_reach_a_header(store):
    with store.db.unit() as unit:
        store.mails.put(unit, ("a@example.org",), "One\r\nBcc: x@y\r\n\r\nBody", "Text")
        unit.run("INSERT INTO tb_mailqueue (toaddress, subject, fromaddress) VALUES ('a@b', ?, ?)",
                 ("x\r\nBcc: y", "e@f\r\nX: y"))
    store.mails.outbox.tick()
    assert [(mail.subject, mail.sender) for mail in store.gateways.mails] == [
        ("One  Bcc: x@y    Body", "pbx@example.com"), ("x  Bcc: y", "e@f  X: y")]


def test_without_a_gateway_the_setting_is_named(tmp_path):
    store = records(tmp_path)
    for put, name in ((lambda unit: store.mails.put(unit, ("a@b",), "s", "t"), "smtpserver"),
                      (lambda unit: store.smsout.put(unit, "123456", "t"), "smsurl")):
        with pytest.raises(ApiError) as error, store.db.unit() as unit:
            put(unit)
        assert error.value.code == 501 and name in error.value.message
    store.db.close()


# -- SMS

def put_sms(store, to="+36 (30) 123-4567", text="Szia & 50%", **more):
    with store.db.unit() as unit:
        return store.smsout.put(unit, to, text, **more)


def test_an_sms_goes_to_the_gateways_url_with_its_values_quoted(store):
    put_sms(store)
    put_sms(store, text="[TO][FROM]", sender="a&b=c")
    store.smsout.outbox.tick()
    assert store.gateways.urls == ["http://gw/?f=PBX&t=%2B36301234567&m=Szia%20%26%2050%25&p=s3cret",
                                   "http://gw/?f=a%26b%3Dc&t=%2B36301234567&m=%5BTO%5D%5BFROM%5D&p=s3cret"]
    assert rows(store, "state, gatewayid", "tb_smsqueue") == [("sent", "ID: 42")] * 2


@pytest.mark.parametrize("reply, state", [
    ((500, "oops"), "queued"), ((429, ""), "queued"), ((403, "no credit"), "failed"), ((302, ""), "queued"),
    ((200, "ERR: 114"), "queued"), ((200, "ERROR: x"), "queued"), ((202, ""), "sent")])
def test_what_the_gateway_says_decides(store, reply, state):
    store.gateways.reply = reply
    put_sms(store)
    store.smsout.outbox.tick()
    (found, error), = rows(store, "state, error", "tb_smsqueue")
    assert found == state and "s3cret" not in error


@pytest.mark.parametrize("number", ["", "12", "abc", "+", "1" * 21, "0036\r\n30", "٣٦٣٠١٢٣"])
def test_what_is_no_number_gets_no_sms(store, number):
    with pytest.raises(ApiError) as error:
        put_sms(store, number)
    assert error.value.code == 422


def test_a_row_that_cannot_be_sent_does_not_come_up_again_and_again(store):
    """Whatever the sender raises is an end of the attempt."""
    outbox = Outbox(store.db, store.clock, Now(), "tb_smsqueue", ("id",), lambda row: {}["x"])
    put_sms(store)
    outbox.tick()
    assert rows(store, table="tb_smsqueue") == [("queued", 1, "KeyError('x')")]
