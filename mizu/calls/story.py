"""What happened in a call, from its first message to its bill: the last calls, each with its messages and decisions.

A story begins with an INVITE that comes in, long before it is known whether it will be a call: those wait apart,
so that a flood of refused ones pushes no real call out.  Requests of the API inside SIP, which may hold passwords, are
nobody's to see.  Knows no SIP: messages are bytes with a first line.
"""

from collections import OrderedDict

PRIVATE, PRIVATE_METHODS = "X-MAPI", frozenset(("MESSAGE", "OPTIONS", "INFO"))
"""The field that makes messages of these methods requests of the API, or their answers."""

_PRIVATE_DATA = b"\r\nX-MAPI:"

CALLS, BYTES = 2_000, 48 << 20
"""Stories of calls, and bytes of them all: 2,000 calls of two legs and a login have 30 MiB."""

YOUNG, YOUNG_BYTES = 500, 8 << 20
"""Stories of INVITEs that are no call yet, as long as it takes to log in: less than a second."""

EVENTS, STORY_BYTES = 300, 512 << 10
"""Of one story: a day of session timers, in messages of any usual length; then the middle is left out."""


class Story:
    """key     the Call-ID of the caller's side
    call    id of the Call, 0 for an INVITE that became none; opened: whether it is a call's
    events  [(unix time, what)]: what is a text, or (outgoing, transport, local, remote, bytes) of a message
    """
    __slots__ = ("key", "call", "opened", "events", "size", "keys")

    def __init__(self, key):
        self.key = key
        self.call = 0
        self.opened = False
        self.events = []
        self.size = 0
        self.keys = [key]

    def messages(self):
        """[(unix time, outgoing, transport, local, remote, bytes)]"""
        return [(when, *what) for when, what in self.events if what.__class__ is tuple]


class Stories:
    """observers   hear of every message: heard(when, outgoing, transport, local, remote, data, key), `key` being the
    Call-ID of the caller's side; and of every decision: noted(when, text, story)
    size        bytes of the stories of calls"""

    def __init__(self, clock):
        self.clock = clock
        self.observers = []
        self.size = self._young_size = 0
        self._young = OrderedDict()
        self._calls = OrderedDict()     # {Call-ID of the caller's side: Story}, oldest first
        self._keys = {}                 # {any Call-ID of a call: Story}

    def __len__(self):
        return len(self._calls)

    # -- while it happens

    def heard(self, message, flow, data, outgoing):
        """The layer's tap; what we repeat comes without its Message."""
        if data is None:
            return
        if message is None:
            if _PRIVATE_DATA in data:
                return
            key = _call_id(data)
        elif PRIVATE in message.fields and message.method in PRIVATE_METHODS:
            return
        else:
            key = message.call_id
        story = self._keys.get(key) or self._young.get(key)
        if story is None:
            if message is not None and message.method == "INVITE" and not (outgoing or message.status):
                story = self._begin(key)
            elif not self.observers:
                return
        when = self.clock.now()
        what = outgoing, flow.transport, flow.local, (flow.host, flow.port), data
        for observer in self.observers:
            observer.heard(when, *what, key if story is None else story.key)
        if story is not None:
            self._add(story, when, what, len(data))

    def note(self, key, text):
        """A decision, or money that moved."""
        story = self._keys.get(key) or self._young.get(key)
        if story is not None:
            when = self.clock.now()
            for observer in self.observers:
                observer.noted(when, text, story)
            self._add(story, when, text, len(text))

    def _begin(self, key):
        story = self._young[key] = Story(key)
        if len(self._young) > YOUNG:
            self._drop()
        return story

    def open(self, key, call=0):
        """This INVITE has become a call; returns its Story."""
        story = self._young.pop(key, None) or Story(key)
        story.call, story.opened = call, True
        self._young_size -= story.size
        self._forget(key)
        self._calls[key] = self._keys[key] = story
        self.size += story.size
        self._make_room()
        return story

    def link(self, key, other):
        """Messages with the Call-ID `other` belong to the call `key`."""
        story = self._keys.get(key)
        if story is not None and other not in self._keys and len(story.keys) < EVENTS:
            story.keys.append(other)
            self._keys[other] = story

    def _add(self, story, when, what, size):
        events = story.events
        if len(events) >= EVENTS or story.size + size > STORY_BYTES:
            self._shorten(story, size)
        events.append((when, what))
        story.size += size
        if story.opened:
            self.size += size
            if self.size > BYTES:
                self._make_room()
        else:
            self._young_size += size
            while self._young_size > YOUNG_BYTES and self._young:
                self._drop()

    def _shorten(self, story, size):
        """Leave out the middle, for `size` bytes more."""
        events, before = story.events, story.size
        while len(events) >= EVENTS or story.size + size > STORY_BYTES and len(events) > 2:
            gone = events.pop(len(events) // 2)[1]
            story.size -= len(gone) if gone.__class__ is str else len(gone[4])
        if story.opened:
            self.size -= before - story.size
        else:
            self._young_size -= before - story.size

    def _make_room(self):
        """The oldest calls give way."""
        while len(self._calls) > CALLS or self.size > BYTES and len(self._calls) > 1:
            self._forget(next(iter(self._calls)))

    def _drop(self):
        """The oldest INVITE that is no call yet."""
        self._young_size -= self._young.popitem(last=False)[1].size

    def _forget(self, key):
        story = self._calls.pop(key, None)
        if story is not None:
            self.size -= story.size
            for other in story.keys:
                if self._keys.get(other) is story:
                    del self._keys[other]

    # -- afterwards

    def find(self, text):
        """The Story of a Call-ID of either side, or of a call's id; None if it is not there any more."""
        story = self._keys.get(text) or self._young.get(text)
        if story is None and text.isdecimal():
            story = next((each for each in reversed(self._calls.values()) if str(each.call) == text), None)
        return story

    def latest(self, most):
        """The newest stories, newest first."""
        return [story for story, _ in zip(reversed(self._calls.values()), range(most))]


def ladder(story):
    """A Story as lines of text: times from its beginning, arrows from our point of view."""
    if not story.events:
        return ["nothing is left of this call"]
    begun = story.events[0][0]
    lines = []
    for (when, what), again in zip(story.events, repeated(story)):
        at = f"{when - begun:9.3f} "
        if what.__class__ is str:
            lines.append(f"{at} * {what}")
        else:
            outgoing, transport, _, (host, port), data = what
            arrow = "-->" if outgoing else "<--"
            lines.append(f"{at} {arrow} {transport:4} {host}:{port}  {first_line(data)}{' (again)' if again else ''}")
    return lines


def repeated(story):
    """[whether an event of a Story is a message that was there before]"""
    seen, found = set(), []
    for _, what in story.events:
        found.append(what.__class__ is tuple and what in seen)
        seen.add(what)
    return found


def _call_id(data):
    """The Call-ID of a message of ours."""
    return data.partition(b"\r\nCall-ID: ")[2].partition(b"\r\n")[0].decode("utf-8", "replace")


def first_line(data):
    """What a message is, in one printable line."""
    line = data.lstrip(b"\r\n").partition(b"\r\n")[0][:200]
    return line.decode("utf-8", "replace").encode("ascii", "replace").decode().replace("\x1b", "?")
