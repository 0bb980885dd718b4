"""A user about himself: his details, his password, and whom he can find."""

from hmac import compare_digest

from ..api.command import USER, command
from ..api.param import Param, choice, integer, secret, text
from ..base.errors import ApiError
from ..base.message import Answer, Role
from ..records.credentials import check_password, ha1, hashed, realm

_MODES = {"min": ("name", "credit", "currency", "postpaid", "statustext"),
          "normal": ("basic", "statustext", "typetext", "credittext"),
          "max": ("all",)}
"""Mode -> words of getuser's details."""

_MOST_FOUND = 100


@command("getdetails", group="accounts", access=USER, summary="Profile, status and credit of the caller",
         params=[Param("mode", choice("min", "normal", "max"), "how much")])
async def getdetails(ctx, mode="normal"):
    account = _own(ctx)
    return Answer("OK", await ctx.server.listing.one(account.id, _MODES[mode], ctx.is_admin, actor=ctx.actor))


def _own(ctx):
    if ctx.user is None:
        raise ApiError(400, "missing user input")
    return ctx.user


@command("search", group="accounts", access=USER, summary="People by user name, name or number, in the caller's group",
         params=[Param("txt", text, "a part of the name or number"), Param("limit", integer, "how many at most")])
async def search(ctx, txt, limit=20):
    txt = txt.strip()
    if len(txt) < 2:
        raise ApiError(400, "parameter txt takes two characters or more")
    everybody = ctx.is_admin or ctx.principal.role == Role.SUPPORT
    rows = await ctx.server.listing.search(txt[:64], max(1, min(limit, _MOST_FOUND)),
                                           None if everybody else _own(ctx), ctx.actor)
    return Answer("OK", rows)


@command("changepwd", group="accounts", access=USER, audited=True, summary="Changes the caller's password",
         params=[Param("newpassword", secret, "the new one"), Param("oldpassword", secret, "the one until now")])
async def changepwd(ctx, newpassword, oldpassword=""):
    account, server = _own(ctx), ctx.server
    settings = server.settings
    if account is not ctx.principal.user:
        ctx.judge_rank(account.type)
    elif not oldpassword:
        raise ApiError(400, f"missing parameter oldpassword (the one until now; takes {secret.takes})")
    elif not _fits(account, oldpassword, settings):
        raise ApiError(403, "the old password is wrong")
    check_password(newpassword, settings.minpasswordlength)
    if newpassword.lower() == account.username.lower():
        raise ApiError(422, "the password must differ from the user name")
    values = await hashed({"password": newpassword}, settings, server.workers, server.entropy)
    await server.db.gate()
    with server.db.unit(actor=ctx.actor, kind="user") as unit:
        server.users.update(unit, account.id, values)
    server.users.reload((account.id,))
    await server.db.durable()
    return Answer("OK: password changed")


def _fits(account, password, settings):
    """Whether it is the account's password, in constant time."""
    kept = account.password or account.ha1
    given = password if account.password else ha1(account.username, realm(settings), password)
    return bool(kept) and compare_digest(given.encode(), kept.encode())
