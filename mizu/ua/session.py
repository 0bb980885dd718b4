"""Session timers (RFC 4028): a session that nobody renews has ended, even if its BYE was lost.

One timer a leg.  Where the far end knows nothing of it we renew by ourselves, which finds out the same.  A renewal is
an UPDATE if the far end allows it, else a re-INVITE with the description that we sent last.
"""

from .exchange import Exchange
from .fields import words

MINIMUM = 90
"""Seconds, RFC 4028 4: the least that anybody may ask for."""

MARGIN = 32
"""Seconds before its end at which a session that was not renewed is given up (10): 64*T1, or a third if shorter."""


def read(message):
    """(seconds or 0, refresher "uac" "uas" or "") of Session-Expires."""
    value = message.get("Session-Expires")
    if not value:
        return 0, ""
    seconds, *params = [part.strip() for part in value.split(";")]
    refresher = next((param[10:].lower() for param in params if param.lower().startswith("refresher=")), "")
    return int(seconds) if seconds.isdecimal() and len(seconds) < 10 else 0, refresher


def knows(message):
    """Whether its sender supports session timers."""
    return "timer" in words(message, "Supported") or "timer" in words(message, "Require")


def too_small(message):
    """Whether the request has to be refused with 422."""
    seconds = read(message)[0]
    return 0 < seconds < MINIMUM and knows(message)


class SessionTimer:
    """interval  seconds
    ours      whether we are the one who renews
    """
    __slots__ = ("leg", "interval", "ours", "timer")

    def __init__(self, leg, interval, ours):
        self.leg = leg
        self.interval = interval
        self.ours = ours
        self.timer = None
        self.start()

    @classmethod
    def of_request(cls, leg, message, seconds):
        """We are the UAS: `message` is the INVITE, `seconds` what we would like."""
        asked, refresher = read(message)
        return cls(leg, max(min(asked or seconds, seconds), least(message)), not knows(message) or refresher == "uas")

    @classmethod
    def of_response(cls, leg, message, seconds):
        """We are the UAC: `message` is the 200."""
        agreed, refresher = read(message)
        return cls(leg, max(agreed or seconds, MINIMUM), refresher != "uas")

    def start(self):
        self.stop()
        if self.leg.over:
            return
        wait = self.interval / 2 if self.ours else self.interval - min(MARGIN, self.interval / 3)
        self.timer = self.leg.agent.timers.later(wait, self._renew if self.ours else self._over)

    def stop(self):
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def renewed(self, message):
        """A request or a final answer of the far end that renews the session."""
        seconds, refresher = read(message)
        if seconds:
            self.interval = max(seconds, MINIMUM)
            if refresher:
                self.ours = refresher == ("uas" if message.is_request else "uac")
        self.start()

    def ask(self, request):
        """The field of a request of ours that renews."""
        request.add("Session-Expires", f"{self.interval};refresher={'uac' if self.ours else 'uas'}")
        request.add("Min-SE", str(MINIMUM))

    def answer(self, request, response):
        """The fields of our 200."""
        if not knows(request):
            return
        response.add("Session-Expires", f"{self.interval};refresher={'uas' if self.ours else 'uac'}")
        if not self.ours:
            response.add("Require", "timer")

    def _over(self):
        self.timer = None
        self.leg.lost(408, "session timer")

    def _renew(self):
        self.timer = None
        leg = self.leg
        if leg.asking is not None or leg.serving is not None or leg.waiting is not None or leg.owed is not None:
            self.timer = leg.agent.timers.later(2.0 + leg.agent.chance(2000) / 1000, self._renew)
            return
        if "UPDATE" in leg.allowed:
            return leg.ask("UPDATE", self._renewed, None, (("Contact", None),))
        leg.asking = request = Exchange(leg, "INVITE", lambda code, response: self._invited(request, code, response),
                                        leg.ours, (("Contact", None),))
        request.send()

    def _invited(self, request, code, response):
        leg = self.leg
        leg.asking = None
        if response is not None and 200 <= code < 300:
            leg.send_ack(response, request.request)
        self._renewed(code, response)

    def _renewed(self, code, response):
        """The end of a renewal: only what says that the dialog is gone ends it."""
        leg = self.leg
        if response is not None and 200 <= code < 300:
            leg.alive_at = leg.agent.timers.now()
            self.renewed(response)
        elif response is None or code in (408, 481):
            leg.lost(code or 503, "session timer")
        elif code == 422:
            self.interval = max(self.interval, least(response))
            self._renew()
        else:                               # glare, or a method that is not liked: it is alive, ask again later
            self.start()


def least(message):
    """Min-SE of a message, MINIMUM at least."""
    value = message.get("Min-SE").partition(";")[0].strip()
    return max(int(value), MINIMUM) if value.isdecimal() and len(value) < 10 else MINIMUM
