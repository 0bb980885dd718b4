"""The four transaction machines of RFC 3261 chapter 17, as RFC 6026 corrects them, as tables.

Each table holds (state, event) -> (actions, next state); NEVER is a cell that cannot be.  An action is a method of
ClientTransaction or ServerTransaction without its underscore, and runs when the next state is already in force.
Events: `again` a message is due once more (Timers A, E, G, and the 200 ms before a 100), `end` the state has lasted
long enough (B, D, F, H to M), `1xx 2xx final` a response (final: 300 to 699), `request` and `ack` from the far end,
`cancel` a CANCEL wanted or come, `acked` the ACK of a 2xx was seen, `error` nothing can be sent any more.
Over a reliable transport the states that only absorb what comes late last no time: 17.1.1.2, 17.1.2.2, 17.2.
Knows no messages, no users and no clocks.
"""

T1, T2, T4 = 0.5, 4.0, 5.0      # RFC 3261 table 4, seconds
LIFE = 64 * T1
TRYING_AFTER = 0.2              # 17.2.1: an INVITE that has no answer by then gets a 100

CALLING, TRYING, PROCEEDING, COMPLETED = "calling", "trying", "proceeding", "completed"
ACCEPTED, CONFIRMED, TERMINATED = "accepted", "confirmed", "terminated"

NEVER = None
OVER = {(TERMINATED, event): NEVER for event in ("again", "end", "1xx", "2xx", "final")}    # of a client: in no table

# Figure 5 of RFC 6026.  Timers: again A; end B, 64*T1 after a CANCEL (9.1), D, M.
INVITE_CLIENT = {
    (CALLING, "again"):      ("send double", CALLING),
    (CALLING, "end"):        ("gone timeout", TERMINATED),
    (CALLING, "1xx"):        ("rest ease cancel_now tell", PROCEEDING),
    (CALLING, "2xx"):        ("rest accept tell", ACCEPTED),
    (CALLING, "final"):      ("rest ack complete tell", COMPLETED),
    (CALLING, "cancel"):     ("", CALLING),
    (CALLING, "error"):      ("gone transport", TERMINATED),
    (PROCEEDING, "again"):   NEVER,
    (PROCEEDING, "end"):     ("gone timeout", TERMINATED),
    (PROCEEDING, "1xx"):     ("tell", PROCEEDING),
    (PROCEEDING, "2xx"):     ("accept tell", ACCEPTED),
    (PROCEEDING, "final"):   ("ack complete tell", COMPLETED),
    (PROCEEDING, "cancel"):  ("cancel_now", PROCEEDING),
    (PROCEEDING, "error"):   ("gone transport", TERMINATED),
    (COMPLETED, "again"):    NEVER,
    (COMPLETED, "end"):      ("gone", TERMINATED),
    (COMPLETED, "1xx"):      ("", COMPLETED),
    (COMPLETED, "2xx"):      ("", COMPLETED),
    (COMPLETED, "final"):    ("send", COMPLETED),
    (COMPLETED, "cancel"):   ("", COMPLETED),
    (COMPLETED, "error"):    ("gone", TERMINATED),
    (ACCEPTED, "again"):     NEVER,
    (ACCEPTED, "end"):       ("gone", TERMINATED),
    (ACCEPTED, "1xx"):       ("", ACCEPTED),
    (ACCEPTED, "2xx"):       ("tell", ACCEPTED),
    (ACCEPTED, "final"):     ("", ACCEPTED),
    (ACCEPTED, "cancel"):    ("", ACCEPTED),
    (ACCEPTED, "error"):     ("gone", TERMINATED),
    **OVER,
    (TERMINATED, "cancel"):  ("", TERMINATED),
    (TERMINATED, "error"):   ("", TERMINATED),
}

# Figure 6 of RFC 3261.  Timers: again E; end F, K.
NON_INVITE_CLIENT = {
    (TRYING, "again"):       ("send double", TRYING),
    (TRYING, "end"):         ("gone timeout", TERMINATED),
    (TRYING, "1xx"):         ("tell", PROCEEDING),
    (TRYING, "2xx"):         ("rest complete tell", COMPLETED),
    (TRYING, "final"):       ("rest complete tell", COMPLETED),
    (TRYING, "cancel"):      ("", TRYING),
    (TRYING, "error"):       ("gone transport", TERMINATED),
    (PROCEEDING, "again"):   ("send slow", PROCEEDING),
    (PROCEEDING, "end"):     ("gone timeout", TERMINATED),
    (PROCEEDING, "1xx"):     ("tell", PROCEEDING),
    (PROCEEDING, "2xx"):     ("rest complete tell", COMPLETED),
    (PROCEEDING, "final"):   ("rest complete tell", COMPLETED),
    (PROCEEDING, "cancel"):  ("", PROCEEDING),
    (PROCEEDING, "error"):   ("gone transport", TERMINATED),
    (COMPLETED, "again"):    NEVER,
    (COMPLETED, "end"):      ("gone", TERMINATED),
    (COMPLETED, "1xx"):      ("", COMPLETED),
    (COMPLETED, "2xx"):      ("", COMPLETED),
    (COMPLETED, "final"):    ("", COMPLETED),
    (COMPLETED, "cancel"):   ("", COMPLETED),
    (COMPLETED, "error"):    ("gone", TERMINATED),
    **OVER,
    (TERMINATED, "cancel"):  ("", TERMINATED),
    (TERMINATED, "error"):   ("", TERMINATED),
}

# Figure 4 of RFC 6026, with the repetition of the 2xx (13.3.1.4).  Timers: again 200 ms, G; end H, I, L.
INVITE_SERVER = {
    (PROCEEDING, "again"):   ("trying", PROCEEDING),
    (PROCEEDING, "end"):     NEVER,
    (PROCEEDING, "request"): ("send", PROCEEDING),
    (PROCEEDING, "ack"):     ("", PROCEEDING),
    (PROCEEDING, "1xx"):     ("reply", PROCEEDING),
    (PROCEEDING, "2xx"):     ("reply accept", ACCEPTED),
    (PROCEEDING, "final"):   ("reply await_ack", COMPLETED),
    (PROCEEDING, "acked"):   ("", PROCEEDING),
    (PROCEEDING, "cancel"):  ("cancelled", PROCEEDING),
    (PROCEEDING, "error"):   ("gone transport", TERMINATED),
    (COMPLETED, "again"):    ("send double", COMPLETED),
    (COMPLETED, "end"):      ("gone", TERMINATED),          # Timer H: nobody misses the ACK of a refusal
    (COMPLETED, "request"):  ("send", COMPLETED),
    (COMPLETED, "ack"):      ("rest confirm", CONFIRMED),
    (COMPLETED, "1xx"):      ("", COMPLETED),               # a taker that comes after a CANCEL's 487
    (COMPLETED, "2xx"):      ("", COMPLETED),
    (COMPLETED, "final"):    ("", COMPLETED),
    (COMPLETED, "acked"):    ("", COMPLETED),
    (COMPLETED, "cancel"):   ("", COMPLETED),
    (COMPLETED, "error"):    ("gone", TERMINATED),
    (CONFIRMED, "again"):    NEVER,
    (CONFIRMED, "end"):      ("gone", TERMINATED),
    (CONFIRMED, "request"):  ("", CONFIRMED),
    (CONFIRMED, "ack"):      ("", CONFIRMED),
    (CONFIRMED, "1xx"):      ("", CONFIRMED),
    (CONFIRMED, "2xx"):      ("", CONFIRMED),
    (CONFIRMED, "final"):    ("", CONFIRMED),
    (CONFIRMED, "acked"):    ("", CONFIRMED),
    (CONFIRMED, "cancel"):   ("", CONFIRMED),
    (CONFIRMED, "error"):    ("gone", TERMINATED),
    (ACCEPTED, "again"):     ("send double", ACCEPTED),
    (ACCEPTED, "end"):       ("gone timeout", TERMINATED),
    (ACCEPTED, "request"):   ("", ACCEPTED),
    (ACCEPTED, "ack"):       ("pass_on", ACCEPTED),
    (ACCEPTED, "1xx"):       ("", ACCEPTED),
    (ACCEPTED, "2xx"):       ("", ACCEPTED),
    (ACCEPTED, "final"):     ("", ACCEPTED),
    (ACCEPTED, "acked"):     ("rest hush", ACCEPTED),
    (ACCEPTED, "cancel"):    ("", ACCEPTED),
    (ACCEPTED, "error"):     ("rest", ACCEPTED),            # the ACK may come another way
    (TERMINATED, "again"):   NEVER,
    (TERMINATED, "end"):     NEVER,
    (TERMINATED, "request"): NEVER,
    (TERMINATED, "ack"):     NEVER,
    (TERMINATED, "1xx"):     ("", TERMINATED),              # the taker answers a caller who is gone
    (TERMINATED, "2xx"):     ("", TERMINATED),
    (TERMINATED, "final"):   ("", TERMINATED),
    (TERMINATED, "acked"):   ("", TERMINATED),
    (TERMINATED, "cancel"):  NEVER,
    (TERMINATED, "error"):   ("", TERMINATED),
}

# Figure 8 of RFC 3261.  Timers: end 64*T1 without an answer (the client has given up, RFC 4320), J.
NON_INVITE_SERVER = {
    (TRYING, "again"):       NEVER,
    (TRYING, "end"):         ("gone timeout", TERMINATED),
    (TRYING, "request"):     ("", TRYING),
    (TRYING, "ack"):         NEVER,
    (TRYING, "1xx"):         ("reply", PROCEEDING),
    (TRYING, "2xx"):         ("reply complete", COMPLETED),
    (TRYING, "final"):       ("reply complete", COMPLETED),
    (TRYING, "acked"):       NEVER,
    (TRYING, "cancel"):      NEVER,
    (TRYING, "error"):       ("gone transport", TERMINATED),
    (PROCEEDING, "again"):   NEVER,
    (PROCEEDING, "end"):     ("gone timeout", TERMINATED),
    (PROCEEDING, "request"): ("send", PROCEEDING),
    (PROCEEDING, "ack"):     NEVER,
    (PROCEEDING, "1xx"):     ("reply", PROCEEDING),
    (PROCEEDING, "2xx"):     ("reply complete", COMPLETED),
    (PROCEEDING, "final"):   ("reply complete", COMPLETED),
    (PROCEEDING, "acked"):   NEVER,
    (PROCEEDING, "cancel"):  NEVER,
    (PROCEEDING, "error"):   ("gone transport", TERMINATED),
    (COMPLETED, "again"):    NEVER,
    (COMPLETED, "end"):      ("gone", TERMINATED),
    (COMPLETED, "request"):  ("send", COMPLETED),
    (COMPLETED, "ack"):      NEVER,
    (COMPLETED, "1xx"):      ("", COMPLETED),
    (COMPLETED, "2xx"):      ("", COMPLETED),
    (COMPLETED, "final"):    ("", COMPLETED),
    (COMPLETED, "acked"):    NEVER,
    (COMPLETED, "cancel"):   NEVER,
    (COMPLETED, "error"):    ("gone", TERMINATED),
    (TERMINATED, "again"):   NEVER,
    (TERMINATED, "end"):     NEVER,
    (TERMINATED, "request"): NEVER,
    (TERMINATED, "ack"):     NEVER,
    (TERMINATED, "1xx"):     ("", TERMINATED),
    (TERMINATED, "2xx"):     ("", TERMINATED),
    (TERMINATED, "final"):   ("", TERMINATED),
    (TERMINATED, "acked"):   NEVER,
    (TERMINATED, "cancel"):  NEVER,
    (TERMINATED, "error"):   ("", TERMINATED),
}

EVENT_OF = (NEVER, "1xx", "2xx", "final", "final", "final", "final")    # by the first digit of a status


class Ending:
    """The actions that end a transaction of either side: settled once, failed once, gone."""
    __slots__ = ()

    def _gone(self, _):
        self._settle()
        self.again = self.end = 0.0
        self._data = None
        self.layer.forget(self)

    def _timeout(self, _):
        self._fail("timeout")

    def _transport(self, _):
        self._fail("transport")

    def _fail(self, why):
        user, self.user = self.user, None
        if user is not None:
            user.failed(self, why)

    def _settle(self):
        if self.live:
            self.live = False
            self.layer.settle(self)


def bind(table, actions):
    """The table with the methods of the class `actions` in place of their names, and without the cells that cannot be:
    reaching one raises KeyError((state, event))."""
    return {cell: (tuple(getattr(actions, "_" + name) for name in row[0].split()), row[1])
            for cell, row in table.items() if row is not NEVER}
