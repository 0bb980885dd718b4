"""How calls over each trunk went of late: the share that was answered (ASR) and how long they lasted (ACD).

Both fade, so that a trunk which was repaired gets its calls back; a new one begins as a good one.  Scores come in
steps, so that chance does not turn the order of routes with every call.  Kept in memory alone.
"""

from math import exp

HALF = 1800.0
"""Seconds after which a call counts half."""

PRIOR = 5
"""Answered calls of ACD seconds that everybody begins with."""

ACD = 60.0
"""Seconds of a good call's average: below, a trunk may be one that answers with a recording."""

STEPS = 10

MOST = 10_000
"""Trunks that are remembered; the table starts afresh when it is full."""

_RATE = 0.6931471805599453 / HALF


class Qualities:
    """clock."""

    def __init__(self, clock):
        self.monotonic = clock.monotonic
        self._trunks = {}           # {account id: [when, calls, answered, seconds]}

    def __len__(self):
        return len(self._trunks)

    def heard(self, id, answered, seconds=0.0):
        """A call over a trunk has ended: whether it was answered, and how long they talked.  Calls that the caller gave
        up, or whose number is unknown or busy, say nothing of a trunk and are not told."""
        if id not in self._trunks and len(self._trunks) >= MOST:
            self._trunks.clear()
        trunk = self._trunks[id] = self._faded(id)
        trunk[1] += 1
        if answered:
            trunk[2] += 1
            trunk[3] += min(seconds, 3600.0)

    def figures(self, id):
        """(calls, ASR 0 … 1, ACD seconds) as they count now; None where nothing has been heard."""
        if id not in self._trunks:
            return None
        _, calls, answered, seconds = self._faded(id)
        return calls, answered / calls if calls else 0.0, seconds / answered if answered else 0.0

    def score(self, id):
        """0.1 … 1, the better the more."""
        if id not in self._trunks:
            return 1.0
        _, calls, answered, seconds = self._faded(id)
        asr = (answered + PRIOR) / (calls + PRIOR)
        acd = min(1.0, (seconds + PRIOR * ACD) / (answered + PRIOR) / ACD)
        return max(1, round(asr * (0.5 + acd / 2) * STEPS)) / STEPS

    def _faded(self, id):
        now = self.monotonic()
        then, *figures = self._trunks.get(id, (now, 0.0, 0.0, 0.0))
        left = exp((then - now) * _RATE)
        return [now, *[figure * left for figure in figures]]
