"""The collector of circles, kept out of the way of the loop.

Nothing here is built in circles that outlive their use, so there is next to nothing to find, and a look costs: at
1,000 calls/s the usual thresholds make it 7 % of the time.  So what has lived for a second is set aside, and all is
looked at when a pause disturbs nobody, or when there is far more than there was.
"""

import gc

YOUNG = 1_000_000
"""Objects of one second at which the collector runs by itself: a flood of circles is still cleared."""

GROWN = 3_000_000
"""Objects more than the last look has left, some 400 MB: twice what 1,000 calls/s hold for half a minute."""

_left = 0


def tame():
    """From now on `age` and `sweep` do the collector's work."""
    gc.set_threshold(YOUNG, YOUNG, YOUNG)


def age():
    """Every second: set aside what there is.  A list is joined to another, nothing is looked at."""
    gc.freeze()


def overgrown():
    """Whether it is time for a look although it disturbs; 10 ms for a million objects."""
    return gc.get_freeze_count() > _left + GROWN


def sweep():
    """Look at all objects, 0.3 s for a million; the number that were freed."""
    global _left
    gc.unfreeze()
    freed = gc.collect()
    gc.freeze()
    _left = gc.get_freeze_count()
    return freed
