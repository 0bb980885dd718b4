"""What is set aside is still found by a sweep, and what is let go needs none."""

import gc
import weakref

from mizu.base import circles


class Node:
    pass


def test_a_circle_that_was_set_aside_is_freed_by_a_sweep():
    node = Node()
    node.itself, seen = node, weakref.ref(node)
    circles.age()
    del node
    gc.collect()
    assert seen() is not None           # set aside: the ordinary collector does not look at it
    assert circles.sweep() >= 1 and seen() is None


def test_it_is_time_for_a_sweep_when_far_more_is_there_than_the_last_one_has_left(monkeypatch):
    monkeypatch.setattr(circles, "GROWN", 1000)
    circles.sweep()
    assert not circles.overgrown()
    kept = [[] for _ in range(2000)]
    circles.age()
    assert circles.overgrown()
    circles.sweep()
    assert not circles.overgrown() and len(kept) == 2000


def test_what_is_no_circle_goes_at_once_though_it_was_set_aside():
    node = Node()
    seen = weakref.ref(node)
    circles.age()
    del node
    assert seen() is None
