"""Who sends a call that has brought no credentials: tb_users.needauth and authip, tb_users_authip, technical prefixes.

    0 none (a name or number of its own)   4 digest                  8 address and digest
    1 address                              5 user name               9 address range
    2 technical prefix                     6 address and port       10 address range and digest
    3 technical prefix and address         7 address and user name

The narrower proof counts first: address with port, with technical prefix, with user name, with digest; the address
alone, of overlapping networks the smallest; then the prefix alone, the longest; at last the name alone.  Where two
accounts prove themselves alike, the one that is named in From; if none is, or disabled, nobody is believed and the
digest has to tell.  A request that brings credentials is judged by them first, and by permits().

An outbound trunk that is to prove itself by address and has no authip is known by where calls to it go, unless an
account that says so is as near, as that for the calls of the same carrier is.  Domain names are asked for once a
minute; while no name server answers, the addresses that were known hold.
"""

import ipaddress

from ..base.errors import ApiError
from ..base.task import spawn
from .account import OUTBOUND

NONE, ADDRESS, PREFIX, PREFIX_ADDRESS, DIGEST, NAME, PORT, ADDRESS_NAME, ADDRESS_DIGEST, RANGE, RANGE_DIGEST = range(11)

BY_ADDRESS = frozenset((ADDRESS, PREFIX_ADDRESS, PORT, ADDRESS_NAME, ADDRESS_DIGEST, RANGE, RANGE_DIGEST))
BY_DIGEST = frozenset((DIGEST, ADDRESS_DIGEST, RANGE_DIGEST))
BY_NAME = frozenset((NONE, NAME))

_RANK = {kind: rank for rank, kind in enumerate(
    (PORT, PREFIX_ADDRESS, ADDRESS_NAME, ADDRESS_DIGEST, RANGE_DIGEST, ADDRESS, RANGE))}
"""Proofs by address, the narrowest first."""

PROOFS = ("name", "address", "tech prefix", "tech prefix and address", "digest", "user name", "address and port",
          "address and user name", "address and digest", "address range", "address range and digest")
"""needauth in words."""

MEMO = 20_000
"""Addresses whose accounts are remembered: 4 MB; the table starts afresh when it is full."""

NETWORKS = 10_000
"""Networks and single addresses of one range: a range of nonsense does not fill the memory."""

NAMES = 1_000
"""Domain names that are resolved."""

AGAIN = 60
"""Ticks of a second between two times that the domain names are asked for; the resolver keeps answers for their TTL."""

PORT_DEFAULT = 5060

_COLUMNS = ("u.id, u.type, u.needauth, u.authip, u.port, u.techprefix, u.domainname, u.ip")
_KINDS = ", ".join([str(kind) for kind in range(11) if kind not in (NONE, DIGEST, NAME)])
_ACCOUNTS = f"SELECT {_COLUMNS} FROM tb_users u WHERE u.needauth IN ({_KINDS}) AND u.enabled <> 0"
_FURTHER = ("SELECT a.userid, a.authip, a.port FROM tb_users_authip a JOIN tb_users u ON u.id = a.userid"
            f" WHERE u.needauth IN ({_KINDS}) AND u.enabled <> 0")

_BY_NAME = f"SELECT 1 FROM tb_users WHERE needauth IN ({NONE}, {NAME}) AND enabled <> 0 LIMIT 1"

_ANI = "SELECT userid FROM tb_users_numbers WHERE number IN (?, ?) AND kind = 'ani' LIMIT 2"


class Source:
    """account · via: the account that sent it, another one only where the caller's number named `account` · digest:
    whether it still has to prove itself by a digest · techprefix: what is to be taken off the called number · proof"""
    __slots__ = ("account", "via", "digest", "techprefix", "proof")

    def __init__(self, account, via, digest, techprefix, proof):
        self.account = account
        self.via = via
        self.digest = digest
        self.techprefix = techprefix
        self.proof = proof

    def __repr__(self):
        return f"Source({self.account!r}, {self.proof!r})"


class Entry:
    """One way of an account to prove itself: id, kind (needauth), port (0: any), techprefix, width (addresses);
    implied: a trunk's target, not said to be an address it calls from."""
    __slots__ = ("id", "kind", "port", "techprefix", "width", "implied")

    def __init__(self, id, kind, port, techprefix, width=1, implied=False):
        self.id = id
        self.kind = kind
        self.port = port
        self.techprefix = techprefix
        self.width = width
        self.implied = implied


class Sources:
    """db, users, profiles (anumberlookup), form (NumberForm).

    addresses   callable(domain name) -> Future of its addresses, set by whoever has a resolver
    """

    def __init__(self, db, users, profiles, form):
        self.db = db
        self.users = users
        self.profiles = profiles
        self.form = form
        self.faults = []            # of addresses that cannot be understood
        self._hosts = None          # {address: [Entry]}
        self._networks = {}         # {(version, prefix length): {network as a number: [Entry]}}
        self._named = {}            # {domain name: [Entry]}
        self._prefixes = []         # [Entry] of needauth 2, the longest first
        self._named_only = False    # whether there is anybody without a proof
        self._addresses = {}        # {domain name: (address, …)} as resolved
        self._memo = {}
        self.addresses = None
        self._ticks = 0
        self._asking = False
        db.on_touched.append(self._touched)

    def reload(self):
        """Read the accounts again at the next look-up."""
        self._hosts = None

    def __len__(self):
        """Addresses, networks, domain names and prefixes that prove somebody."""
        if self._hosts is None:
            self._read()
        return len(self._hosts) + sum(map(len, self._networks.values())) + len(self._named) + len(self._prefixes)

    def _touched(self, table, ids):
        if table in ("tb_users", "tb_users_authip"):
            self.reload()

    # -- who ---------------------------------------------------------------------------------------

    def find(self, host, port, from_user, called):
        """The Source of a request without credentials, or None: then a digest has to tell."""
        if self._hosts is None:
            self._read()
        entries = self._memo.get(host)
        if entries is None:
            entries = self._at(host)
        entry = (self._by_address(entries, port, from_user, called) if entries else None) or \
            (self._by_prefix(called, from_user) if self._prefixes else None)
        if entry is not None:
            return self._source(self.users.by_id(entry.id), entry, from_user)
        account = self._by_name(from_user) if self._named_only and from_user else None
        return Source(account, account, False, "", PROOFS[account.needauth]) if account is not None else None

    def knows(self, host):
        """Whether an account proves itself by this address."""
        if self._hosts is None:
            self._read()
        entries = self._memo.get(host)
        return bool(self._at(host) if entries is None else entries)

    def _by_name(self, name):
        """The account that needs no more than its name or number.  A name that there is and one that there is not
        take the same look-ups."""
        account, numbered = self.users.by_username(name), self._numbered(name)
        if account is not None:
            self.users.by_username(" " + name)
        account = account or numbered
        if account is None or account.needauth not in BY_NAME or not account.enabled or \
                account.needauth == NAME and account.username.lower() != name.lower():
            return None
        return account

    def permits(self, account, host, port):
        """Whether an account that has proven itself by a digest may call from that address."""
        if account.needauth not in BY_ADDRESS:
            return True
        if self._hosts is None:
            self._read()
        entries = self._memo.get(host)
        entries = self._at(host) if entries is None else entries
        return any([entry.id == account.id and (entry.kind != PORT or entry.port == port) for entry in entries])

    def by_caller(self, number):
        """The account that is known by a caller's number (tb_users_numbers, kind ani), None if none or several are."""
        bare = self.form.normal(number).lstrip("+")
        rows = self.db.rows(_ANI, (bare, "+" + bare)) if bare else ()
        return self.users.by_id(rows[0][0]) if len(rows) == 1 else None

    def _source(self, account, entry, from_user):
        via = account
        profile = self.profiles.of(account.id)
        if profile is not None and profile.anumberlookup and from_user:
            account = self.by_caller(from_user) or account
        return Source(account, via, entry.kind in BY_DIGEST, entry.techprefix if entry.kind in (PREFIX, PREFIX_ADDRESS)
                      else "", PROOFS[entry.kind])

    def _by_address(self, entries, port, from_user, called):
        """The Entry that proves most, of those that hold."""
        held = []
        for entry in entries:
            kind = entry.kind
            if kind == PORT and entry.port != port or \
                    kind == PREFIX_ADDRESS and not (entry.techprefix and called.startswith(entry.techprefix)) or \
                    kind in (ADDRESS_NAME, ADDRESS_DIGEST, RANGE_DIGEST) and not self._is(entry.id, from_user):
                continue
            held.append(((_RANK[kind], entry.width, -len(entry.techprefix) if kind == PREFIX_ADDRESS else 0,
                          entry.implied), entry))
        return self._only(held, from_user)

    def _by_prefix(self, called, from_user):
        return self._only([((-len(entry.techprefix),), entry) for entry in self._prefixes
                           if called.startswith(entry.techprefix)], from_user)

    def _only(self, held, from_user):
        """The best of [(rank, Entry)]; of several accounts that are as good the one that is named, else None."""
        if not held:
            return None
        best = min([rank for rank, _ in held])
        best = {entry.id: entry for rank, entry in held if rank == best}
        if len(best) > 1:
            best = {id: entry for id, entry in best.items() if self._is(id, from_user)}
        entry = next(iter(best.values())) if len(best) == 1 else None
        return entry if entry is not None and self.users.by_id(entry.id) is not None else None

    def _is(self, id, name):
        account = self.users.by_id(id)
        return account is not None and bool(name) and name.lower() in (account.username.lower(), account.telnumber)

    def _numbered(self, number):
        """The account without proof whose number it is."""
        bare = self.form.normal(number).lstrip("+")
        rows = self.db.rows("SELECT id FROM tb_users WHERE telnumber IN (?, ?) AND telnumber <> '' AND needauth = 0"
                            " LIMIT 2", (bare, "+" + bare)) if bare else ()
        return self.users.by_id(rows[0][0]) if len(rows) == 1 else None

    # -- addresses ---------------------------------------------------------------------------------

    @property
    def names(self):
        """The domain names whose addresses are wanted."""
        if self._hosts is None:
            self._read()
        return list(self._named)[:NAMES]

    def tick(self):
        """Once a second: ask for the names that are new, and for all of them once a minute."""
        self._ticks += 1
        if self._asking or self.addresses is None:
            return
        names = [name for name in self.names if self._ticks % AGAIN == 0 or name not in self._addresses]
        if names:
            self._asking = True
            spawn(self._resolve(names))

    async def _resolve(self, names):
        try:
            for name in names:
                try:
                    found = await self.addresses(name)
                except ApiError:
                    found = ()
                self.resolved(name, found or self._addresses.get(name, ()))
        finally:
            self._asking = False

    def resolved(self, name, addresses):
        """The addresses of a domain name now."""
        if self._addresses.get(name) != (addresses := tuple(addresses)):
            self._addresses[name] = addresses
            self._memo.clear()

    def _at(self, host):
        """The entries of an address, remembered."""
        found = list(self._hosts.get(host, ()))
        try:
            address = ipaddress.ip_address(host) if self._networks else None
        except ValueError:
            address = None
        for (version, length), networks in self._networks.items() if address is not None else ():
            if version == address.version:
                found += networks.get(int(address) >> address.max_prefixlen - length, ())
        for name, entries in self._named.items():
            if host in self._addresses.get(name, ()):
                found += entries
        if len(self._memo) >= MEMO:
            self._memo.clear()
        found = self._memo[host] = tuple(found)
        return found

    def _read(self):
        self._hosts, self._networks, self._named, self._prefixes, self._memo, self.faults = {}, {}, {}, [], {}, []
        self._named_only = bool(self.db.rows(_BY_NAME))
        accounts = {}
        for id, type, kind, authip, port, techprefix, domain, ip in self.db.rows(_ACCOUNTS):
            accounts[id] = kind, port or 0, techprefix or ""
            if kind == PREFIX:
                if techprefix:
                    self._prefixes.append(Entry(id, kind, 0, techprefix))
                continue
            implied = not authip and type in OUTBOUND
            self._add(id, accounts[id], (domain or ip) if implied else authip, 0, implied)
        for id, authip, port in self.db.rows(_FURTHER):
            if id in accounts and accounts[id][0] != PREFIX:
                self._add(id, accounts[id], authip, port or 0)
        for name in set(self._addresses) - set(self._named):
            del self._addresses[name]

    def _add(self, id, account, text, port, implied=False):
        """One address, network, range or domain name, perhaps with a port."""
        kind, own, techprefix = account
        text = (text or "").strip().lower()
        host, given = split_port(text)
        port = given or port or own or PORT_DEFAULT
        if not host:
            return
        if "/" not in host and "-" not in host and is_address(host):
            self._hosts.setdefault(host, []).append(Entry(id, kind, port, techprefix, 1, implied))
            return
        networks = parse_networks(host)
        if networks is None and ("/" in host or host.replace(".", "").isdigit()):
            self.faults.append(f"tb_users.id {id}: {text[:60]} is no address")
        elif networks is None:
            self._named.setdefault(host, []).append(Entry(id, kind, port, techprefix, 1, implied))
        else:
            width = sum([network.num_addresses for network in networks])
            for network in networks:
                length = network.prefixlen
                key = int(network.network_address) >> network.max_prefixlen - length
                self._networks.setdefault((network.version, length), {}).setdefault(key, []).append(
                    Entry(id, kind, port, techprefix, width, implied))


def split_port(text):
    """`1.2.3.4:5070`, `[::1]:5070`, `host:5070` -> (host, port or 0)."""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host, port = text, ""
    return host, int(port) if port.isascii() and port.isdecimal() and len(port) < 6 else 0


def is_address(text):
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def parse_networks(text):
    """[ip_network] of a network in CIDR form or a range first-last, None if it is neither."""
    first, dash, last = text.partition("-")
    try:
        if not dash:
            return [ipaddress.ip_network(text, strict=False)]
        first, last = ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip())
        return list(ipaddress.summarize_address_range(first, last))[:NETWORKS]
    except (ValueError, TypeError):
        return None
