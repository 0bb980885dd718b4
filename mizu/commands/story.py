"""The story of a call: its messages as a ladder, what was decided, what was paid."""

from ..api.command import ADMIN, command
from ..api.param import Param, integer, text
from ..base.clock import utc_text
from ..base.errors import ApiError
from ..base.message import Answer, Blob
from ..calls import pcap
from ..calls.story import first_line, ladder, repeated

MOST = 100
"""Stories in the list that is shown without a callid."""


@command("story", group="calls", access=ADMIN, reads=True,
         summary="What happened in one of the last calls: SIP messages, decisions, money; format=pcap for Wireshark",
         params=[Param("callid", text, "Call-ID of either side, or the number of the call; none: the last calls",
                       aliases=("sipcallid", "dbcallid")),
                 Param("limit", integer, "calls in the list at most")])
def story(ctx, callid="", limit=20):
    stories = ctx.server.stories
    if not callid:
        return Answer("OK", [_line(each) for each in stories.latest(min(max(limit, 1), MOST))])
    found = stories.find(callid)
    if found is None:
        raise ApiError(404, f"no story of {callid[:64]}: only those of the last calls are kept")
    if ctx.request.format == "pcap":
        name = "".join([character if character.isalnum() else "_" for character in found.key[:40]])
        return Answer("OK", blob=Blob(pcap.TYPE, pcap.render(_packets(found)), f"call_{name}.pcap"))
    return Answer("\n".join(["call " + found.key, *ladder(found)]), [
        _event(*event, again) for event, again in zip(found.events, repeated(found))])


def _line(found):
    return {"call": found.call, "callid": found.key, "begun": utc_text(found.events[0][0]) if found.events else "",
            "events": len(found.events)}


def _event(when, what, again):
    if what.__class__ is str:
        return {"time": utc_text(when), "note": what}
    outgoing, transport, local, (host, port), data = what
    return {"time": utc_text(when), "direction": "out" if outgoing else "in", "transport": transport,
            "peer": f"{host}:{port}", "message": first_line(data), "again": again,
            "raw": data.decode("utf-8", "replace")}


def _packets(found):
    return [(when, local, remote, data) if outgoing else (when, remote, local, data)
            for when, outgoing, _, local, remote, data in found.messages()]
