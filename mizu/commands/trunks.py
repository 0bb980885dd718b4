"""Trunks in the old way (the manual's [OLD] Addserver API parameters); adduser does it with the fields' own names."""

import re

from ..api.command import ADMIN, command
from ..api.param import Param, choice, integer, money, secret, text, username
from ..base.errors import ApiError
from ..base.message import Answer
from ..records.account import SENDER, SERVER
from ..records.newusers import extras
from ..records.values import decimal
from .writing import PRIORITY, create_account, prepare_account, settle

PORT = 5060
_TRANSPORTS = {"udp": 0, "tcp": 1, "tls": 2}
_EXTRA = re.compile(r"fieldname([0-9]{1,2})", re.ASCII)
_TYPES = {0: (SERVER, SENDER), SENDER: (SENDER,), SERVER: (SERVER,)}
"""u_type -> the accounts that are made."""


@command("addserver", group="accounts", access=ADMIN,
         summary="Adds a SIP server, a traffic sender, or both as NAME and NAME_in (old; see adduser). A sender's calls"
                 " come in by its address, from any port and without a password (u_auth 1); u_type=9 adds none",
         params=[Param("u_type", integer, "0 both, 5 traffic sender, 9 SIP server"),
                 Param("u_name", text, "name; either this or the user name"),
                 Param("u_username", username, "user name"),
                 Param("u_password", secret, "password; made if it is not sent"),
                 Param("u_domain", text, "domain; either this or the address"),
                 Param("u_ip", text, "address, with :port if need be"), Param("u_port", integer, "port"),
                 Param("u_proxy", text, "outbound proxy"), Param("u_transport", choice(*_TRANSPORTS), "transport"),
                 Param("u_upperusername", text, "our login at the server"),
                 Param("u_upperpassword", secret, "its password"),
                 Param("u_needregister", integer, "1: we register there"),
                 Param("u_auth", integer, "tb_users.needauth; 1 by address"), Param("u_email", text, "e-mail address"),
                 Param("u_country", text, "country"), Param("u_currency", text, "currency"),
                 Param("u_credit", money, "credit; of both the sender's"),
                 Param("u_routing", text, "id or name of a routing entry to join, null for none"),
                 Param("u_routingpriority", integer, "priority of the route, lower ones first")])
async def addserver(ctx, u_type=0, u_name="", u_username="", u_password="", u_domain="", u_ip="", u_port=None,
                    u_proxy="", u_transport="udp", u_upperusername="", u_upperpassword="", u_needregister=0, u_auth=1,
                    u_email="", u_country="", u_currency="", u_credit=None, u_routing="", u_routingpriority=PRIORITY):
    if u_type not in _TYPES:
        raise ApiError(400, f"parameter u_type takes 0, 5 or 9, not {u_type}")
    name = u_username or re.sub(r"[^0-9A-Za-z_.+@-]+", "_", u_name.strip())[:61].strip("_")
    if not name:
        raise ApiError(400, "missing parameter u_name or u_username")
    domain, ip, port = _target(u_domain, u_ip, u_port)
    shared = {"name": u_name or name, "needauth": u_auth, "protocol": _TRANSPORTS[u_transport], "email": u_email,
              "country": u_country, "currency": u_currency, **_extra_fields(ctx.request.params),
              "password": u_password or ctx.server.entropy.password()}
    own = {SERVER: {"domainname": domain, "ip": ip, "port": port, "proxy": u_proxy,
                    "upperusername": u_upperusername, "upperpassword": u_upperpassword,
                    "needregister": u_needregister},
           SENDER: {"authip": ip or domain}}
    route = None if u_routing.lower() == "null" else (u_routing or None, u_routingpriority)
    types, made = _TYPES[u_type], []
    for type in types:
        fields = {**own[type], **shared, "type": type,
                  "username": f"{name}_in" if type == SENDER and len(types) == 2 else name}
        if u_credit is not None and type == types[-1]:
            fields["credit"] = decimal(u_credit)
        made.append(await prepare_account(ctx, fields, route=route))
    return await _add(ctx, made, None if u_password else shared["password"])


def _target(domain, ip, port):
    """(domain, address, port): a port behind one of the first two counts before the default one."""
    domain, first = _split(domain, "u_domain")
    ip, second = _split(ip, "u_ip")
    if not (domain or ip):
        raise ApiError(400, "missing parameter u_domain or u_ip")
    port = first or second or port or PORT
    if not 0 < port < 65536:
        raise ApiError(400, f"parameter u_port takes 1 to 65535, not {port}")
    return domain, ip, port


def _split(text, name):
    """(host, port or 0) of a host with or without a port."""
    if not text.strip():
        return "", 0
    try:
        return extras({"authip1": text})[1][0]
    except ApiError:
        raise ApiError(400, f"parameter {name} takes an address or a domain, with :port if need be") from None


def _extra_fields(params):
    """{field: value} of fieldname0 … fieldname99 with their fieldval0 or fieldvalue0."""
    found = {}
    for key, field in params.items():
        match = _EXTRA.fullmatch(key)
        if match and field:
            number = match[1]
            found[field.lower().removeprefix("u_")] = params.get(f"fieldval{number}",
                                                                 params.get(f"fieldvalue{number}", ""))
    return found


async def _add(ctx, made, password):
    """Create all of them in one transaction and say so; the first is the one that is named."""
    db = ctx.server.db
    await db.gate()
    with db.unit(actor=ctx.actor, kind="admin") as unit:
        ids = [create_account(ctx, unit, prepared) for prepared in made]
    await settle(ctx, 1)
    data = {"user_id": ids[0], "username": made[0].values["username"]}
    if len(ids) > 1:
        data.update(sender_id=ids[1], sender_username=made[1].values["username"])
    if password is not None:
        data["password"] = password
    return Answer(f"OK: server added, user_id: {ids[0]}", data)
