"""Registrations that end by themselves, and OPTIONS to devices behind NAT so that their router keeps the way open.

A round over all accounts takes `natkeepalive` seconds and is spread evenly over them, so 100,000 devices are no burst.
Knows no sockets: `ping(binding)` sends.
"""

ROUND = 30
"""Seconds of a round where nobody is pinged."""

MOST = 500
"""Accounts of one tick: 8 ms of OPTIONS; at ten ticks a second 100,000 accounts take 20 s."""


class KeepAlive:
    """ping(binding) -> whatever; None while there is no transport."""

    def __init__(self, locations, settings, clock, ping=None):
        self.locations = locations
        self.settings = settings
        self.clock = clock
        self.ping = ping
        self._ids = ()
        self._next = 0
        self._begun = -1e9

    def tick(self):
        """Ten times a second: the accounts whose turn it is."""
        period = self.settings.natkeepalive
        passed = (self.clock.monotonic() - self._begun) / (period or ROUND)
        if passed >= 1 and self._next >= len(self._ids):
            self._ids, self._next = self.locations.accounts(), 0
            self._begun = self.clock.monotonic()
            passed = 0.0
        end = min(int(len(self._ids) * min(passed, 1.0)), self._next + MOST)
        ping = self.ping if period else None
        for id in self._ids[self._next:end]:
            for binding in self.locations.expire(id):
                if ping is not None and binding.natted and binding.transport == "UDP":
                    ping(binding)
        self._next = max(self._next, end)
