"""Sign-up: from anywhere with a few fields, from trusted places with all (the manual's NewUser API examples).

With `newuserverify` the one from anywhere takes two steps: newuseru sends a code, newusercode makes the account.
"""

import re
from types import SimpleNamespace

from ..api.command import ADMIN, PUBLIC, SENSITIVE, command
from ..api.param import Param, money, secret, text, username
from ..base.errors import ApiError
from ..base.message import Answer
from ..records.credentials import check_password
from ..records.mail import is_address
from ..records.signups import LIFETIME
from ..records.smsout import sms_number
from ..records.values import decimal
from .accounts import U_ID, added
from .writing import SYNC, refuse_pooled, settle

_FIELDS = ("username", "password", "name", "email", "phone", "currency", "country", "address")

_PER_DEVICE = SimpleNamespace(name="newuseru of one device", limit=(1 / 3600, 3))
"""Three accounts at once and one an hour: a household's phone, not a farm."""

_PER_TARGET = SimpleNamespace(name="codes to one address", limit=(1 / 1200, 3))
"""Three codes at once and three an hour: nobody's mailbox is filled by strangers, and fifteen guesses an hour at a
code of six digits come to nothing."""

_CODE = "{code} is your code for the account {username}. It is good for {minutes} minutes."

_CURRENCY = re.compile(r"[A-Za-z]{2,10}", re.ASCII)

PARAMS = [
    Param("u_username", username, "name of the new account"), Param("u_password", secret, "its password"),
    Param("u_name", text, "full name"), Param("u_email", text, "e-mail address"), Param("u_phone", text, "telephone"),
    Param("u_currency", text, "currency, as USD"), Param("u_country", text, "country"),
    Param("u_address", text, "postal address"), Param("deviceid", text, "identifies the device that signs up"),
]


@command("newuseru", group="accounts", access=PUBLIC, limit=(0.1, 20), audited=True, fields=True,
         summary="Signs up a new end user from an untrusted place", params=PARAMS)
async def newuseru(ctx, u_username, u_password, u_name="", u_email="", u_phone="", u_currency="", u_country="",
                   u_address="", deviceid=""):
    server = ctx.server
    for name in ctx.fields():
        if name not in _FIELDS and name != "deviceid":
            raise ApiError(400, f"unknown field u_{name[:64]}: a sign-up takes {', '.join(_FIELDS)}, deviceid")
    _judge_password(ctx, u_username, u_password)
    refuse_pooled(ctx, u_username)
    if u_currency and not _CURRENCY.fullmatch(u_currency):
        raise ApiError(400, "parameter u_currency takes a currency such as USD")
    if deviceid:
        wait = server.limits.command(_PER_DEVICE).take(deviceid[:200], ctx.request.received)
        if wait:
            raise ApiError(429, f"too many sign-ups of this device, try again in {wait:.0f} s")
    fields = _sent(u_username, u_password, u_name, u_email, u_phone, u_currency, u_country, u_address)
    if server.settings.newuserverify != "0":
        return await _pending(ctx, fields, deviceid[:200])
    return await _signed_up(ctx, fields, deviceid[:200])


def _judge_password(ctx, name, password):
    check_password(password, ctx.server.settings.minpasswordlength)
    if password.lower() == name.lower():
        raise ApiError(422, "the password must differ from the user name")


async def _signed_up(ctx, fields, deviceid):
    fields = {**fields, "type": 0, "credit": decimal(ctx.server.settings.newusercredit), "deviceid": deviceid}
    return await added(ctx, fields, kind="signup")


async def _pending(ctx, fields, deviceid):
    """The first step: the code is on its way, and the password comes again with it."""
    server, verify = ctx.server, ctx.server.settings.newuserverify
    name = fields["username"]
    target = _target(server, verify, fields)
    server.users.refuse_taken(name)
    wait = server.limits.command(_PER_TARGET).take(target.lower(), ctx.request.received)
    if wait:
        raise ApiError(429, f"too many codes were sent there, try again in {wait:.0f} s")
    kept = {field: value for field, value in fields.items() if field not in ("username", "password", "deviceid")}
    await server.db.gate()
    with server.db.unit() as unit:
        code = server.signups.begin(unit, name, deviceid, kept)
        text = _CODE.format(code=code, username=name, minutes=LIFETIME // 60)
        if verify == "mail":
            server.mails.put(unit, (target,), f"Your code for {name}", text, secret=True)
        else:
            server.smsout.put(unit, target, text, secret=True)
    await settle(ctx, 1)
    return Answer(f"OK: pending, a code was sent by {verify}: send it with newusercode",
                  {"username": name, "verify": verify, "lifetime": LIFETIME})


def _target(server, verify, fields):
    """Where the code goes, as newuserverify says."""
    if verify == "mail":
        server.mails.require()
        if not is_address(fields.get("email", "")):
            raise ApiError(400, "parameter u_email takes the e-mail address that the code is sent to")
        return fields["email"]
    server.smsout.require()
    if not fields.get("phone"):
        raise ApiError(400, "parameter u_phone takes the telephone number that the code is sent to")
    return sms_number(fields["phone"])


@command("newusercode", group="accounts", access=PUBLIC, limit=(0.2, 10), audited=True,
         summary="Second step of a sign-up: the code that was sent makes the account",
         params=[Param("u_code", secret, "the code", aliases=("code",)),
                 Param("u_username", username, "name of the new account"),
                 Param("u_password", secret, "its password, once more"),
                 Param("deviceid", text, "the same as in the first step")])
async def newusercode(ctx, u_code, u_username, u_password, deviceid=""):
    server = ctx.server
    if server.settings.newuserverify == "0":
        raise ApiError(501, "sign-ups need no code: set newuserverify to mail or sms")
    _judge_password(ctx, u_username, u_password)
    id, fields = await server.signups.confirmed(u_username, deviceid[:200], u_code.strip())
    answer = await _signed_up(ctx, {**fields, "username": u_username, "password": u_password}, deviceid[:200])
    await server.db.gate()
    with server.db.unit() as unit:
        server.signups.end(unit, id)
    return answer


def _sent(*values):
    """{field: text} of the parameters that were sent."""
    return {name: value for name, value in zip((*_FIELDS, "deviceid"), values) if value}


@command("newuseri", also=("newuser",), group="accounts", access=SENSITIVE, fields=True,
         summary="Adds an account for a trusted source, with any field of tb_users as u_NAME",
         params=[*PARAMS, Param("credit", money, "credit to begin with", aliases=("u_credit",)), SYNC])
async def newuseri(ctx, u_username, u_password="", u_name="", u_email="", u_phone="", u_currency="", u_country="",
                   u_address="", deviceid="", credit=None, sync=-1):
    sent = _sent(u_username, u_password, u_name, u_email, u_phone, u_currency, u_country, u_address, deviceid)
    fields = {**ctx.fields(), **sent}
    if credit is not None:
        fields["credit"] = decimal(credit)
    return await added(ctx, fields, sync)


@command("newuserevent", also=("newusersevent",), group="accounts", access=ADMIN, alone=True,
         summary="Announces an account that was added beside the API, or all of them, to whoever keeps accounts",
         params=[U_ID])
def newuserevent(ctx, u_id=None):
    server = ctx.server
    if u_id is None:
        server.users.forget()
        return Answer("OK: all accounts are read again")
    if server.users.by_id(u_id) is None:
        raise ApiError(404, f"no such user: {u_id}")
    server.fields.touched("tb_users", u_id)
    return Answer("OK: user announced")
