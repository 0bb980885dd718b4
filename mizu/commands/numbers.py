"""Telephone numbers: offered, locked and assigned (the manual's chapter Assign phone number to users)."""

from ..api.command import ADMIN, USER, command
from ..api.param import Param, Type, integer, phone
from ..base.errors import ApiError
from ..base.message import Answer, Rows
from ..records.numbers import FULL, NOTHING
from .accounts import U_ID, U_USERNAME
from .writing import SYNC, settle

MOST = 1000
"""Numbers of one request: the pages of an onboarding show fewer."""


def _level(name, most):
    def parse(text):
        if text.strip() not in [str(level) for level in range(most + 1)]:
            raise ValueError
        return int(text)
    schema = {"type": "integer", "minimum": 0, "maximum": most}
    return Type(name, parse, f"a number from 0 to {most}", schema, str(most))


def _number(text):
    """A number as it stands in the pool: without blanks and brackets."""
    return phone.parse("".join([character for character in text if character not in " ()/"]))


NUM = Param("num", Type("number", _number, phone.takes, phone.schema, "01888888"), "the telephone number")
TTYPE = Param("ttype", integer, "the kind of number (tb_telnumbers.ttype)")


@command("getphonenumber", group="numbers", access=USER,
         summary="Free numbers, locked for a while so that nobody else is offered them",
         params=[Param("limit", integer, "how many"), TTYPE, U_ID, U_USERNAME])
async def getphonenumber(ctx, limit=1, ttype=0, u_id=None, u_username=None):
    if not 1 <= limit <= MOST:
        raise ApiError(400, f"parameter limit takes a number from 1 to {MOST}, not {limit}")
    account = _for_whom(ctx, u_id, u_username)
    server = ctx.server
    await server.db.gate()
    with server.db.unit() as unit:
        rows = server.numbers.offer(unit, limit, ttype, account, not ctx.is_admin)
    await settle(ctx, 1)
    return Answer("\n".join([row[0] for row in rows]), Rows(("number", "country", "price"), rows))


@command("lockphonenumber", group="numbers", access=USER, summary="Locks a number of the pool, or a free one",
         params=[NUM, U_ID, U_USERNAME, TTYPE])
async def lockphonenumber(ctx, num="", u_id=None, u_username=None, ttype=0):
    account = _for_whom(ctx, u_id, u_username)
    server = ctx.server
    await server.db.gate()
    with server.db.unit() as unit:
        number = server.numbers.lock(unit, num, ttype, account, ctx.is_admin)
    await settle(ctx, 1)
    return Answer(f"OK: {number}", {"number": number, "seconds": server.settings.numberlockseconds})


def _for_whom(ctx, u_id, u_username):
    """The account that a number is locked for; None where an administrator does not say yet."""
    if ctx.is_admin and u_id is None and not u_username and ctx.user is ctx.principal.user:
        return None
    return ctx.account(u_id, u_username, False)


@command("assignphonenumber", group="numbers", access=ADMIN, summary="Gives a number of the pool to an account",
         params=[U_ID, U_USERNAME, NUM,
                 Param("assignas", _level("assignas", 2), "1 as user name, 2 as telnumber, 0 as what is missing"),
                 Param("verify", _level("verify", 3), "3 a number of the pool, 2 or 1 also one of outside, 0 whatever"
                                                      " locks it and whether or not the account is there"),
                 TTYPE, SYNC])
async def assignphonenumber(ctx, u_id=None, u_username=None, num="", assignas=0, verify=FULL, ttype=0, sync=-1):
    server = ctx.server
    known = verify != NOTHING or u_id is None
    id = ctx.account(u_id, u_username).id if known else u_id
    await server.db.gate()
    with server.db.unit(actor=ctx.actor, kind="admin") as unit:
        number, column = server.numbers.assign(unit, num, ttype, id, assignas, verify)
    server.users.reload((id,))
    await settle(ctx, sync)
    return Answer(f"OK: {number}", {"number": number, "user_id": id, "assigned": column})
