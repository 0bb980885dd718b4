"""The transaction layer: which transaction a message belongs to (RFC 3261 17.1.3, 17.2.3), and what belongs to none.

Above it are the transaction users, below it the flows.  Here requests get our Via (18.1.1) and the Via of those that
come gets `received` and `rport` (18.2.1, RFC 3581); CANCEL finds its INVITE (9.2), a request that came by two ways is
answered 482 (8.2.2.2), a request too many 503.  Knows no dialogs, no accounts and no sockets.

A flow has: transport, reliable, host and port of the far end, advertised (host, port) of ours, key, send(bytes) (False
if it is lost for good), and over UDP also to(host, port), the flow from the same socket to another address.
"""

from functools import partial

from .clienttransaction import ClientTransaction
from .headers import parse_name_addr
from .lanes import Lane
from .servertransaction import ServerTransaction
from .transaction import EVENT_OF, LIFE, T1, T4, TRYING_AFTER

MAX_TRANSACTIONS = 30_000
"""Unanswered ones: 500 calls a second that ring for 30 s have as many, and hold 5 KiB each.  Requests within dialogs
may have as many again, so that running calls can still be ended."""

MAX_LINGERING = 100_000
"""Answered ones that absorb repetitions, about 1 KiB each.  More than 3,000 answers a second: the oldest go early."""

COOKIE = "z9hG4bK"
RETRY_AFTER = "10"


class Layer:
    """timers      .later(seconds, callback), .now()
    on_request  on_request(transaction, message): a new request; transaction None: an ACK of a 2xx, or of nothing
    tap         tap(message, flow, data, outgoing), every message that comes (data as given to `received`) and leaves
                (message None: repeated); or None
    live        unanswered transactions;  len() all of them
    tag         our tag in responses that the layer gives on its own
    """

    def __init__(self, timers, entropy, on_request, tap=None):
        self.on_request = on_request
        self.tap = tap
        self.live = 0
        self.tag = entropy.hex(6)
        self._timers = timers
        self._entropy = entropy
        self._clients = {}          # "branch METHOD": ClientTransaction
        self._servers = {}          # key of _server_key: ServerTransaction
        self._merged = {}           # "Call-ID CSeq" of requests outside dialogs: ServerTransaction
        self._spent = []            # answered: their requests are let go when the next message comes
        self._towards = {}          # (host, port): unanswered transactions that a dead peer ends
        self.again = {seconds: Lane(timers, seconds, "again")
                      for seconds in (TRYING_AFTER, T1, T1 * 2, T1 * 4, T1 * 8, T1 * 16, T1 * 32)}
        self.patience = Lane(timers, LIFE, "end")
        self.lingering = Lane(timers, LIFE, "end", MAX_LINGERING)
        self.brief = Lane(timers, T4, "end", MAX_LINGERING)

    def __len__(self):
        return len(self._clients) + len(self._servers)

    # -- out

    def request(self, message, flow, user):
        """Send a request in a new client transaction; `user` hears of it later, never within this call.  Its Via is
        ours alone; `message` must not be changed until there is a final response."""
        branch = self._via(message, flow)
        return self._begin(f"{branch} {message.method}", message, flow, user)

    def send_ack(self, message, flow):
        """The ACK of a 2xx: in no transaction (13.2.2.4).  False if the flow is lost."""
        self._via(message, flow)
        return self.transmit(flow, message.render(), message)

    def _via(self, message, flow):
        host, port = flow.advertised
        if ":" in host:
            host = f"[{host}]"
        branch = COOKIE + self._entropy.hex(8)
        via = f"SIP/2.0/{flow.transport} {host}:{port};rport;branch={branch}"
        if "Via" in message.fields:     # the same message once more, with credentials
            message.set("Via", via)
        else:
            message.fields = {"Via": [via], **message.fields}
        return branch

    def _begin(self, key, message, flow, user):
        transaction = self._clients[key] = ClientTransaction(self, key, message, flow, user)
        self._enter(transaction)
        if self.live > 2 * MAX_TRANSACTIONS:
            self.broken(transaction)
        else:
            transaction.start()
        return transaction

    # -- in

    def received(self, message, data=None):
        """A message from the transport, `message.flow` being where it came from and `data` its octets, for the tap."""
        if self.tap is not None:
            self.tap(message, message.flow, data, False)
        if self._spent:
            for transaction in self._spent:
                transaction.request = None
            self._spent.clear()
        if message.status:
            vias = message.fields["Via"]
            transaction = self._clients.get(f"{message.via.branch} {message.method}")
            if transaction is not None and len(vias) == 1:      # 8.1.3.3: more than ours is not for us
                transaction.fire(EVENT_OF[message.status // 100], message)
            return
        method = message.method
        key = _server_key(message, "INVITE" if method == "ACK" else method)
        transaction = self._servers.get(key)
        if transaction is not None:
            transaction.fire("ack" if method == "ACK" else "request", message)
        elif method == "ACK":
            self.on_request(None, message)
        else:
            self._new(key, message)

    def _new(self, key, message):
        inside, cancels = message.to_tag != "", message.method == "CANCEL"
        cancelled = self._servers.get(_server_key(message, "INVITE")) if cancels else None
        back = _stamp(message)
        if self.live >= MAX_TRANSACTIONS * (1 + inside) and cancelled is None:
            self._answer(message, back, 503)
            return
        transaction = ServerTransaction(self, key, message, back)
        if not inside and not cancels:
            merged = f"{message.call_id} {message.fields['CSeq'][0]}"
            known = self._merged.get(merged)
            if known is None:
                self._merged[merged] = transaction
                transaction.merged, transaction.origin = merged, message.fields["From"][0]
            elif _same_tag(known.origin, message):
                self._answer(message, back, 482)
                return
        self._servers[key] = transaction
        self._enter(transaction)
        if cancels:
            self._cancel(transaction, cancelled)
        else:
            self._hand_up(transaction, message)

    def _hand_up(self, transaction, message):
        try:
            self.on_request(transaction, message)
        except Exception:
            if transaction.live:
                transaction.respond(message.reply(500, to_tag=self.tag))
            raise
        transaction.wait()

    def _cancel(self, transaction, cancelled):
        """9.2; an INVITE that has its final response is not changed any more."""
        found = cancelled is not None
        tag = found and cancelled.tag or self.tag
        transaction.respond(transaction.request.reply(200 if found else 481, to_tag=tag))
        if found:
            cancelled.fire("cancel")

    def refuse(self, message, status, reason=""):
        """Answer a request that gets no transaction, perhaps one that could not be read to its end."""
        if message.method != "ACK":
            message.fields["Via"] = message.items("Via")
            self._answer(message, _stamp(message), status, reason)

    def _answer(self, message, back, status, reason=""):
        """A response that leaves nothing behind."""
        response = message.reply(status, reason, self.tag)
        if status == 503:
            response.set("Retry-After", RETRY_AFTER)
        self.transmit(back, response.render(), response)

    # -- what happens below

    def lost(self, flow):
        """A connection is gone: what waits on it has failed."""
        for transaction in list(self._towards.get((flow.host, flow.port), ())):
            if transaction.flow.key == flow.key:
                transaction.fire("error")

    def unreachable(self, host, port):
        """ICMP says that nobody hears datagrams there (18.4)."""
        for transaction in list(self._towards.get((host, port), ())):
            if not transaction.flow.reliable:
                transaction.fire("error")

    def abandon(self):
        """Everything unanswered has failed, as if its transport had."""
        for transactions in (self._clients, self._servers):
            for transaction in [each for each in transactions.values() if each.live]:
                transaction.fire("error")

    # -- for the transactions

    def transmit(self, flow, data, message=None):
        if self.tap is not None:
            self.tap(message, flow, data, True)
        return flow.send(data)

    def broken(self, transaction):
        """It could not send; it hears so in the next turn, when what it is doing is done."""
        self._timers.later(0, partial(transaction.fire, "error"))

    def cancel(self, transaction, message):
        """A transaction's own CANCEL, whose answers interest nobody."""
        self._begin(f"{message.branch} CANCEL", message, transaction.flow, None)

    def _enter(self, transaction):
        self.live += 1
        flow = transaction.flow
        if flow.reliable or type(transaction) is ClientTransaction:
            where = flow.host, flow.port
            there = self._towards.get(where)
            if there is None:
                self._towards[where] = {transaction}
            else:
                there.add(transaction)

    def spend(self, transaction):
        """Its request is of no more use; whoever is being told of the answer may still look at it."""
        self._spent.append(transaction)

    def settle(self, transaction):
        """It is answered, or given up."""
        self.live -= 1
        where = transaction.flow.host, transaction.flow.port
        there = self._towards.get(where)
        if there is not None:
            there.discard(transaction)
            if not there:
                del self._towards[where]

    def forget(self, transaction):
        if type(transaction) is ClientTransaction:
            self._clients.pop(transaction.key, None)
        else:
            self._servers.pop(transaction.key, None)
            self.part(transaction)

    def part(self, transaction):
        """A merged request would now be a new one."""
        if transaction.merged is not None:
            self._merged.pop(transaction.merged, None)
            transaction.merged = None


def _server_key(message, method):
    """17.2.3: branch, sent-by and method; of a client of RFC 2543 all that its ACK and CANCEL have in common with the
    request, but for the To tag: its place is taken by the CSeq, which another request in the dialog does not share."""
    via = message.via
    branch = via.params.get("branch") or ""
    if branch[:7] == COOKIE:
        return f"{branch} {via.host} {via.port} {method}"
    return "\n".join((message.uri, message.from_tag, message.call_id, str(message.cseq[0]),
                      message.fields["Via"][0], method))


def _same_tag(origin, message):
    mine = message.fields["From"][0]
    return mine == origin or parse_name_addr(origin).tag == message.from_tag


def _stamp(message):
    """Write into the topmost Via where the request came from (18.2.1, RFC 3581 4); returns the flow for the answers
    (18.2.2).  maddr is not obeyed: a stranger could point us at anybody."""
    flow, via = message.flow, message.via
    params = via.params
    asked = "rport" in params
    if asked or via.host != flow.host or "received" in params:
        if asked:
            params["rport"] = str(flow.port)
        params["received"] = flow.host
        message.fields["Via"][0] = str(via)
    port = via.port or 5060
    if flow.reliable or asked or port == flow.port or _private(via.host) and via.host != flow.host:
        return flow
    return flow.to(flow.host, port)


def _private(host):
    """An address behind a NAT, whose port means nothing outside (RFC 1918)."""
    return host.startswith(("10.", "192.168.")) or host.startswith("172.") and host[4:7] in _PRIVATE_172


_PRIVATE_172 = {f"{number}." for number in range(16, 32)}
