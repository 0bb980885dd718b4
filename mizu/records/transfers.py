"""Credit that one account gives to another: two rows of the ledger, or none.

The giver keeps what is reserved and stays within his limits.  What a postpaid account may still spend is no money
that it has, so it gives nothing away.
"""

from ..base.errors import ApiError


class Transfers:
    """ledger, reservations, currencies."""

    def __init__(self, ledger, reservations, currencies):
        self.ledger = ledger
        self.reservations = reservations
        self.currencies = currencies

    def give(self, unit, giver, taker, micros, actor):
        """Move credit; returns (the giver's new balance, the taker's).  ApiError 422 that says why not; the accounts
        in memory are the caller's to reload."""
        self._judge(giver, taker, micros)
        _, left = self.ledger.add(unit, giver, -micros, "transfer", actor, str(taker.id), f"to {taker.username}")
        _, has = self.ledger.add(unit, taker, micros, "transfer", actor, str(giver.id), f"from {giver.username}")
        return left, has

    def _judge(self, giver, taker, micros):
        if micros <= 0:
            raise ApiError(422, "an amount to transfer is above zero")
        if giver.id == taker.id:
            raise ApiError(422, "nobody gives credit to himself")
        if giver.postpaid:
            raise ApiError(422, "a postpaid account has a limit and no credit to give")
        if not taker.enabled or taker.disabled:
            raise ApiError(422, f"the account {taker.username} is disabled")
        if not self.currencies.same(giver.currency, taker.currency):
            raise ApiError(422, f"{taker.username} has another currency: {self.currencies.named(taker.currency)}")
        self.reservations.judge(giver, micros)
