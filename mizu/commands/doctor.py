"""What is wrong with this installation, and what to do about it."""

from ..api.command import ADMIN, command
from ..base.message import Answer, Rows
from ..records.doctor import Case, diagnose


@command("doctor", group="server", access=ADMIN, reads=True,
         summary="Checks database, ledger, disk, permissions, clock, certificate, ports and settings; tells remedies")
async def doctor(ctx):
    server = ctx.server
    case = Case(server.folders, server.settings, server.clock.now(), server.own_addresses, dict(server.ports.opened))
    findings = await server.workers.run(diagnose, case)
    if not findings:
        return Answer("OK: all is well")
    rows = [(each.severity, each.subject, each.text, each.remedy) for each in findings]
    count = "1 finding" if len(rows) == 1 else f"{len(rows)} findings"
    return Answer(f"OK: {count}", Rows(("severity", "subject", "finding", "remedy"), rows))
