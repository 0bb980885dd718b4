"""Who sends a request: challenge and proof by digest (RFC 3261 22, RFC 7616, RFC 8760).

A challenge is given before anybody is looked up; afterwards an unknown name, a known one with a wrong password and one
that has none take the same look-ups, the same hashes and get the same answer.  Whom an address or a name alone vouches
for is judged by `known`.  Knows no transactions.
"""

from ..base.errors import RemoteProtocolError
from ..records.credentials import realm
from ..sip.digest import BROKEN, MD5, OK, STALE, Nonces, challenges, ha1, supported, verify
from ..sip.headers import parse_credentials

MOST_FAST = 10_000
"""Passwords set by setfastregpwd: 3 MiB."""

FIELDS = {401: ("Authorization", "WWW-Authenticate"), 407: ("Proxy-Authorization", "Proxy-Authenticate")}
"""Status of the challenge -> (field of the proof, field of the challenge)."""


class Digests:
    """known(request) -> Account whom the request's address or name is enough for, or None;
    failed(request, event, name) hears of a wrong proof whose nonce had come back from its address."""

    def __init__(self, users, settings, clock, entropy, failed, known=lambda request: None):
        self.users = users
        self.settings = settings
        self.entropy = entropy
        self.failed = failed
        self.known = known
        self.nonces = Nonces(entropy, clock, lambda: settings.noncelifetime)
        self.fast = {}              # account id -> (password that it replaces, password)
        self._dummy = entropy.hex(16)
        self.reload()

    def reload(self):
        """After a change of settings."""
        settings = self.settings
        self.realm = realm(settings)
        self.algorithms = (MD5,) if settings.passwordstore == "ha1" else tuple(settings.sipdigest.upper().split())

    def set_fast(self, account, password):
        """Another password until the next start, or until the account gets a new one."""
        if len(self.fast) >= MOST_FAST:
            del self.fast[next(iter(self.fast))]
        self.fast[account.id] = (account.password, password)

    def authenticate(self, request, status=401):
        """The Account that a request is from, or the response that refuses or challenges it.

        status  401 for what we end ourselves, as REGISTER; 407 for what is passed on
        """
        try:
            credentials = self._credentials(request, FIELDS[status][0])
        except RemoteProtocolError as error:
            return self._refuse(request, error.status, error.reason)
        if credentials is None:
            account = self.known(request)
            return self.challenge(request, status) if account is None else self._let_in(request, account)
        state = self.nonces.check(credentials, request.flow.host)
        if state is STALE:
            return self.challenge(request, status, stale=True)
        name = credentials.get("username", "")
        account = self.users.by_username(name)
        if state is OK:
            state = self._prove(credentials, request, name, account)
        if state is BROKEN:
            return self._refuse(request, 400, "Bad Credentials")
        if state is not OK:
            if account is not None:
                self.users.by_username(" " + name)      # takes as long as not finding one
            self.failed(request, "InvalidAccountID" if account is None else "InvalidPassword", name)
            return self.challenge(request, status)
        self.nonces.spend(credentials)
        return self._let_in(request, account)

    def _credentials(self, request, field):
        """What answers a challenge of ours, None without."""
        for value in request.values(field):
            scheme, credentials = parse_credentials(value)
            if scheme == "digest" and credentials.get("realm") == self.realm and \
                    supported(credentials, self.algorithms):
                return credentials
        return None

    def _prove(self, credentials, request, name, account):
        password, kept = self._dummy, ""
        if account is not None:
            password, kept = account.password, account.ha1
            fast = self.fast.get(account.id)
            if fast is not None:
                if fast[0] == password:
                    password, kept = fast[1], ""
                else:
                    del self.fast[account.id]
        own = ha1(MD5, name, self.realm, password or self._dummy)
        usable = password or kept

        def ha1_of(algorithm):
            if kept and not password:
                return kept
            return own if algorithm == MD5 else ha1(algorithm, name, self.realm, password or self._dummy)
        state = verify(credentials, request.method, ha1_of, request.body)
        return state if state is not OK or account is not None and usable else None

    def _let_in(self, request, account):
        if not account.enabled or account.disabled:
            return self._refuse(request, 403, "Account disabled")
        return account

    def challenge(self, request, status=401, stale=False):
        """The 401 or 407."""
        nonce = self.nonces.issue(request.flow.host)
        response = request.reply(status, "", nonce[16:])
        for value in challenges(self.realm, nonce, stale, self.algorithms):
            response.add(FIELDS[status][1], value)
        return response

    def _refuse(self, request, status, reason):
        return request.reply(status, reason, self.entropy.hex(5))
