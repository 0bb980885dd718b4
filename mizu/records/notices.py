"""Notices of low credit: mails to those who asked for them (tb_users.sendlowcreditemail)."""

from ..base.errors import ApiError
from .ledger import money_text
from .mail import is_address

BATCH = 200
"""Mails of one transaction: some five milliseconds."""

SUBJECT = "Your credit is low"
TEXT = """Hello {name},

the balance of your account {username} is {credit} {currency}.
"""


async def send_notices(credits, mails, log=None):
    """Queue what is due since the last time; returns how many.  Without a mail server it stays due.

    A crash in between repeats some of them; none is lost but where the queue is full, which is logged.
    """
    if not mails.settings.smtpserver:
        return 0
    due = [row for row in (await credits.due_notices()).rows if is_address(row[3] or "")]
    done = 0
    try:
        for start in range(0, len(due), BATCH):
            await credits.db.gate()
            with credits.db.unit() as unit:
                for row in due[start:start + BATCH]:
                    _queue(unit, mails, *row)
            done += len(due[start:start + BATCH])
    except ApiError as error:
        if log is not None:
            log.error(f"{len(due) - done} notices of low credit are not sent: {error.message}")
    await credits.db.gate()
    with credits.db.unit() as unit:
        credits.noticed(unit)
    return done


def _queue(unit, mails, id, username, name, email, phone, language, credit, currency):
    text = TEXT.format(name=name or username, username=username, credit=money_text(round(credit * 1_000_000)),
                       currency=currency or mails.settings.defaultcurrency)
    mails.put(unit, (email,), SUBJECT, text, userid=id)
