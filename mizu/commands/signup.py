"""Sign-up: from anywhere with a few fields, from trusted places with all (the manual's NewUser API examples)."""

import re
from types import SimpleNamespace

from ..api.command import PUBLIC, SENSITIVE, command
from ..api.param import Param, money, secret, text, username
from ..base.errors import ApiError
from ..records.credentials import check_password
from ..records.values import decimal
from .accounts import added
from .writing import SYNC

_FIELDS = ("username", "password", "name", "email", "phone", "currency", "country", "address")

_PER_DEVICE = SimpleNamespace(name="newuseru of one device", limit=(1 / 3600, 3))
"""Three accounts at once and one an hour: a household's phone, not a farm."""

_CURRENCY = re.compile(r"[A-Za-z]{2,10}", re.ASCII)

PARAMS = [
    Param("u_username", username, "name of the new account"), Param("u_password", secret, "its password"),
    Param("u_name", text, "full name"), Param("u_email", text, "e-mail address"), Param("u_phone", text, "telephone"),
    Param("u_currency", text, "currency, as USD"), Param("u_country", text, "country"),
    Param("u_address", text, "postal address"), Param("deviceid", text, "identifies the device that signs up"),
]


@command("newuseru", group="accounts", access=PUBLIC, limit=(0.1, 5), audited=True, fields=True,
         summary="Signs up a new end user from an untrusted place", params=PARAMS)
async def newuseru(ctx, u_username, u_password, u_name="", u_email="", u_phone="", u_currency="", u_country="",
                   u_address="", deviceid=""):
    server = ctx.server
    for name in ctx.fields():
        if name not in _FIELDS and name != "deviceid":
            raise ApiError(400, f"unknown field u_{name[:64]}: a sign-up takes {', '.join(_FIELDS)}, deviceid")
    check_password(u_password, server.settings.minpasswordlength)
    if u_password.lower() == u_username.lower():
        raise ApiError(422, "the password must differ from the user name")
    if u_currency and not _CURRENCY.fullmatch(u_currency):
        raise ApiError(400, "parameter u_currency takes a currency such as USD")
    if deviceid:
        wait = server.limits.command(_PER_DEVICE).take(deviceid[:200], ctx.request.received)
        if wait:
            raise ApiError(429, f"too many sign-ups of this device, try again in {wait:.0f} s")
    fields = _sent(u_username, u_password, u_name, u_email, u_phone, u_currency, u_country, u_address)
    fields.update(type=0, credit=decimal(server.settings.newusercredit), deviceid=deviceid[:200])
    return await added(ctx, fields, kind="signup")


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
