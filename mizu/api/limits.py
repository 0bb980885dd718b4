"""Rates: token buckets per address, per user, per command and for all together.

Who is exempt is judged by the caller.  A bucket that is full again is worth nothing and is dropped when the table
is swept, so the table holds only who asked lately.
"""

_MOST = 100_000
"""Buckets in one table (20 MiB); when even the sweep finds no room, strangers share one bucket."""

_ONE = 0.999999
"""A token, as far as sums of floats go."""

_FIRST_SWEEP = 1024
_SWEEP_PAUSE = 2.0
"""Seconds between two sweeps of a table that stays full: one of them takes some ten milliseconds."""


class Buckets:
    """One table of buckets of `rate` requests a second with bursts of `burst`; rate 0 limits nothing."""
    __slots__ = ("rate", "burst", "_buckets", "_sweep_at", "_not_before")

    def __init__(self, rate, burst):
        self.rate = rate
        self.burst = burst
        self._buckets = {}
        self._sweep_at = _FIRST_SWEEP
        self._not_before = 0.0

    def take(self, key, now):
        """0 and one token less, or the seconds until there is one."""
        rate = self.rate
        if not rate:
            return 0
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._add(key, now)
        tokens = min(self.burst, bucket[0] + (now - bucket[1]) * rate)
        bucket[1] = now
        if tokens < _ONE:
            bucket[0] = tokens
            return (1 - tokens) / rate
        bucket[0] = tokens - 1
        return 0

    def _add(self, key, now):
        buckets = self._buckets
        if len(buckets) >= self._sweep_at and now >= self._not_before:
            self._sweep(now)
        if len(buckets) >= _MOST:
            key = None
        return buckets.setdefault(key, [self.burst, now])

    def _sweep(self, now):
        """Drop the buckets that are full again."""
        buckets, refill = self._buckets, self.burst / self.rate
        for old in [old for old, (_, stamp) in buckets.items() if now - stamp > refill]:
            del buckets[old]
        self._sweep_at = min(max(_FIRST_SWEEP, 2 * len(buckets)), _MOST)
        self._not_before = now + _SWEEP_PAUSE

    def __len__(self):
        return len(self._buckets)


class Limits:
    """The four kinds of limit, from the settings ratelimit_ip, ratelimit_user, ratelimit_global
    ("50" or "50/100": a second, burst) and the commands' own."""

    def __init__(self, settings):
        self.settings = settings
        self.commands = {}
        self.reload()

    def reload(self):
        self.address = Buckets(*self.settings.ratelimit_ip)
        self.user = Buckets(*self.settings.ratelimit_user)
        self.everybody = Buckets(*self.settings.ratelimit_global)

    def command(self, command):
        """The buckets of a command that declares a limit of its own."""
        buckets = self.commands.get(command.name)
        if buckets is None:
            buckets = self.commands[command.name] = Buckets(*command.limit)
        return buckets
