"""Whom a request is from: address, key, user, password or digest, nonce (the manual's chapter Authentication).

Every comparison is in constant time, and an unknown user takes the same look-ups and the same digest as a
known one.  What was proven is judged against the command's Access here too; rates are not.
"""

from hashlib import md5
from hmac import compare_digest

from ..base.errors import ApiError
from ..base.message import Principal, Role
from .access import MODE_DEFAULT, MODE_STRICT, MODE_USER_OR
from .trust import CLIENT

WRONG_KEY = "auth failed: wrong key xxx"
WRONG_USER = "auth failed: wrong user or password"
DENIED = "access denied"

_LOGIN_SESSIONS = frozenset(("tcp", "tls", "ws", "wss", "console"))
"""Transports whose connection has one client at its end; an HTTP connection may be shared by a proxy's clients."""

_STRICT, _GUESS, _ALL = 0, -1, 1
"""apialtauth."""


def _hex(text):
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def digest_v3(authid, password, salt1, salt2, serversalt, nonce):
    """The documented digest, without its prefix `authv3_`."""
    return _hex(_hex(f"tU29m{authid}{password}{salt1}") + salt2 + serversalt + nonce)


def digest_bare(authid, password, salt1, serversalt, nonce=""):
    """The simplified formula."""
    return _hex(f"ck5Gp{authid}{password}{serversalt}{salt1}{nonce}")


def old_digests(authid, password, salt):
    """What clients of the older interfaces send; all of them are computed, whichever fits."""
    return (_hex(f"rD58s:{authid}:{password}:{salt}"), _hex(f"C8y5:{authid}:{password}:{salt}"),
            _hex(f"{authid}{password}{salt}"), _hex(f"{authid}{password}"),
            _hex(f"{authid}:{password}:{salt}"), _hex(f"{authid}:{password}"))


class Authenticator:
    """settings, users (find), trust, nonces, limits; `registered(account, host or None)` asks the registrar;
    `failed(request, flags, user)` hears of every failure that counts towards a ban."""

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
        self.keys = [key.encode() for key in (*settings.apiv2key, *settings.httpapikey) if key]
        self.salt = settings.apiv2md5salt
        self.alternatives = settings.apialtauth

    def authenticate(self, request, session, access, flags):
        """Request -> Principal, or ApiError 401/403.  `flags` is what Trust knows of the peer's address."""
        if access.open:
            return Principal(session.user, session.role, (), session.user)
        params = request.params
        nonce = self._nonce(request, params)
        peer = request.peer
        direct = request.direct or (nonce is not None and peer.transport == "udp" and nonce.host == peer.host)
        trusted = direct and self.trust.trusted(flags)
        if session.console and self.settings.apitrustfromconsole:
            trusted = True
        proofs = ["ip"] if trusted else []
        if self._key_sent(params, access, trusted, request, flags):
            proofs.append("key")
        if self.settings.apitrustediponly and not (trusted or session.console):
            raise ApiError(403, DENIED)
        if access.ip and not (trusted or session.console or (direct and flags & CLIENT)):
            raise ApiError(403, "access denied: this command takes requests from trusted addresses only")
        user, role = self._user(request, session, access, flags, trusted, nonce, proofs)
        if role not in access.roles:
            raise ApiError(401, WRONG_USER) if user is None else ApiError(403, DENIED)
        if role <= Role.ADMIN:
            self._administrator(proofs, session)
        elif user is not None and not access.public:
            self._user_may(user, access, request)
        self._login(request, session, access, trusted, nonce, proofs)
        return Principal(user, role, proofs, self._target(params, user, role))

    # -- key ---------------------------------------------------------------------------------------

    def _key_sent(self, params, access, trusted, request, flags):
        """Whether the key was sent and right; refuses a wrong one always, a missing one unless waived."""
        sent = params.get("authkey")
        if not self.keys:
            return True
        if sent:
            sent = sent.encode()
            if sum([compare_digest(sent, key) for key in self.keys]):
                return True
        elif not access.key or trusted or request.peer.transport == "console":
            return False
        self.failed(request, flags, None)
        raise ApiError(401, WRONG_KEY, control="NORETRY")

    # -- user --------------------------------------------------------------------------------------

    def _user(self, request, session, access, flags, trusted, nonce, proofs):
        """(account or None, role); adds to the proofs how it was shown."""
        params = request.params
        authid = params.get("authid")
        if not authid:
            return self._without_name(session, flags, trusted, proofs)
        mode = access.mode or self.settings.apiv2auth or MODE_DEFAULT
        alternatives = self.alternatives != _STRICT and mode != MODE_STRICT
        user = self.users.find(authid, alternatives)
        secret, proof = self._secret(params)
        if secret:
            if not self._proven(user, authid, secret, proof, params, nonce, alternatives):
                raise self._wrong(request, flags, authid)
            proofs.append(proof)
        elif not (access.public or self._by_name(user, mode, trusted, proofs)):
            raise self._wrong(request, flags, authid)
        if user is None:
            return None, Role.PUBLIC
        if not user.enabled or user.disabled or user.role is None:
            raise ApiError(403, "account disabled")
        return user, self._role(user.role, secret, access, trusted, flags)

    def _role(self, role, secret, access, trusted, flags):
        """The account's role, as far as it was proven: by a secret all of it, by address as far as the
        address may stand for an administrator, by its bare name next to nothing."""
        if secret or (trusted and (role > Role.ADMIN or self.trust.administers(flags))):
            return role
        return Role.PUBLIC if access.public else max(role, Role.USER)

    @staticmethod
    def _secret(params):
        """(what was sent to prove the user, its kind)."""
        sent = params.get("authmd5")
        if sent:
            return sent, "md5"
        return params.get("authpwd") or params.get("password"), "password"

    @staticmethod
    def _by_name(user, mode, trusted, proofs):
        """A name without a password is enough from a trusted address with the key or where the account asks
        for no password, and where tb_api says that one of the two will do."""
        if user is None:
            return False
        return mode == MODE_USER_OR or (trusted and ("key" in proofs or user.needauth in (0, 5)))

    def _without_name(self, session, flags, trusted, proofs):
        """Nobody is named: the connection's login, the administrator a trusted address stands for, or nobody."""
        if session.user is not None and session.peer.transport in _LOGIN_SESSIONS:
            user = self.users.by_id(session.user.id)
            if user is None or not user.enabled or user.disabled:
                raise ApiError(401, WRONG_USER)
            proofs.append("console" if session.console else "password")
            role = user.role
            if session.console and self.settings.apitrustfromconsole == 2:
                role = min(role, Role.ADMIN)
            return user, role
        if trusted and "key" in proofs and self.trust.administers(flags):
            return None, Role.ADMIN
        return None, Role.PUBLIC

    def _proven(self, user, authid, secret, proof, params, nonce, alternatives):
        """Whether the password or digest fits; the same work whether or not there is such a user."""
        password = self._dummy if user is None else user.password
        pin = user.pin if user is not None and alternatives else ""
        if proof == "password":
            given = secret.encode()
            fits = compare_digest(given, password.encode())
            if pin and not fits:
                fits = compare_digest(given, pin.encode())
        else:
            fits = self._digest_fits(authid, secret, password, params, nonce)
            if pin and not fits:
                fits = self._digest_fits(authid, secret, pin, params, nonce)
        return fits and user is not None and bool(user.password)

    def _digest_fits(self, authid, sent, password, params, nonce):
        salt1 = params.get("authsalt1") or params.get("authsalt") or ""
        nonce = nonce.text if nonce is not None else ""
        sent = sent.encode()
        if sent[:7] == b"authv3_":
            wanted = "authv3_" + digest_v3(authid, password, salt1, params.get("authsalt2", ""), self.salt, nonce)
            return compare_digest(b"authv3_" + sent[7:].lower(), wanted.encode())
        sent = sent.lower()
        if compare_digest(sent, digest_bare(authid, password, salt1, self.salt, nonce).encode()):
            return True
        if self.alternatives != _ALL or nonce:
            return False
        return bool(sum([compare_digest(sent, old.encode()) for old in old_digests(authid, password, salt1)]))

    def _wrong(self, request, flags, authid):
        self.failed(request, flags, authid)
        return ApiError(401, WRONG_USER)

    # -- what was proven is judged -----------------------------------------------------------------

    def _administrator(self, proofs, session):
        """apideftrustadmin: how an administrator is recognised over the API."""
        how = self.settings.apideftrustadmin
        if session.console:
            return
        login = "password" in proofs or "md5" in proofs
        if how == 0 or (how == 2 and "ip" not in proofs) or (how == 3 and not login) or \
                (how == 4 and not (login and "ip" in proofs)):
            raise ApiError(403, DENIED)

    def _user_may(self, user, access, request):
        """Credit and registration, where the command asks for them."""
        minimum = access.credit
        if minimum is not None:
            if minimum < 0:
                minimum = self.settings.mincreditonroute
            if user.credit < minimum:
                raise ApiError(403, "not enough credit")
        need = self.settings.apidefneedregister if access.register is None else access.register
        if need and not self.registered(user, request.peer.host if need == 2 else None):
            raise ApiError(403, "access denied: the account is not registered")

    def _nonce(self, request, params):
        """The live nonce the request names, if any; a dead one is answered with a new one."""
        sent = params.get("nonce")
        if not sent:
            return None
        nonce = self.nonces.find(sent)
        if nonce is None:
            raise self._new_nonce(request)
        return nonce

    def _login(self, request, session, access, trusted, nonce, proofs):
        """apidefneedlogin / req_user_login: a digest with a live nonce, or a session opened by one."""
        need = self.settings.apidefneedlogin if access.login is None else access.login
        if not need or session.console or (need == 1 and trusted):
            return
        host = request.peer.host
        if nonce is not None and "md5" in proofs and (need != 3 or nonce.host == host):
            proofs.append("nonce")
            return
        opened = session.nonce
        if opened is not None and session.user is not None and (need != 3 or opened.host == host):
            return
        raise self._new_nonce(request)

    def _new_nonce(self, request):
        return ApiError(401, f"new nonce is:{self.nonces.issue(request.peer.host)}EOF")

    def _target(self, params, user, role):
        """`targetuser`: an administrator acts as that account."""
        name = params.get("targetuser")
        if not name or role > Role.ADMIN:
            return user
        target = self.users.by_username(name) or self.users.find(name, True)
        if target is None:
            raise ApiError(404, f"no such user: {name[:64]}")
        return target
