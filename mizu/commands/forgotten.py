"""A forgotten password: question and answer, then a link by mail that sets a new one, once.

Whether an address belongs to an account shows neither in what is answered nor in when: a link is made after the
answer has left.
"""

from types import SimpleNamespace

from ..api.command import PUBLIC, command
from ..api.param import Param, secret, text
from ..base.errors import ApiError
from ..base.log import where
from ..base.message import Answer
from ..base.task import spawn
from ..records.credentials import check_password, hashed
from ..records.resets import LIFETIME

EMAIL = Param("email", text, "the e-mail address of the account", aliases=("u_email",))

AFTER = 0.1
"""Seconds between an answer and the work that it does not wait for."""

_GUESSES = SimpleNamespace(name="answers for one address", limit=(1 / 720, 5))
"""Five at once and five an hour."""

_TEXT = """A new password was asked for your account {username}.
Whoever has this can set it, once, within {minutes} minutes:

{how}

If it was not you who asked, do nothing: your password stays.
"""

_CODE = """    {token}

It is a code for the page or the app where you asked for it. If that has no place for a code, it goes to your provider's
server in the command forgotpasswordreset{server}:

    apientry=forgotpasswordreset&token={token}&newpassword=YOUR_NEW_PASSWORD"""
"""What the mail tells where no page is configured (reseturl)."""


@command("forgotpasswordquestion", group="accounts", access=PUBLIC, limit=(0.2, 10),
         summary="The question that a user has set for the day he forgets his password", params=[EMAIL])
async def forgotpasswordquestion(ctx, email):
    await ctx.server.db.gate()
    question = ctx.server.resets.question(_address(email))
    held = ctx.server.dispatcher.hold_back(Answer(f"OK: {question}", question))
    return held if isinstance(held, Answer) else await held


def _address(email):
    return email.strip()[:320]


@command("forgotpasswordanswer", group="accounts", access=PUBLIC, limit=(0.1, 5), alone=True,
         summary="If it is the right answer, a link that sets a new password is mailed",
         params=[EMAIL, Param("forgotpasswordanswer", secret, "the answer", aliases=("answer",))])
def forgotpasswordanswer(ctx, email, forgotpasswordanswer):
    server, address = ctx.server, _address(email)
    server.mails.require()
    wait = server.limits.command(_GUESSES).take(address.lower(), ctx.request.received)
    if wait:
        raise ApiError(429, f"too many answers for this address, try again in {wait:.0f} s")
    server.reactor.later(AFTER, lambda: spawn(_send_links(server, address, forgotpasswordanswer)).then(
        lambda future: _note_failure(server, future)))
    return Answer("OK: if that is the right answer, a link is on its way to your mailbox")


async def _send_links(server, address, answer):
    accounts = server.resets.answered(address, answer)
    if not accounts:
        return
    await server.db.gate()
    with server.db.unit() as unit:
        for id, username, email in accounts:
            token = server.resets.issue(unit, id)
            text = _TEXT.format(username=username, minutes=LIFETIME // 60, how=_how(server.settings, token))
            server.mails.put(unit, (email,), "Your new password", text, userid=id, secret=True)


def _how(settings, token):
    """How a token is used: the link of the operator's page, or the command."""
    if settings.reseturl:
        return settings.reseturl.replace("[TOKEN]", token)
    return _CODE.format(token=token, server=f" at {settings.domain}" if settings.domain else "")


def _note_failure(server, future):
    try:
        future.result()
    except Exception as error:
        server.log.error(f"a reset link was not sent: {where(error)}")


@command("forgotpasswordreset", group="accounts", access=PUBLIC, limit=(0.2, 10), audited=True,
         summary="Sets a new password with what was mailed, once",
         params=[Param("token", secret, "what the mail tells"), Param("newpassword", secret, "the new password")])
async def forgotpasswordreset(ctx, token, newpassword):
    server = ctx.server
    check_password(newpassword, server.settings.minpasswordlength)
    values = await hashed({"password": newpassword}, server.settings, server.workers, server.entropy)
    await server.db.gate()
    with server.db.unit(actor="forgotpasswordreset", kind="user") as unit:
        account = server.users.by_id(server.resets.take(unit, token) or 0)
        if account is None:
            raise ApiError(422, "this link is not good any more: ask for another")
        if newpassword.lower() == account.username.lower():
            raise ApiError(422, "the password must differ from the user name")
        server.users.update(unit, account.id, values)
    server.users.reload((account.id,))
    await server.db.durable()
    return Answer("OK: password changed")
