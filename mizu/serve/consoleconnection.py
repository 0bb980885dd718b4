"""One connection of the console: the login, then command after command.

Prompts, echo and history where somebody watches; none of it for a script, whose answers each end with an empty
line.  Nothing is read while an answer is waited for, so that what is typed ahead stays in its order.
"""

import re

from ..api.auth import WRONG_USER
from ..api.trust import LAN, LOOPBACK, OWN
from ..base.errors import ApiError
from ..base.message import Answer, Request, Role, Session
from ..base.task import Future
from ..formats.console import read_console
from ..wire.editor import Editor
from ..wire.query import decode_octets
from ..wire.sniff import HTTP, sniff_stream
from ..wire.telnet import SIZES, Telnet
from .consoleline import complete, login_params, positional, takes
from .consoletext import console_text, printable
from .consolewatch import Watch, asked_to_watch
from .pipeline import HIGH_WATER

CLEAR = LOOPBACK | OWN | LAN
"""The flags of Trust from where a password may come outside TLS."""

STAFF = frozenset((Role.SRVADMIN, Role.ADMIN, Role.SUPPORT))

LOGIN_SECONDS = 60          # for all tries together
IDLE_SECONDS = 1800
TRIES = 3
LINE_LIMIT = 65536          # bytes; as on the main port
TURN = 64                   # commands of one connection in one turn of the loop

USER, PASSWORD, COMMAND = range(3)
PROMPTS = ("User: ", "Password: ", "mizud> ")

GOING, ANSWER, NEXT_TURN, ROOM, KEY = range(5)
"""What a connection waits for before it takes the next line; while it waits for a key it reads on."""

IN_TLS = "from here log in inside TLS, or with a digest: login USER AUTHMD5 SALT"

NO_STAFF = "access denied: the console is for administrators and support"
"""Said to who has proven himself only: whether a password is right is told to nobody else."""


class ConsoleConnection:
    """The protocol of one stream; `script` is one without prompts, `width` what its tables are cut to, if not 0;
    `watch` an answer that is shown again and again, or None."""
    __slots__ = ("stream", "server", "session", "telnet", "editor", "script", "width", "step", "user", "tries", "watch",
                 "_input", "_held", "_ended", "_private")

    def __init__(self, stream, front, script):
        self.stream = stream
        self.server = front.server
        self.session = Session(stream.peer.over("console"))
        self.telnet = Telnet()
        self.editor = Editor(complete=self._complete)
        self.script = script
        self.width = 0
        self.step = USER
        self.user = ""
        self.tries = 0
        self.watch = None
        self._input = bytearray()
        self._held = GOING
        self._ended = False
        self._private = stream.peer.secure or bool(self._flags() & CLEAR)

    def start(self, data):
        """Greet who waits, then take what has come already."""
        if not self.script:
            self._send(self.telnet.offer() + b"mizud console\r\n", escape=False)
            if not self._private:
                self._say(IN_TLS)
        if self._needs_no_login():
            self.session.console = True
            self.step = COMMAND
        self.stream.deadline = self.stream.reactor.now + LOGIN_SECONDS
        self._prompt()
        self._touch()
        if data:
            self.received(data)

    # -- what the stream calls ---------------------------------------------------------------------

    def received(self, data):
        if not self.stream.open:
            return
        drawn = self.telnet.character_mode
        data, reply = self.telnet.feed(data)
        if reply:
            self._send(reply, escape=False)
        self.editor.width = self.telnet.width
        if self.telnet.character_mode and not drawn and not self._held:
            self._prompt()
        if self._held == KEY:
            return self.watched() if data else None
        self._input += data
        self._work()
        self._touch()

    def drained(self):
        if self._held == ROOM:
            self._go_on()

    def ended(self):
        """The peer has said its last: finish what is under way, a line without an end included."""
        self._ended = True
        if self._held == KEY:
            self.watched()
        elif not self._held:
            self._finish()

    def expired(self):
        if self._held == ROOM:
            return self.stream.abort()
        if self._held:
            self.stream.deadline = self.stream.reactor.now + LOGIN_SECONDS
            return
        self._say(("" if self.script else "\n") + "ERROR: nothing came for too long")
        self.stream.close()

    def closed(self):
        self._input.clear()
        if self.watch is not None:
            self.watch.end()

    # -- lines -------------------------------------------------------------------------------------

    def _work(self):
        """Take line after line until one has to be waited for."""
        for _ in range(TURN):
            if self._held or not self._input or not self.stream.open:
                return
            if self.stream.pending > HIGH_WATER:
                return self._hold(ROOM)
            if not self._take():
                return
        if not self._held:
            self._hold(NEXT_TURN)
            self.stream.reactor.soon(self._go_on)

    def _take(self):
        """Up to and with one line end; False while there is none."""
        end = self._input.find(b"\n") + 1
        if self.telnet.character_mode and not self.script:
            part = bytes(self._input[:end or None])
            del self._input[:end or None]
            lines, echo = self.editor.feed(part)
            self._send(echo)
            for line in lines:
                self._line(line)
            if self.editor.ended:
                self.stream.close()
        elif end:
            part = decode_octets(self._input[:end - 1])
            del self._input[:end]
            self._line(part)
        elif len(self._input) > LINE_LIMIT:
            self._say(f"ERROR: a line is longer than {LINE_LIMIT} bytes")
            self.stream.close()
        return bool(end)

    def _line(self, line):
        if self.step == COMMAND:
            self._command(line)
        else:
            self._credentials(line)
        if not self._held and self.stream.open:
            self._prompt()

    def _finish(self):
        """After the peer's end."""
        if self._input and self.stream.open:
            self._input += b"\n"
            self._work()
        if not self._held:
            if self.step != COMMAND and self.script:
                self._say("ERROR: log in first: login,USER,PASSWORD")
            self.stream.close()

    def _hold(self, reason):
        self._held = reason
        self.stream.pause()

    def _go_on(self):
        """What was waited for is there."""
        if not self.stream.open:
            return
        self._held = GOING
        self._work()
        if self._held:
            return
        if self._ended:
            self._finish()
        else:
            self.stream.resume()

    # -- login -------------------------------------------------------------------------------------

    def _needs_no_login(self):
        """allowtrustedip 4: trust by address holds for the console, too."""
        return self.server.settings.allowtrustedip == 4 and self.server.trust.administers(self._flags())

    def _flags(self):
        return self.server.trust.flags(self.stream.peer.host)

    def _credentials(self, line):
        """A line before the login: `login …` in any form of a command, a user name, or a password."""
        if self.step == PASSWORD:
            self.step = USER
            return self._login({"authid": self.user, "authpwd": line})
        line = line.strip()
        if not line:
            return
        if sniff_stream(line.encode() + b" \n", ended=True) is HTTP:     # a page that talks to this port
            return self.stream.close()
        try:
            params = login_params(line)
        except ApiError as error:
            return self._refused(Answer("ERROR: " + error.message, code=400))
        if params is not None:
            self.script = self.script or line[0] == "{"                   # people do not type JSON
            width = params.pop("width", "")
            self.width = min(int(width), SIZES[1]) if re.fullmatch("[0-9]{1,4}", width) else 0
            return self._login(params)
        self.user = line[:256]
        if self._private:
            self.step = PASSWORD
        else:
            self._refused(Answer(f"ERROR: {IN_TLS}", code=403))

    def _login(self, params):
        """Ask the dispatcher; afterwards session.user is whoever proved himself."""
        if not (self._private or params.get("authmd5")):
            return self._refused(Answer(f"ERROR: {IN_TLS}", code=403))
        session = self.session
        session.user, session.role, session.console = None, Role.PUBLIC, False
        decoder = self.server.decoder
        decoder.serial += 1
        request = Request("login", params, session.peer, True, decoder.monotonic(), decoder.serial, "console", "text")
        if any([params.get(name) for name in ("authpwd", "authmd5", "password")]):
            answer = self.server.dispatcher.submit(request, session)
            self._await(answer, lambda answer: self._proven(request, answer))
        else:                                   # over the API some addresses need none
            self._reject(request)

    def _proven(self, request, answer):
        """The login succeeded or failed; only administrators and support users are let in."""
        session = self.session
        if answer.code != 200:
            return self._refused(answer)
        if session.role in STAFF:
            session.console = True
            self.step, self.tries = COMMAND, 0
            self.editor.history.clear()
            self.server.log.info("console login", user=session.user.username, address=session.peer.host)
            return self._say(f"OK: logged in as {session.user.username}")
        session.user, session.role = None, Role.PUBLIC
        self._refused(Answer("ERROR: " + NO_STAFF, code=403))

    def _reject(self, request):
        """As the dispatcher refuses a wrong password: the same text, counted, and at its tick."""
        self.server.auth.failed(request, self._flags(), request.params.get("authid"))
        refusal = self.server.dispatcher.hold_back(Answer("ERROR: " + WRONG_USER, code=401))
        self._await(refusal, self._refused)

    def _refused(self, answer):
        """A login that failed; a script has no second try, its next lines are commands."""
        self.step = USER
        self.tries += 1
        self._say(console_text(answer))
        if self.script or self.tries >= TRIES:
            self.stream.close()

    # -- commands ----------------------------------------------------------------------------------

    def _command(self, line):
        if not line.strip():
            return
        try:
            watched = asked_to_watch(line)
            if watched:
                return self._watch(*watched)
            parsed = read_console(line, takes)
            if parsed.params.__class__ is dict and parsed.params.get("apientry", "").lower() == "login":
                return self._login(positional(parsed.params))
        except ApiError as error:
            return self._say("ERROR: " + error.message)
        request, answer = self._asked(parsed)
        self._await(answer, lambda answer: self._answered(request, answer))

    def _asked(self, parsed):
        return self.server.asker.ask(parsed, self.session.peer, self.session, True)

    def _answered(self, request, answer):
        if request.params.get("format"):
            self._say(printable(self.server.asker.body(request, answer).decode()))
        else:
            self._say(console_text(answer, self.width if self.script else self.telnet.width))
        if answer.__class__ is not list and answer.close:
            self.stream.close()
        elif self.session.console and self.session.user is not None and self.session.role not in STAFF:
            self.stream.close()             # a login inside a batch has made somebody else of him

    def _watch(self, seconds, line, columns):
        """Until a key is pressed; what was typed ahead counts as one."""
        self.watch = Watch(self, seconds, line, columns)
        self.watch.begin()
        if self.watch is not None and self._input and self.watch.painted:
            self.watched()
        elif self.watch is not None and self.script:
            self._hold(ANSWER)
        elif self.watch is not None:
            self._held = KEY

    def ask(self, line):
        """(Request, Answer or Future) of a line that is watched.  ApiError."""
        return self._asked(read_console(line, takes))

    def paint(self, text):
        self._send(text.encode("utf-8", "replace"))

    def watched(self, text=None):
        """The end of a watch: a key, the far end's, or that of a script, which gets one picture."""
        watch, self.watch = self.watch, None
        watch.end()
        if text is not None:
            self._say(text)
        if self._held:
            self._held = GOING
            self._prompt()
            self._touch()
            self._go_on()

    def _await(self, answer, use):
        """Use an answer now, or when it is there; meanwhile nothing more is read."""
        if answer.__class__ is not Future:
            return use(answer)
        if answer.done:
            return use(answer.result())
        self._hold(ANSWER)
        answer.then(lambda done: self._arrived(done.result(), use))

    def _arrived(self, answer, use):
        if not self.stream.open:
            return
        self._held = GOING
        use(answer)
        if self._held or not self.stream.open:
            return
        self._prompt()
        self._touch()
        self._go_on()

    def _complete(self, before):
        """Tab."""
        return complete(before, self.server.dispatcher.table) if self.step == COMMAND else ()

    # -- the far end -------------------------------------------------------------------------------

    def _prompt(self):
        """Ask for the next line where somebody watches."""
        if self.script:
            return
        self.editor.prompt = PROMPTS[self.step]
        self.editor.hidden = self.step == PASSWORD
        self._send(self.editor.redraw() if self.telnet.character_mode else self.editor.prompt.encode())

    def _say(self, text):
        """An answer; for a script an empty line is its end."""
        self._send((text + "\n" * (1 + self.script)).replace("\n", "\r\n").encode("utf-8", "replace"))

    def _send(self, data, escape=True):
        if data:
            self.stream.send(Telnet.escape(data) if escape else data)

    def _touch(self):
        """The idle time begins anew; the time for a login does not."""
        if self.step == COMMAND and self.stream.open:
            self.stream.deadline = self.stream.reactor.now + IDLE_SECONDS
