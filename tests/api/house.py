"""The api room over real records: requests go in as texts, answers come out, clock and reactor are moved by hand."""

import hashlib

from mizu.api.auth import Authenticator
from mizu.api.access import compile_access
from mizu.api.batch import submit_batch
from mizu.api.custom import run_custom
from mizu.api.decode import Decoder
from mizu.api.dispatch import Dispatcher
from mizu.api.nonces import Nonces
from mizu.api.trust import Trust
from mizu.base.message import Peer, Session
from mizu.base.task import Future
from mizu.formats.request import Parsed, read_text
from mizu.store.options import BY_NAME, parse

from commands.asking import Town
from records.store import add

KEY, SALT = "thekey", "serversalt"
FAR, LISTED, CLIENT = "203.0.113.9", "198.51.100.1", "198.51.100.2"
LAN, GATEWAY, OWN, LOOP = "192.168.7.7", "192.168.7.254", "192.168.7.1", "127.0.0.1"


class Reactor:
    """Timers that wait for tick()."""

    def __init__(self):
        self.timers = []

    def later(self, seconds, callback):
        self.timers.append((seconds, callback))

    def tick(self):
        timers, self.timers = self.timers, []
        for _, callback in timers:
            callback()


class House(Town):
    """ask("balance", host=FAR, authkey=KEY, …) -> Answer; refusals that are held back are waited for."""

    def __init__(self, folder, **settings):
        super().__init__(folder, f"apiv2key={KEY},second", "httpapikey=oldkey", f"apiv2md5salt={SALT}",
                         f"trustediplist={LISTED}", f"apiv2ipauth={CLIENT}")
        self.reactor = Reactor()
        self.registered, self.failures = set(), []
        self.trust = Trust(self.settings, {OWN}.__contains__, {LAN, OWN}.__contains__)
        self.nonces = Nonces(self.clock, self.entropy, lambda: self.settings.noncelifetime)
        self.auth = Authenticator(self.settings, self.users, self.trust, self.nonces, self.entropy, self._registered,
                                  lambda request, flags, authid: self.failures.append((request.peer.host, authid)))
        self.decoder = Decoder(self.settings, self.clock)
        self.dispatcher = Dispatcher(self, self.auth, run_custom)
        self.reload_rules()
        self.set(**settings)

    def _registered(self, account, host):
        return any(account.id == id and host in (None, at) for id, at in self.registered)

    def set(self, **settings):
        for name, text in settings.items():
            setattr(self.settings, name, parse(BY_NAME[name], str(text)))
        for service in (self.trust, self.limits, self.auth, self.decoder):
            service.reload()

    def rule(self, fname, **columns):
        """A row of tb_api in force."""
        names = ", ".join(["fname", *columns])
        with self.db.unit() as unit:
            unit.run(f"INSERT OR REPLACE INTO tb_api ({names}) VALUES (?{', ?' * len(columns)})",
                     (fname, *columns.values()))
        return self.reload_rules()

    def reload_rules(self):
        faults = self.rules.reload()
        self.table = compile_access(self.rules.rows)
        if hasattr(self, "dispatcher"):
            self.dispatcher.table = self.table
        return faults

    def account(self, username, **values):
        self.db_id = add(self, username, **values)
        return self.users.by_id(self.db_id)

    def change(self, username, **values):
        with self.db.unit() as unit:
            for column, value in values.items():
                unit.run(f"UPDATE tb_users SET {column} = ? WHERE username = ?", (value, username))
        self.users.reload([self.users.by_username(username).id])

    # -- asking

    def request(self, entry, host=FAR, transport="http", direct=None, **params):
        parsed = Parsed("url", "/mvapireq/", {"apientry": entry, **{k.lower(): str(v) for k, v in params.items()}})
        direct = transport != "udp" if direct is None else direct
        return self.decoder.request(parsed, Peer(transport, host, 5, secure=transport in ("https", "wss")), direct)

    def ask(self, entry, host=FAR, transport="http", direct=None, session=None, **params):
        request = self.request(entry, host, transport, direct, **params)
        return self.answer(self.dispatcher.submit(request, session or Session(request.peer)))

    def keyed(self, entry, **params):
        return self.ask(entry, authkey=KEY, **params)

    def text(self, text, host=FAR, transport="tcp", accept=""):
        """(Request, Answer) of a whole request as text."""
        peer = Peer(transport, host, 5)
        request = self.decoder.request(read_text(text), peer, True, accept)
        return request, self.answer(self.dispatcher.submit(request, Session(peer)))

    def batch(self, *requests, host=LOOP, session=None):
        peer = Peer("http", host, 5)
        parsed = Parsed("json", "", [{"apientry": entry, **{k: str(v) for k, v in params.items()}}
                                     for entry, params in requests])
        made = self.decoder.request(parsed, peer, True)
        return self.answer(submit_batch(self.dispatcher, made, session or Session(peer)))

    def answer(self, outcome):
        if outcome.__class__ is Future:
            if not outcome.done:
                self.reactor.tick()
            return outcome.result()
        return outcome


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def bare(authid, password, salt="s1", nonce="", serversalt=SALT):
    """The simplified formula's parameters, as the manual words it."""
    return {"authid": authid, "authmd5": md5("ck5Gp" + authid + password + serversalt + salt + nonce), "authsalt": salt}


def v3(authid, password, salt1="s1", salt2="s2", nonce="", serversalt=SALT):
    """The documented formula's parameters."""
    inner = md5("tU29m" + authid + password + salt1)
    return {"authid": authid, "authmd5": "authv3_" + md5(inner + salt2 + serversalt + nonce), "authsalt1": salt1,
            "authsalt2": salt2}
