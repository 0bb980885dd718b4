"""Those who asked for it hear by mail that their credit is low, once."""

import pytest

from mizu.records.notices import send_notices

from .store import add, records, wait


@pytest.fixture
def store(tmp_path):
    services = records(tmp_path, "smtpserver=mail", "smtpfrom=pbx@example.com", "lowcredit=2")
    yield services
    services.db.close()


def fall(store, id, micros=-9_000_000):
    with store.db.unit() as unit:
        store.ledger.add(unit, store.users.by_id(id), micros, "call", "test")


def user(store, username, **values):
    return add(store, username, **{"credit": 10, "sendlowcreditemail": 1, "email": f"{username}@example.org",
                               "currency": "EUR", **values})


def test_a_notice_tells_the_balance_once(store):
    ids = [user(store, "john", name="John"), user(store, "kid", sendlowcreditemail=0), user(store, "ann", email="?"),
           user(store, "rich", credit=100)]
    store.clock.advance(60)
    for id in ids:
        fall(store, id)
    assert wait(send_notices(store.credits, store.mails)) == 1
    store.clock.advance(60)
    assert wait(send_notices(store.credits, store.mails)) == 0
    store.mails.outbox.tick()
    mail, = store.gateways.mails
    assert mail.recipients == ("john@example.org",) and "Hello John" in mail.text and "john is 1.00 EUR" in mail.text


def test_without_a_mail_server_it_stays_due(store):
    id = user(store, "john")
    store.clock.advance(60)
    fall(store, id)
    store.settings.smtpserver = ""
    assert wait(send_notices(store.credits, store.mails)) == 0
    store.settings.smtpserver = "mail"
    assert wait(send_notices(store.credits, store.mails)) == 1


def test_a_full_queue_is_logged_and_ends_nothing(store, monkeypatch):
    from types import SimpleNamespace
    monkeypatch.setattr("mizu.records.outbox.MOST", 1)
    ids = [user(store, f"u{n}") for n in range(3)]
    store.clock.advance(60)
    for id in ids:
        fall(store, id)
    lines = []
    assert wait(send_notices(store.credits, store.mails, SimpleNamespace(error=lines.append))) == 0
    assert lines == ["3 notices of low credit are not sent: 1 messages wait to be sent already"]
    assert wait(send_notices(store.credits, store.mails)) == 0
