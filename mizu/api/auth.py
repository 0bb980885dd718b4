"""Whom a request is from: address, key, user, password or digest, nonce (the manual's chapter Authentication).

Every comparison is in constant time, and an unknown user costs the same digests as a known one.  What was proven
is judged against the command's Access here too; rates are not.
"""

from hmac import compare_digest

from ..base.errors import ApiError
from ..base.message import Principal, Role
from ..records.credentials import ha1, realm
from .access import MIN_ON_ROUTE, MODE_STRICT, MODE_USER_OR
from .digests import digest_bare, digest_v3, old_digests
from .trust import CLIENT

WRONG_KEY = "auth failed: wrong key xxx"
WRONG_USER = "auth failed: wrong user or password"
DENIED = "access denied"
DENIED_ADDRESS = "access denied: this command takes requests from trusted addresses only"

LOGIN_SESSIONS = frozenset(("tcp", "tls", "ws", "wss", "console", "sip"))
"""Transports whose connection has one client at its end; an HTTP connection may be shared by a proxy's clients.  A
session of SIP is one request whose digest was proven."""

_STRICT, _ALL = 0, 1
"""apialtauth; between them -1."""

_BY_NAME = frozenset((0, 5))
_BY_ADDRESS = frozenset((1, 7))
"""tb_users.needauth: nothing or the name alone; the address in authip."""

_STAFF = frozenset((Role.SRVADMIN, Role.ADMIN, Role.SUPPORT))


class Authenticator:
    """settings, users (find), trust, nonces; `registered(account, host or None)` asks the registrar;
    `failed(request, flags, authid)` hears of every failure that counts towards a ban."""

    def __init__(self, settings, users, trust, nonces, entropy, registered, failed):
        self.settings = settings
        self.users = users
        self.trust = trust
        self.nonces = nonces
        self.registered = registered
        self.failed = failed
        self._dummy = entropy.hex(16)
        self.reload()

    def reload(self):
        """After a change of settings."""
        settings = self.settings
        self.keys = [_octets(key) for key in (*settings.apiv2key, *settings.httpapikey) if key]
        self.salt = settings.apiv2md5salt
        self.mode = settings.apiv2auth
        self.alternatives = settings.apialtauth
        self.realm = realm(settings) if settings.passwordstore == "ha1" else None

    def authenticate(self, request, session, access, flags):
        """Request -> Principal, or ApiError 401/403.  `flags` is what Trust knows of the peer's address."""
        if access.open:
            if self.settings.apitrustediponly:
                self._open_may(request, flags)
            return Principal(session.user, session.role, (), session.user)
        params = request.params
        transport = request.peer.transport
        console = transport == "console"
        nonce = self._nonce(request) if "nonce" in params else None
        direct = request.direct or (nonce is not None and transport == "udp")
        near = trusted = direct and self.trust.trusted(flags)
        if console:
            trusted = self._console_trusted(session, near)
            near = near or trusted
        if self.settings.apitrustediponly and not (near or console):
            raise ApiError(403, DENIED)
        proofs = ["ip"] if trusted else []
        if self._key_sent(request, session, access, trusted, flags):
            proofs.append("key")
        if access.ip and not (near or (direct and flags & CLIENT)):
            raise ApiError(403, DENIED_ADDRESS)
        user, role = self._user(request, session, access, flags, trusted, nonce, proofs)
        if role not in access.roles:
            role = self._lesser(user, role, access)
        if not console:                     # its own login and remoteadmin decide there
            if role <= Role.ADMIN:
                self._administrator(proofs)
            elif user is not None:
                self._user_may(user, role, access, request)
            self._login(request, session, access, user, trusted, nonce, proofs)
        return Principal(user, role, proofs, self._target(params, role) or user)

    # -- address and key ---------------------------------------------------------------------------

    def _open_may(self, request, flags):
        """apitrustediponly of what needs no proof; preauth is how a datagram begins to prove its address."""
        if not ((request.direct or request.peer.transport == "udp") and self.trust.trusted(flags)):
            raise ApiError(403, DENIED)

    def _console_trusted(self, session, near):
        """The console has a login of its own; its address counts where allowtrustedip says so."""
        settings = self.settings
        return session.console and settings.apitrustfromconsole or near and settings.allowtrustedip == 4

    def _key_sent(self, request, session, access, trusted, flags):
        """Whether the key was sent and right; refuses a wrong one always, a missing one unless waived."""
        if not self.keys:
            return True
        sent = request.params.get("authkey")
        if sent:
            sent, right = _octets(sent), False
            for key in self.keys:
                right |= compare_digest(sent, key)      # all of them, whichever fits
            if right:
                return True
        elif not access.key or trusted or request.peer.transport == "console" or self._logged_in(session):
            return False
        self.failed(request, flags, None)
        raise ApiError(401, WRONG_KEY, control="NORETRY")

    # -- user --------------------------------------------------------------------------------------

    def _user(self, request, session, access, flags, trusted, nonce, proofs):
        """(account or None, role); adds to the proofs how it was shown."""
        params, authid = request.params, request.params.get("authid")
        mode = access.mode or self.mode
        secret = params.get("authmd5")
        proof = "md5" if secret else "password"
        if not secret:
            secret = params.get("authpwd") or params.get(access.password)
        if not authid:
            if mode != MODE_USER_OR or not secret or proof == "md5":
                return self._without_name(session, flags, trusted, proofs)
            authid, secret = secret, None       # the PIN alone
        alternatives = self.alternatives != _STRICT and mode != MODE_STRICT
        user = self.users.find(authid, alternatives)
        vouched = False
        if secret:
            if not self._proven(user, authid, secret, proof, params, nonce, alternatives):
                raise self._wrong(request, flags, authid)
            proofs.append(proof)
        elif user is not None and self._logged_in(session) and session.user.id == user.id:
            return self._from_session(session, proofs)
        else:
            vouched = user is not None and trusted and self._vouched(user, request, proofs)
            if not (vouched or access.public or user is not None and mode == MODE_USER_OR):
                raise self._wrong(request, flags, authid)
        if user is None:
            return None, Role.PUBLIC
        if not user.enabled or user.disabled or user.role is None:
            raise ApiError(403, "account disabled")
        if secret:
            return user, user.role
        if vouched and (user.role > Role.ADMIN or self.trust.administers(flags)):
            return user, max(user.role, Role.ADMIN)     # an address alone makes nobody server administrator
        return user, Role.PUBLIC if access.public else max(user.role, Role.USER)

    @staticmethod
    def _vouched(user, request, proofs):
        """Whether a trusted address may act as an account by its bare name: with the key, or where the account
        asks for nothing more."""
        return "key" in proofs or user.needauth in _BY_NAME or \
            (user.needauth in _BY_ADDRESS and user.authip == request.peer.host)

    def _without_name(self, session, flags, trusted, proofs):
        """Nobody is named: the connection's login, the administrator a trusted address stands for, or nobody."""
        if self._logged_in(session):
            return self._from_session(session, proofs)
        if session.console and self.settings.apitrustfromconsole == 2:
            return None, Role.ADMIN
        if trusted and ("key" in proofs or session.console) and self.trust.administers(flags):
            return None, Role.ADMIN
        return None, Role.PUBLIC

    @staticmethod
    def _logged_in(session):
        return session.user is not None and session.peer.transport in LOGIN_SESSIONS

    def _from_session(self, session, proofs):
        """Who logged in on this connection, as far as he is still let in; never more than he was then."""
        user = self.users.by_id(session.user.id)
        if user is None or not user.enabled or user.disabled or user.role is None:
            raise ApiError(401, WRONG_USER)
        if session.peer.transport == "sip":
            proofs.append("sip")
            return user, session.role
        proofs.append("console" if session.console else "password")
        role = max(user.role, session.role)
        if session.console and self.settings.apitrustfromconsole == 2:
            role = min(role, Role.ADMIN)
        return user, role

    def _proven(self, user, authid, secret, proof, params, nonce, alternatives):
        """Whether the password or digest fits; a failure costs the same whether or not there is such a user."""
        fits = self._password_fits if proof == "password" else self._digest_fits
        password = user.password if user is not None else ""
        if fits(authid, secret, password or self._dummy, params, nonce) and password:
            return True
        pin = user.pin if user is not None else ""
        if alternatives and fits(authid, secret, pin or self._dummy, params, nonce) and pin:
            return True
        if self.realm is None or proof != "password":
            return False
        kept = user.ha1 if user is not None else ""
        own = ha1(authid if user is None else user.username, self.realm, secret)
        return compare_digest(own.encode(), _octets(kept or self._dummy)) and kept != ""

    @staticmethod
    def _password_fits(authid, sent, password, params, nonce):
        return compare_digest(_octets(sent), _octets(password))

    def _digest_fits(self, authid, sent, password, params, nonce):
        """One of the formulas; all that are tried depends on what was sent and on settings alone."""
        salt1 = params.get("authsalt1") or params.get("authsalt") or ""
        nonce = nonce.text if nonce is not None else ""
        sent = _octets(sent).lower()
        if sent[:7] == b"authv3_":
            wanted = digest_v3(authid, password, salt1, params.get("authsalt2", ""), self.salt, nonce)
            return compare_digest(sent[7:], wanted.encode())
        if compare_digest(sent, digest_bare(authid, password, salt1, self.salt, nonce).encode()):
            return True
        if self.alternatives != _ALL or nonce:
            return False
        return bool(sum([compare_digest(sent, old.encode()) for old in old_digests(authid, password, salt1)]))

    def _wrong(self, request, flags, authid):
        self.failed(request, flags, authid)
        return ApiError(401, WRONG_USER)

    # -- what was proven is judged -----------------------------------------------------------------

    def _lesser(self, user, role, access):
        """A role that is not let in: a user whose phone has registered counts for more, all others are refused."""
        if user is None:
            raise ApiError(401, WRONG_USER)
        if role == Role.USER and Role.SIPUSER in access.roles and self.registered(user, None):
            return Role.SIPUSER
        raise ApiError(403, DENIED)

    def _administrator(self, proofs):
        """apideftrustadmin: how an administrator is recognised over the API."""
        how = self.settings.apideftrustadmin
        login = "password" in proofs or "md5" in proofs
        if how == 0 or (how == 2 and "ip" not in proofs) or (how == 3 and not login) or \
                (how == 4 and not (login and "ip" in proofs)):
            raise ApiError(403, DENIED)

    def _user_may(self, user, role, access, request):
        """Credit and registration, where the command asks for them."""
        minimum = access.credit
        if minimum is not None:
            if minimum is MIN_ON_ROUTE:
                minimum = self.settings.mincreditonroute
            if user.credit < minimum:
                raise ApiError(403, "not enough credit")
        need = self.settings.apidefneedregister if access.register is None else access.register
        if need and role not in _STAFF and not self.registered(user, request.peer.host if need == 2 else None):
            raise ApiError(403, "access denied: the account is not registered")

    # -- nonce -------------------------------------------------------------------------------------

    def _nonce(self, request):
        """The live nonce the request names, None for an empty one; a dead one is answered with a new one.

        In a datagram somebody else's is dead, too: it proves nothing of the address.
        """
        sent = request.params["nonce"]
        if not sent:
            return None
        peer = request.peer
        nonce = self.nonces.find(sent)
        if nonce is None or (peer.transport == "udp" and nonce.host != peer.host):
            raise self._new_nonce(request)
        return nonce

    def _login(self, request, session, access, user, trusted, nonce, proofs):
        """apidefneedlogin / req_user_login: a digest with a live nonce, or a session opened by one."""
        need = self.settings.apidefneedlogin if access.login is None else access.login
        if not need or (need == 1 and trusted):
            return
        host, opened = request.peer.host, session.nonce
        if nonce is not None and "md5" in proofs and (need != 3 or nonce.host == host):
            return proofs.append("nonce")
        if opened is None or user is None or not self._logged_in(session) or session.user.id != user.id or \
                (need == 3 and opened.host != host):
            raise self._new_nonce(request)

    def _new_nonce(self, request):
        return ApiError(401, f"new nonce is:{self.nonces.issue(request.peer.host)}EOF")

    def _target(self, params, role):
        """`targetuser`: the account an administrator acts as; None without one."""
        name = params.get("targetuser")
        if not name or role > Role.ADMIN:
            return None
        target = self.users.find(name, True)
        if target is None:
            raise ApiError(404, f"no such user: {name[:64]}")
        return target


def _octets(text):
    """What is compared: any text has octets, halves of surrogate pairs, too."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
