"""The API against itself: requests as texts through decoder, dispatcher and renderer, so many under way at once.

A slice of work, then the loop is given back, so that nobody waits for it.  Knows no port: what transports cost is not
in the figures.
"""

from urllib.parse import urlencode

from ..base.message import Peer
from ..base.task import Future
from ..formats.answer import render
from ..formats.request import read_text

SLICE = 0.002
"""Seconds of work in one turn of the loop."""

PAUSE = 0.001
LAST = 10.0
"""Seconds that requests under way may take after the end; those that take longer have failed."""


class SelfTest:
    """`entry` as a request with the asker's own credentials from this host, which is what limits leave alone."""

    def __init__(self, ctx, entry, bare):
        sent = {} if bare else {name: value for name, value in ctx.request.params.items()
                                if name.startswith("auth") or name == "nonce"}
        asker = ctx.request.peer
        self.server = ctx.server
        self.session = ctx.session
        self.peer = Peer(asker.transport, "127.0.0.1", asker.port, secure=asker.secure)
        self.text = "/mvapireq/?" + urlencode({"apientry": entry, **sent})
        self.under_way = self.failures = 0
        self.microseconds = {}
        self.fault = ""

    async def run(self, threads, seconds):
        """The figures of so many seconds."""
        monotonic = self.server.clock.monotonic
        begun, busy = monotonic(), 0.0
        while (now := monotonic()) < begun + seconds:
            while monotonic() < now + SLICE and self.under_way < threads:
                self._round(threads - self.under_way)
            busy += monotonic() - now
            await self.server.reactor.sleep(PAUSE)
        wall = monotonic() - begun
        done = sum(self.microseconds.values())
        while self.under_way and monotonic() < begun + seconds + LAST:
            await self.server.reactor.sleep(PAUSE)
        self.failures += self.under_way
        return {"requests": done, "failures": self.failures, "seconds": round(wall, 3), "per_second": int(done / wall),
                "loop_percent": round(100 * busy / wall, 1), **self._times()}

    def _round(self, count):
        """Submit so many, then take the answers that are there; the others arrive by themselves."""
        monotonic = self.server.clock.monotonic
        waiting = []
        for _ in range(count):
            begun = monotonic()
            request = self.server.decoder.request(read_text(self.text), self.peer, True)
            waiting.append((begun, request, self.server.dispatcher.submit(request, self.session)))
        self.under_way += count
        for begun, request, outcome in waiting:
            if outcome.__class__ is Future:
                outcome.then(lambda done, begun=begun, request=request: self._arrived(begun, request, done.result()))
            else:
                self._arrived(begun, request, outcome)

    def _arrived(self, begun, request, answer):
        body = render(answer, request.format)
        took = round((self.server.clock.monotonic() - begun) * 1_000_000)
        self.under_way -= 1
        self.microseconds[took] = self.microseconds.get(took, 0) + 1
        if answer.code != 200 or not body:
            self.failures += 1
            self.fault = self.fault or answer.message

    def _times(self):
        times = sorted(self.microseconds.items())
        total = sum([count for _, count in times])
        if not total:
            return {}
        seen, p99 = 0, times[-1][0]
        for took, count in times:
            seen += count
            if seen >= 0.99 * total:
                p99 = took
                break
        return {"mean_us": round(sum([took * count for took, count in times]) / total, 1), "p99_us": p99,
                "worst_us": times[-1][0]}
