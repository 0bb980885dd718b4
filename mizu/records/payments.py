"""Card payments: charged once, credited once, whatever breaks in between.  Owns tb_payments.

The row is safe on the disk before the gateway is asked.  An approval marks the row and credits the account in one
transaction, whose ledger row (kind `card`, refid the payment's id) a unique index lets in once.  What is unclear is
asked again with the same key, at once with the card, then every minute and after a restart without it, for the card
is in memory only; a day later it is closed as declined, and the log says so.

One payment is what belongs together: requests of one user with the same `requestid`, for ever; without one, those
of the same amount and last four digits while the first is open and for a minute after its approval, for somebody has
clicked twice.  Its key is drawn at random: nothing of the card is in it.
"""

from typing import NamedTuple

from ..base.clock import utc_text
from ..base.errors import ApiError
from ..base.task import spawn
from .cards import read_card
from .ledger import MOST, money_text
from .paymentgateway import APPROVED, DECLINED, UNCLEAR, PaymentGateway, Verdict
from .values import decimal

PAUSES = (0, 1, 4)
"""Seconds before each question while the card is at hand: a minute with time-outs, as long as somebody waits."""

MINUTE, HOUR, DAY = 60, 3600, 86_400

MOST_AT_ONCE = 40
"""Payments that wait for the gateway: what four threads get done in that minute."""

MOST_OPEN = 1000
"""Open payments that one round asks for."""

MOST_DECLINED = 10
"""Declined in an hour, then a user pays no more: stolen numbers are tried out like that."""

NOT_MADE = "not made: "
"""In front of the comment of what was closed because no gateway could have taken it."""

_COLUMNS = ("id, userid, datum, idempotencykey, CAST(round(amount * 1000000) AS INTEGER), currency, lastfour, state,"
            " reference, actor, comment, settled")
_OPEN = "state IN ('new', 'asked', 'unclear')"
_BY_ID = f"SELECT {_COLUMNS} FROM tb_payments WHERE id = ?"
_BY_REQUEST = f"SELECT {_COLUMNS} FROM tb_payments WHERE userid = ? AND requestid = ?"
_SAME = (f"SELECT {_COLUMNS} FROM tb_payments WHERE userid = ? AND requestid IS NULL AND amount = ? AND lastfour = ?"
         f" AND currency = ? AND ({_OPEN} OR state = 'approved' AND settled > ?) ORDER BY id DESC LIMIT 1")
_DUE = f"SELECT {_COLUMNS} FROM tb_payments WHERE {_OPEN} AND nexttry <= ? ORDER BY nexttry LIMIT {MOST_OPEN}"


class Payment(NamedTuple):
    """A row of tb_payments: the gateway's key for it, the amount in micro-units, state new asked unclear approved
    declined."""
    id: int
    userid: int
    datum: str
    key: str
    micros: int
    currency: str
    lastfour: str
    state: str
    reference: str
    actor: str
    comment: str
    settled: str

    @property
    def open(self):
        return self.state not in (APPROVED, DECLINED)

    def __str__(self):
        return f"payment {self.id} of account {self.userid}"


class Payments:
    """db, settings, clock, entropy, users, ledger, currencies; workers and fetch as PaymentGateway has them;
    sleep(seconds) -> Future."""

    def __init__(self, db, settings, clock, entropy, users, ledger, currencies, workers, fetch, sleep, log=None):
        self.db = db
        self.settings = settings
        self.clock = clock
        self.entropy = entropy
        self.users = users
        self.ledger = ledger
        self.currencies = currencies
        self.gateway = PaymentGateway(settings, workers, fetch)
        self.sleep = sleep
        self.log = log
        self._running = {}          # payment id -> Future, while somebody waits and the card is at hand
        self._asking = False        # a round of the open ones is under way
        self._stopped = False
        self._horizon = "9"         # the first round asks for all that an earlier process has left open

    # -- paying ------------------------------------------------------------------------------------

    def card(self, *texts):
        """The Card of number, year, month and security code; ApiError 422."""
        return read_card(*texts, utc_text(self.clock.now() - DAY / 2))      # valid to the month's end west of here, too

    async def charge(self, account, card, micros, actor, requestid=""):
        """Take an amount from a card for an account; (Payment, whether it was there before).  Only an approved one has
        been credited; an open one will be, or not.  ApiError before anybody is asked."""
        self.gateway.require()
        self._judge(card, micros, requestid)
        await self.db.gate()
        payment = self._found(account, card, micros, requestid)
        known = payment is not None
        if payment is None or payment.open and payment.id not in self._running:
            self._judge_pace(account)
            payment = payment or self._begin(account, card, micros, actor, requestid)
            self._run(payment, card, not known)
        if payment.id in self._running:
            await self._running[payment.id]
        return self.payment(payment.id), known

    def payment(self, id):
        """The Payment of an id."""
        return Payment(*self.db.row(_BY_ID, (id,)))

    def _judge(self, card, micros, requestid):
        if micros <= 0:
            raise ApiError(422, "an amount to pay is above zero")
        if micros % 10_000:
            raise ApiError(422, "an amount to pay has two decimals at most")
        if micros > self.settings.paymentmax:
            raise ApiError(422, f"one payment is {money_text(self.settings.paymentmax)} at most")
        if card.number in requestid:
            raise ApiError(422, "requestid is a name of your own for the payment, not the card's number")

    def _judge_pace(self, account):
        if self._stopped or len(self._running) >= MOST_AT_ONCE:
            raise ApiError(503, "too many payments are under way")
        declined = self.db.value("SELECT count(*) FROM tb_payments WHERE userid = ? AND datum > ?"
                                 f" AND state = 'declined' AND comment NOT LIKE '{NOT_MADE}%'",
                                 (account.id, utc_text(self.clock.now() - HOUR)))
        if declined >= MOST_DECLINED:
            raise ApiError(429, f"{declined} payments were declined within an hour: try again later")

    def _found(self, account, card, micros, requestid):
        """The payment that a request is about, or None for a new one."""
        if requestid:
            row = self.db.row(_BY_REQUEST, (account.id, requestid))
            if row and (row[4], row[6]) != (micros, card.lastfour):
                raise ApiError(422, "this requestid belongs to another payment")
        else:
            since = utc_text(self.clock.now() - MINUTE)
            row = self.db.row(_SAME, (account.id, decimal(micros), card.lastfour,
                                      self.currencies.named(account.currency), since))
        return Payment(*row) if row else None

    def _begin(self, account, card, micros, actor, requestid):
        now = self.clock.now()
        with self.db.unit() as unit:
            id = unit.run("INSERT INTO tb_payments (userid, datum, idempotencykey, requestid, amount, currency,"
                          " lastfour, nexttry, actor) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                          (account.id, utc_text(now), self.entropy.hex(16), requestid or None, decimal(micros),
                           self.currencies.named(account.currency), card.lastfour, utc_text(now + MINUTE),
                           actor)).lastrowid
        return self.payment(id)

    def _run(self, payment, card, fresh):
        """Pay on, whether or not whoever has asked for it still waits."""
        future = spawn(self._pay(payment, card, fresh))
        if not future.done:
            self._running[payment.id] = future
            future.then(lambda done: self._running.pop(payment.id))

    async def _pay(self, payment, card, harmless):
        """Ask until the answer is clear; where no question can have charged anything, there is no payment.  Of an older
        one (not `harmless`) nobody knows what its questions have done."""
        await self.db.durable()
        for pause in PAUSES:
            if pause:
                await self.sleep(pause)
            verdict = await self._ask(payment, card)
            if verdict.state != UNCLEAR:
                break
            harmless = harmless and verdict.harmless
        else:
            if harmless:
                verdict = Verdict(DECLINED, comment=f"{NOT_MADE}{verdict.comment}")
        try:
            await self._settle(payment, verdict)
        except ApiError as error:           # the next round asks again what has been answered
            self._warn(f"{payment} stays open: {error.message}")

    async def _ask(self, payment, card=None):
        """One question, counted before it is asked."""
        try:
            await self.db.gate()
            with self.db.unit() as unit:
                unit.run("UPDATE tb_payments SET state = CASE state WHEN 'new' THEN 'asked' ELSE state END,"
                         f" tries = tries + 1, nexttry = ? WHERE id = ? AND {_OPEN}",
                         (utc_text(self.clock.now() + MINUTE), payment.id))
        except ApiError as error:
            return Verdict(UNCLEAR, comment=error.message, harmless=True)
        return await self.gateway.ask(payment, card)

    # -- the end of it -----------------------------------------------------------------------------

    async def _settle(self, payment, verdict):
        """Note a verdict; an approval credits the account in the same transaction.  While the database takes nothing
        the payment stays open."""
        await self.db.gate()
        approved = verdict.state == APPROVED
        account, worth, fault = self._worth(payment) if approved else (None, 0, "")
        settled = "" if verdict.state == UNCLEAR else self.clock.utc()
        with self.db.unit() as unit:
            fresh = unit.run(f"UPDATE tb_payments SET state = ?, reference = ?, comment = ?, settled = ? WHERE id = ?"
                             f" AND {_OPEN}", (verdict.state, verdict.reference, fault or verdict.comment, settled,
                                               payment.id)).rowcount
            if fresh and worth:
                self.ledger.add(unit, account, worth, "card", payment.actor, str(payment.id),
                                f"card …{payment.lastfour}")
        if fresh and worth:
            self.users.reload((account.id,))
        if fresh:
            self._tell(payment, verdict, fault)

    def _worth(self, payment):
        """(account, micro-units in its currency, ""), or (…, 0, why it cannot be credited)."""
        account, balance = self.users.by_id(payment.userid), self.ledger.balance(payment.userid)
        if account is None or balance is None:
            return None, 0, "not credited: the account is gone"
        try:
            worth = self.currencies.convert(payment.micros, payment.currency, account.currency)
        except ApiError as error:
            return account, 0, f"not credited: {error.message}"
        if worth <= 0 or balance + worth >= MOST:
            return account, 0, "not credited: the balance has no room for it"
        return account, worth, ""

    def _tell(self, payment, verdict, fault):
        if fault:
            self._warn(f"{payment} was approved but {fault}; give it back at the gateway, or credit it by hand")
        elif verdict.state == UNCLEAR and payment.state != UNCLEAR:
            self._warn(f"{payment} is unclear and will be asked for again: {verdict.comment}")
        elif verdict.state != UNCLEAR and self.log is not None:
            self.log.info(f"{payment} was {verdict.state}", amount=money_text(payment.micros),
                          currency=payment.currency, reference=verdict.reference or None)

    def _warn(self, text):
        if self.log is not None:
            self.log.warning(text)

    # -- what is open ------------------------------------------------------------------------------

    @property
    def busy(self):
        """Whether a gateway is being asked."""
        return self._asking or bool(self._running)

    def tick(self):
        """Once a second: ask for the open payments that are due."""
        if self._asking or self._stopped:
            return
        horizon, self._horizon = self._horizon or self.clock.utc(), ""
        due = [Payment(*row) for row in self.db.rows(_DUE, (horizon,))]
        if any([payment.id not in self._running for payment in due]):
            self._asking = True
            spawn(self._round(due))

    def stop(self):
        """Begin nothing more."""
        self._stopped = True

    async def _round(self, due):
        """Ask for each, one after the other: whatever goes wrong, the next minute tries again."""
        try:
            for payment in due:
                if self._stopped:
                    return
                await self._again(payment)
        except Exception as error:
            if self.log is not None:
                self.log.exception("open payments wait", error)
        finally:
            self._asking = False

    async def _again(self, payment):
        if payment.id in self._running:
            return
        verdict = await self._ask(payment)
        if verdict.state == UNCLEAR and payment.id in self._running:    # somebody pays on, with the card
            return
        if verdict.state == UNCLEAR and payment.datum <= utc_text(self.clock.now() - DAY):
            verdict = Verdict(DECLINED, comment=f"unclear for 24 hours: {verdict.comment}")
            self._warn(f"{payment} stayed unclear for 24 hours and is closed as declined: look its idempotency key"
                       f" {payment.key} up at the gateway")
        await self._settle(payment, verdict)
