"""What the switch itself does elsewhere: registrations at upper servers, legs, and starting its parts anew."""

from ..api.command import ADMIN, command
from ..api.param import Param, text
from ..base.errors import ApiError
from ..base.message import Answer, Rows
from .accounts import U_ID, U_USERNAME

MOST = 10_000
"""Legs of one list: 50 ms of the loop."""

TRUNKS = ("username", "userid", "server", "state", "code", "expires", "alive", "failures", "rests")
LEGS = ("dbcallid", "side", "username", "address", "transport", "codec", "agent", "seconds", "callid")


@command("epreg", group="calls", access=ADMIN, reads=True,
         summary="Trunks, our registrations at them, and how they fare",
         params=[Param("regtype", text, "registered: only those we register at, all"),
                 Param("regstate", text, "only those in this state: off, registering, registered, failed")])
def epreg(ctx, regtype="", regstate=""):
    now = ctx.server.clock.monotonic()
    rows = [_trunk(trunk, now) for trunk in ctx.server.switch.trunks.listed()
            if (regtype.lower() in ("", "all", "0") or trunk.wanted) and regstate.lower() in ("", "all", trunk.state)]
    return Answer("OK", Rows(TRUNKS, rows))


def _trunk(trunk, now):
    alive = "" if trunk.alive is None else int(trunk.alive)
    return (trunk.name, trunk.id, trunk.uri.place, trunk.state, trunk.code or "",
            int(max(0, trunk.until - now)) if trunk.state == "registered" else 0, alive, trunk.failures,
            int(max(0, trunk.resting - now)))


@command("upperunreg", group="calls", access=ADMIN, alone=True, params=[U_ID, U_USERNAME],
         summary="Ends our registration at an upper server, until its account is changed or gwrst")
def upperunreg(ctx, u_id=None, u_username=None):
    account = ctx.account(u_id, u_username)
    if not ctx.server.switch.trunks.unregister(account.id):
        raise ApiError(404, f"we are not registered at {account.username}")
    return Answer(f"OK: no longer registered at {account.username}")


@command("endpoints", group="calls", access=ADMIN, reads=True, summary="The SIP legs of the calls in progress")
def endpoints(ctx):
    server, rows = ctx.server, []
    for call in server.board.calls.values():
        rows += [_leg(server, call, leg, other) for leg, other in ((call.near, call.far), (call.far, call.near))
                 if leg is not None and not leg.over]
        if len(rows) >= MOST:
            break
    return Answer("OK", Rows(LEGS, rows))


def _leg(server, call, leg, other):
    facts = leg.describe(other)
    account = leg.account
    return (call.id, facts["side"], account.username if account is not None else "", f"{facts['host']}:{facts['port']}",
            facts["transport"], facts["codec"], facts["agent"], call.seconds(server.clock.monotonic()), leg.call_id)


@command("gwrst", group="server", access=ADMIN, alone=True,
         summary="All trunks anew: they rest no more, and we register again where we should")
def gwrst(ctx):
    return Answer(f"OK: {ctx.server.switch.trunks.restart()} trunks")


@command("vsiprst", group="server", access=ADMIN, alone=True,
         summary="Routing anew: every table of it is read again, trunks rest no more; running calls go on")
def vsiprst(ctx):
    ctx.server.switch.reload()
    return Answer(f"OK: routing and {ctx.server.switch.trunks.restart()} trunks")


@command("sipreset", group="server", access=ADMIN, alone=True,
         summary="The SIP stack anew: all calls end, requests under way are given up; registrations stay")
def sipreset(ctx):
    return Answer(f"OK: SIP was reset, {ctx.server.switch.reset()} calls ended")
