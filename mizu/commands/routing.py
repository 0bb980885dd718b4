"""Where a call would go, explained by the code that sends real ones; and reading the tables of routing again."""

from ..api.command import ADMIN, command
from ..api.param import Param, integer, phone, text
from ..base.errors import ApiError
from ..base.message import Answer
from ..calls.plan import Caller
from ..records.price import LONGEST, maximum_duration
from ..records.values import decimal

CALLER = Param("caller", text, "who calls: user name, number or id; without it whoever the address stands for")


@command("routingtest", group="calls", access=ADMIN, reads=True,
         summary="The route of a call as it would be made now, every step explained, with price and longest duration",
         params=[Param("ip", text, "address (and :port) the call would come from"), CALLER,
                 Param("called", phone, "the number that is dialled", aliases=("bnum",))])
def routingtest(ctx, ip="", caller="", called=""):
    if not called:
        raise ApiError(400, "missing parameter called (a number or user name)")
    server = ctx.server
    who, steps = _caller(server, ip.strip(), caller.strip(), called)
    plan = server.switch.planner.plan(who, called, trial=True)
    steps += plan.trace
    data = {"caller": who.account.username if who.account else "", "called": plan.called, "code": plan.code,
            "reason": plan.reason, "destinations": [_destination(each) for stage in plan.stages
                                                    for each in stage.destinations], "steps": steps}
    if not plan.code:
        steps += _money(server, plan, data)
        if data.get("maxduration") == 0:
            data["code"], data["reason"] = 402, "not enough credit"
    head = f"OK: refused with {data['code']} {data['reason']}" if data["code"] else f"OK: {plan.called} can be called"
    return Answer("\n".join([head.removeprefix("OK: "), *steps]), data)


def _caller(server, ip, name, called):
    """(plan.Caller, [how he was found])."""
    host, _, port = ip.rpartition(":") if ip.count(":") == 1 else (ip, "", "")
    number = int(port) if port.isdecimal() else 5060
    if host:
        source = server.sources.find(host, number, name, called)
        if source is not None:
            how = f"{host} with {name or 'no name'} is {source.account.username}, by {source.proof}" + (
                ", who still has to prove it by a digest" if source.digest else "")
            return Caller(source.account, name, "", host, number, "UDP", source.proof, source.techprefix,
                          source.via), [how]
    account = server.users.find(name, True) if name else None
    if account is None:
        return Caller(None, name, "", host), [f"{name or host or 'nobody'} is nobody we know: a digest is asked for"]
    permitted = not host or server.sources.permits(account, host, number)
    return Caller(account, account.telnumber or account.username, "", host, number, "UDP", "digest"), [
        f"{name} is the account {account.username}, who proves it by a digest"
        + ("" if permitted else f"; but he may not call from {host}")]


def _destination(each):
    return f"{each.kind} {each.account.username}: {each.number}"


def _money(server, plan, data):
    """What the call costs as sentences; price and longest duration of its first stage into `data`."""
    lines, told = [], []
    for stage in plan.stages:
        for charge in stage.charges:
            if charge not in told:
                told.append(charge)
                lines += _charge(server, charge, data if stage is plan.stages[0] else {})
    return lines


def _charge(server, charge, data):
    """What a charge takes from its payer and from the resellers above him, as it would be set aside."""
    rate = charge.rate
    if rate is None:
        return [f"free for {charge.account.username}"]
    data.setdefault("rate", decimal(rate.tariff.minute))
    data.setdefault("currency", rate.currency)
    payer, lines = server.reservations.payer, []
    for who, rate in [(charge.payer, rate), *[(payer(account), rate) for _, account, rate in charge.levels if rate]]:
        available = server.reservations.available(who)
        longest = maximum_duration(rate.tariff, available, server.settings.maxcallduration or LONGEST)
        if who is charge.payer and available < server.settings.mincreditonroute:
            longest = 0
        data["maxduration"] = min(longest, data.get("maxduration", longest))
        lines.append(f"{who.username} pays {decimal(rate.tariff.minute)} {rate.currency} a minute and has"
                     f" {decimal(available)}: {longest} s at most" + ("" if longest else ", refused with 402"))
    return lines


@command("normalizechk", group="calls", access=ADMIN, reads=True,
         summary="The normal form of a number and each rule that was applied",
         params=[Param("called", text, "a number as it is dialled", aliases=("bnum", "num")),
                 Param("caller", text, "a caller's number"),
                 Param("country", text, "two letters; the setting's without")])
def normalizechk(ctx, called="", caller="", country=""):
    if not called and not caller:
        raise ApiError(400, "missing parameter called (a number)")
    if country and not (len(country) == 2 and country.isalpha()):
        raise ApiError(400, f"parameter country takes two letters, not {country[:20]}")
    form, data, lines = ctx.server.form, {}, []
    for name, number in (("called", called), ("caller", caller)):
        if number:
            rules = []
            data[name] = normal = form.normal(number, country.upper(), rules)
            data[name + "rules"] = rules
            lines += [f"{name}: {number} -> {normal}", *[f"  {rule}" for rule in rules or ["no rule applies"]]]
    return Answer("\n".join(lines), data)


@command("capcheck", group="calls", access=ADMIN, reads=True, summary="How many more calls can be made",
         params=[Param("direction", text, "an account by user name, or a number: its lines, or those of its trunks")])
def capcheck(ctx, direction=""):
    server = ctx.server
    board, settings = server.board, server.settings
    free = max(0, settings.maxcalls - len(board)) if settings.maxcalls else "no limit"
    data = {"calls": len(board), "maxcalls": settings.maxcalls, "callspersecond": board.rate(),
            "maxcps": settings.maxcps, "free": free, "refused": board.busy()}
    if direction:
        data.update(_lines(server, direction))
    return Answer("OK", data)


def _lines(server, direction):
    """{…} of the lines of an account, or of the trunks that take a number; ApiError 404."""
    account = server.users.by_username(direction)
    ids = [account.id] if account is not None else sorted(server.routing.takes(server.form.normal(direction)))
    found = [(who, server.profiles.of(who.id).maxlines) for who in map(server.users.by_id, ids) if who is not None]
    if not found:
        raise ApiError(404, f"no such user, and no trunk takes it: {direction[:64]}")
    lines = [server.board.lines(who.id) for who, _ in found]
    limited = all([most for _, most in found])
    free = sum([max(0, most - used) for (_, most), used in zip(found, lines)])
    return {"username": ", ".join([who.username for who, _ in found]), "lines": sum(lines),
            "maxlines": sum([most for _, most in found]) if limited else 0,
            "freelines": free if limited else "no limit"}


def _reread(name, summary, services):
    """A command that lets tables be read again at the next call."""
    @command(name, group="server", access=ADMIN, alone=True, summary=summary)
    def reread(ctx):
        faults = []
        for each in services:
            service = getattr(ctx.server, each)
            service.reload()
            len(service) if hasattr(service, "__len__") else None
            faults += getattr(service, "faults", ())
        return Answer("OK", warning="; ".join(faults[:5]) or None)
    return reread


_reread("rulesreload", "Rules of routing, prices and who sends what are read again; running calls go on",
        ("routing", "sources", "profiles", "rates"))
_reread("reloaddialplan", "The dial plan is read again", ("dialplan",))
_reread("reloadnumdircache", "The directory of numbers and ported numbers are read again", ("directory", "ported"))


@command("calcncache", group="server", access=ADMIN, reads=True, summary="What is kept in memory for routing")
def calcncache(ctx):
    server = ctx.server
    return Answer("OK", {"directory": len(server.directory), "profiles": len(server.profiles),
                         "routes": len(server.routing), "dialplan": len(server.dialplan),
                         "trunks": len(server.switch.trunks.listed())})


@command("clearncache", group="server", access=ADMIN, alone=True, summary="Forgets what is kept in memory for routing",
         params=[Param("operatorid", integer, "of one account alone (its id)")])
def clearncache(ctx, operatorid=None):
    server = ctx.server
    if operatorid is not None:
        account = ctx.account(operatorid, None)
        server.fields.touched("tb_users", account.id)
        return Answer(f"OK: {account.username}")
    server.switch.reload()
    return Answer("OK")
