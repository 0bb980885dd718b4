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


def test_what_is_no_circle_goes_at_once_though_it_was_set_aside():
    node = Node()
    seen = weakref.ref(node)
    circles.age()
    del node
    assert seen() is None
