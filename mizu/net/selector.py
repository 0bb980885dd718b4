"""What the reactor waits with: `selectors.BaseSelector` over `select.epoll`, DefaultSelector elsewhere.

Descriptors are registered through the standard interface.  `poll()` hands out
plain (fd, mask) pairs with the kernel's bits: the namedtuple and the look-up
that `select()` pays for every event cost 10-20 % of a small request.  Events may
be 0 here: errors and hang-ups only, which are reported always.
"""

import select
import selectors

READ, WRITE, ERROR, HANGUP = 1, 4, 8, 16
"""Bits of a mask: EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP."""


def events_of(mask):
    """A mask -> the bits of `selectors`; after an error both sides may look."""
    events = selectors.EVENT_READ if mask & ~WRITE else 0
    return events | selectors.EVENT_WRITE if mask & ~READ else events


def mask_of(events):
    return (READ if events & selectors.EVENT_READ else 0) | (WRITE if events & selectors.EVENT_WRITE else 0)


class _Keys(dict):
    """{fd: SelectorKey} that also finds a file object."""

    def __missing__(self, fileobj):
        if isinstance(fileobj, int):
            raise KeyError(f"{fileobj} is not registered")
        return self[fileobj.fileno()]


class EpollSelector(selectors.BaseSelector):
    """epoll behind the standard interface."""

    def __init__(self):
        self._epoll = select.epoll()
        self._keys = _Keys()

    def register(self, fileobj, events, data=None):
        fd = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        if fd in self._keys:
            raise KeyError(f"{fileobj!r} is already registered")
        self._epoll.register(fd, mask_of(events))
        key = self._keys[fd] = selectors.SelectorKey(fileobj, fd, events, data)
        return key

    def modify(self, fileobj, events, data=None):
        key = self._keys[fileobj]
        if events != key.events:
            self._epoll.modify(key.fd, mask_of(events))
        key = self._keys[key.fd] = key._replace(events=events, data=data)
        return key

    def unregister(self, fileobj):
        key = self._keys[fileobj]
        del self._keys[key.fd]
        try:
            self._epoll.unregister(key.fd)
        except OSError:
            pass    # closed before it was unregistered: epoll has forgotten it
        return key

    def poll(self, timeout, maxevents):
        """[(fd, mask)] after at most `timeout` seconds (None: for ever)."""
        return self._epoll.poll(timeout, maxevents)

    def select(self, timeout=None):
        ready = self.poll(timeout if timeout is None else max(timeout, 0), max(len(self._keys), 1))
        return [(key, events_of(mask) & key.events) for key, mask in ((self._keys[fd], mask) for fd, mask in ready)]

    def get_map(self):
        return self._keys

    def close(self):
        self._epoll.close()
        self._keys.clear()


class PortableSelector(selectors.DefaultSelector):
    """The same two additions over what the system has; with 0 events an error shows at the next read or write."""

    def __init__(self):
        super().__init__()
        self._silent = set()

    def register(self, fileobj, events, data=None):
        if events:
            return super().register(fileobj, events, data)
        self._silent.add(fileobj)

    def unregister(self, fileobj):
        if fileobj not in self._silent:
            return super().unregister(fileobj)
        self._silent.discard(fileobj)

    def modify(self, fileobj, events, data=None):
        self.unregister(fileobj)
        return self.register(fileobj, events, data)

    def poll(self, timeout, maxevents):
        return [(key.fd, mask_of(events)) for key, events in self.select(timeout)[:maxevents]]


def best_selector():
    return EpollSelector() if hasattr(select, "epoll") else PortableSelector()
