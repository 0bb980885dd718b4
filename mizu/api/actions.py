"""What a row of tb_api adds to a command once its answer is known (the manual's chapter Actions).

Mails and SMS are queued, a statement has its keywords bound, a program gets its words without a shell.  An action that
fails leaves a warning in the answer, which is given all the same.
"""

import re

from ..base.errors import ApiError
from ..base.log import where
from .custom import keyword_value

FAILED = 50
"""Added to the number of an action that is for failures."""

MOST_NUMBERS = 20
"""SMS of one action."""


def is_due(action, answer, request):
    """Whether an answer asks for the action; never one to somebody who was not let in, or who asks too often."""
    if request.principal is None or answer.code == 429:
        return False
    return (action > FAILED) == (answer.code >= 400)


async def act(ctx, rule, answer):
    """Do what the row says; a failure becomes answer.warning."""
    name, function = _ACTIONS[rule.action % FAILED]
    try:
        await function(ctx, rule, answer)
        return
    except ApiError as error:
        fault = error.message
    except Exception as error:
        ctx.server.log.error(f"the action of {rule.name} failed: {where(error)}", serial=ctx.request.serial)
        fault = f"see the server's log, request {ctx.request.serial}"
    ctx.server.log.warning(f"the action of {rule.name} ({name}) failed: {fault}", serial=ctx.request.serial)
    told = f"the action {rule.action} ({name}) failed: {fault}"
    answer.warning = f"{answer.warning}; {told}" if answer.warning else told


# -- mail and SMS

async def _mail(ctx, rule, answer):
    server, body = ctx.server, rule.does
    server.mails.require()
    recipients = [await _text(ctx, parts) for parts in _listed(body.to)] or _default(server, "adminemail")
    subject = await _text(ctx, body.subject) or f"{rule.name}: {answer.message[:100]}"
    text = await _text(ctx, body.parts) or _report(ctx, rule, answer)
    await _queue(server, [lambda unit: server.mails.put(unit, recipients, subject, text, userid=_userid(ctx))])


async def _sms(ctx, rule, answer):
    server, body = ctx.server, rule.does
    server.smsout.require()
    numbers = [await _text(ctx, parts) for parts in _listed(body.to)] or _default(server, "adminphone")
    if len(numbers) > MOST_NUMBERS:
        raise ApiError(422, f"an action sends {MOST_NUMBERS} SMS at most")
    text = (await _text(ctx, body.parts)).strip() or _report(ctx, rule, answer)
    await _queue(server, [lambda unit, number=number: server.smsout.put(unit, number, text, userid=_userid(ctx))
                          for number in numbers])


async def _queue(server, puts):
    await server.db.gate()
    with server.db.unit() as unit:
        for put in puts:
            put(unit)
    await server.db.durable()


def _default(server, setting):
    """The administrator, where no ***TO names anybody."""
    to = getattr(server.settings, setting)
    if not to:
        raise ApiError(501, f"nobody is named: begin custom_action_body with ***TO, or set {setting}")
    return [to]


def _report(ctx, rule, answer):
    """What a mail or SMS without a body says."""
    return f"{rule.name} by {ctx.actor} from {ctx.request.peer.host}: {answer.message[:1000]}"


def _userid(ctx):
    return ctx.user.id if ctx.user is not None else 0


def _listed(parts):
    """The parts of a list, item by item: only the template separates them, never a value in it."""
    items = [[]]
    for part in parts:
        if not isinstance(part, str):
            items[-1].append(part)
            continue
        first, *others = re.split(r"[,;\s]+", part)
        items[-1].append(first)
        items += [[other] for other in others]
    return [item for item in items if any(item)]


async def _text(ctx, parts):
    """The text of a template."""
    return "".join([part if isinstance(part, str) else await _value(ctx, part) for part in parts])


async def _value(ctx, part):
    """Of {field}, or the first column of the first row of {select …}."""
    kind, what = part
    if kind == "FIELD":
        value = keyword_value(ctx, kind, what)
    else:
        rows = await _query(ctx, what)
        value = rows.rows[0][0] if rows.rows else ""
    return "" if value is None else str(value)


async def _query(ctx, custom):
    args = [keyword_value(ctx, *arg) for arg in custom.args]
    return await ctx.server.db.query(custom.sql, args, limit=1, timeout=ctx.server.settings.dbtimeout, actor=ctx.actor)


# -- the others

async def _sql(ctx, rule, answer):
    custom = rule.does
    if custom.is_query:
        await _query(ctx, custom)
        return
    await ctx.server.db.execute(custom.sql, [keyword_value(ctx, *arg) for arg in custom.args], actor=ctx.actor)
    await ctx.server.db.durable()


async def _program(ctx, rule, answer):
    if not ctx.server.settings.allowcmd:
        raise ApiError(501, "programs are not run: set allowcmd=1")
    words = []
    for parts in rule.does:
        word = await _text(ctx, parts)
        if "\0" in word or word[:1] == "-" and not isinstance(parts[0], str):
            raise ApiError(422, f"a value that could be an option is not given to a program: {word[:40]!r}")
        words.append(word)
    await _run(ctx, words)


async def _run(ctx, words):
    code, output = await ctx.server.run_program(words)
    if code:
        raise ApiError(502, f"{words[0]} ended with {code}: {' '.join(output.split())[:200]}")


async def _reboot(ctx, rule, answer):
    if not ctx.server.settings.allowreboot:
        raise ApiError(501, "the host is not restarted: set allowreboot=1")
    await _run(ctx, ("shutdown", "-r", "now"))


async def _restart(ctx, rule, answer):
    ctx.server.restart()


async def _database(ctx, rule, answer):
    await ctx.server.reset_database()


async def _ring(ctx, rule, answer):
    raise ApiError(501, "this server places no calls")


_ACTIONS = {1: ("email", _mail), 2: ("sms", _sms), 3: ("ring", _ring), 4: ("restart", _restart),
            5: ("database", _database), 6: ("reboot", _reboot), 7: ("command", _program), 8: ("sql", _sql)}
