"""An account as the server keeps it in memory: what decides about requests and calls, in slots.

Roles and types are DATA.md 1 and the manual's tb_api.req_user.  Knows no SQL but the names of its columns.
"""

from sys import intern

from ..base.message import Role

ENDUSER, OPERATOR, RESELLER, OWNER, GSM, SENDER, SERVER = 0, 1, 2, 3, 4, 5, 9
ISDN, SMS, SUPPORT, ADMIN, SRVADMIN, OTHER = 11, 12, 14, 15, 16, 17

TYPES = {
    ENDUSER: "end user", OPERATOR: "operator", RESELLER: "reseller", OWNER: "owner", GSM: "GSM gateway",
    SENDER: "traffic sender", SERVER: "SIP server", ISDN: "ISDN gateway", SMS: "SMS gateway", SUPPORT: "support",
    ADMIN: "administrator", SRVADMIN: "server administrator", OTHER: "other",
}
"""tb_users.type in words."""

OUTBOUND = frozenset((GSM, SERVER, ISDN, SMS))
"""Types that take calls from us: they are routed to, and their statistics count as called."""

_ROLES = {SRVADMIN: Role.SRVADMIN, ADMIN: Role.ADMIN, RESELLER: Role.RESELLER, OWNER: Role.RESELLER,
          SUPPORT: Role.SUPPORT}

_NO_LOGIN = 10
_AT_MOST = {20: Role.USER, 30: Role.USER, 40: Role.SUPPORT, 50: Role.ADMIN}
"""tb_users.rights -> the most that it leaves."""

COLUMNS = ("id", "username", "password", "ha1", "pin", "type", "name", "displayname", "telnumber", "parentid",
           "billinguserid", "usergroup", "belongstocompany", "credit_u", "currency", "postpaid", "enabled",
           "temporarydisabled", "needauth", "rights", "authip", "packetid")
"""The columns behind the slots, in their order."""

_TEXTS = ("password", "ha1", "pin", "name", "displayname", "telnumber", "authip")
_SHARED = ("usergroup", "currency")
"""Texts that are never None; those that are the same in many accounts."""


class Account:
    """One row of tb_users; `credit` in micro-units, `disabled` is temporarydisabled, texts are never None.

    role    by type and rights; None if the account may not log in at all
    """
    __slots__ = ("id", "username", "password", "ha1", "pin", "type", "name", "displayname", "telnumber", "parentid",
                 "billinguserid", "usergroup", "belongstocompany", "credit", "currency", "postpaid", "enabled",
                 "disabled", "needauth", "rights", "authip", "packetid", "role")

    def __init__(self, row):
        self.load(row)

    def load(self, row):
        """Take the columns of COLUMNS."""
        for name, value in zip(self.__slots__, row):
            setattr(self, name, value)
        for name in _TEXTS:
            setattr(self, name, getattr(self, name) or "")
        for name in _SHARED:
            setattr(self, name, intern(str(getattr(self, name) or "")))
        self.parentid = self.parentid or 0
        self.role = role(self.type, self.rights)

    def __repr__(self):
        return f"Account({self.id}, {self.username!r})"


def role(type, rights):
    """Role of an account, None if it may not log in; `rights` only lowers what the type gives."""
    own = _ROLES.get(type, Role.USER)
    if not rights:
        return own
    if rights <= _NO_LOGIN:
        return None
    most = _AT_MOST.get(rights, Role.SRVADMIN)
    if own == Role.RESELLER and most == Role.SUPPORT:
        return own          # support sees every account, a reseller his tree: that would be no lowering
    return max(own, most)
