"""`python3 mizud.py console`: the admin console of a running server from a shell (manual, chapter CLI).

A program of its own: it blocks, reads the terminal and speaks the console's line mode, where an empty line ends
every answer.  Line editing and completion are the terminal's (readline, where there is one); the server's help
says what there is to complete.
"""

import getpass
import ipaddress
import json
import os
import re
import select
import socket
import sys
import warnings

USAGE = """usage: mizud.py console [HOST[:PORT]] [-c COMMAND] [--tls] [--insecure] [--data DIR]

  HOST[:PORT]   where the console listens (default: 127.0.0.1:8090)
  -c COMMAND    one command and no prompt: exit status 0, or 1 after ERROR
  --tls         encrypt; needed for a server outside the local network
  --insecure    the same without looking at the server's certificate
  --data DIR    data folder of a server on this machine: its file initial-admin gives the login if it can be read

User and password: MIZUD_USER and MIZUD_PASSWORD, else initial-admin, else they are asked for."""

HOST, PORT = "127.0.0.1", 8090
CONNECT_SECONDS = 10        # and for the login
ANSWER_SECONDS = 300        # the longest command: a backup, a large report
MOST = 64 << 20             # bytes of one answer

WATCH_SECONDS = 2
_WATCH = re.compile(r"\s*(?:watch[\s,]+(?:([0-9]{1,4})\b)?|calls\b[\s,]*([0-9]{1,4})?\s*$)", re.I)

EX_USAGE = 64


class Refused(Exception):
    """What ends the program: a sentence for the user."""


class Line:
    """The connection: a command out, an answer in."""

    def __init__(self, host, port, tls, insecure):
        try:
            self._socket = socket.create_connection((host, port), CONNECT_SECONDS)
        except OSError as error:
            raise Refused(f"no console at {host}:{port}: {error.strerror or error}") from None
        if tls:
            self._socket = _encrypted(self._socket, host, insecure)
        elif not _near(self._socket.getpeername()[0]):
            raise Refused(f"{host} is outside the local network: a password goes there with --tls only")
        self._buffer = b""

    def ask(self, text):
        """The answer to one line, None if the server has closed."""
        try:
            self._socket.sendall(text.encode("utf-8", "surrogateescape") + b"\r\n")
            while (end := self._buffer.find(b"\r\n\r\n")) < 0:
                data = self._socket.recv(65536)
                if not data or len(self._buffer) > MOST:
                    rest, self._buffer = self._buffer, b""
                    return _text(rest) or None
                self._buffer += data
        except OSError as error:
            raise Refused(f"the connection is lost: {error.strerror or error}") from None
        answer, self._buffer = self._buffer[:end], self._buffer[end + 4:]
        return _text(answer)

    def login(self, user, password):
        width = os.get_terminal_size(1).columns if os.isatty(1) else 0
        answer = self.ask(json.dumps({"apientry": "login", "authid": user, "authpwd": password, "width": width}))
        found = re.search(r"(?:OK|ERROR)\b.*", answer or "", re.DOTALL)     # a slow link has been greeted before
        if not found:
            raise Refused("this is no console of mizud")
        if not found[0].startswith("OK"):
            raise Refused(found[0])
        self._socket.settimeout(ANSWER_SECONDS)


def main(argv, environ):
    """Exit status: 0, 1 after an ERROR, 64 for wrong arguments."""
    try:
        asked = _arguments(argv)
    except ValueError as error:
        print(f"{error}\n{USAGE}", file=sys.stderr)
        return EX_USAGE
    if asked is None:
        print(USAGE)
        return 0
    try:
        line = Line(asked["host"], asked["port"], asked["tls"] or asked["insecure"], asked["insecure"])
        line.login(*_credentials(asked, environ))
        if asked["command"] is None:
            return _converse(line)
        return _once(line, asked["command"])
    except Refused as error:
        print(error, file=sys.stderr)
    except (KeyboardInterrupt, EOFError):
        print(file=sys.stderr)
    except BrokenPipeError:             # … | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _arguments(argv):
    """{host, port, command, tls, insecure, data}; None for help; ValueError says what is wrong."""
    asked = {"host": HOST, "port": PORT, "command": None, "tls": False, "insecure": False, "data": None}
    rest, place = list(argv), None
    while rest:
        word = rest.pop(0)
        if word in ("-h", "--help"):
            return None
        if word in ("-c", "--data"):
            if not rest:
                raise ValueError(f"{word} takes a value")
            asked["command" if word == "-c" else "data"] = rest.pop(0)
        elif word in ("--tls", "--insecure"):
            asked[word[2:]] = True
        elif word.startswith("-") or place is not None:
            raise ValueError(f"unknown argument {word}")
        else:
            place = word
            asked["host"], asked["port"] = _place(word)
    return asked


def _place(text):
    """HOST, HOST:PORT, :PORT, [IPV6]:PORT or a bare IPv6 address -> (host, port)."""
    if text.count(":") > 1 and text[0] != "[":
        return text, PORT
    match = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\[\]]*))(?::([0-9]{1,5}))?", text)
    if not match or int(match[3] or 0) > 65535:
        raise ValueError(f"{text} is no HOST[:PORT]")
    return match[1] or match[2] or HOST, int(match[3] or PORT)


def _near(address):
    """Whether a clear password may go there: this machine or a private network."""
    address = ipaddress.ip_address(address.partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_private or address.is_link_local


def _encrypted(sock, host, insecure):
    try:
        import ssl
    except ImportError:
        raise Refused("this Python has no ssl module: --tls is not possible") from None
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        return context.wrap_socket(sock, server_hostname=host)
    except OSError as error:
        raise Refused(f"TLS with {host}: {error}") from None


def _text(data):
    return data.decode("utf-8", "replace").replace("\r\n", "\n").strip("\n")


# -- who

def _credentials(asked, environ):
    """(user, password)."""
    user, password = environ.get("MIZUD_USER"), environ.get("MIZUD_PASSWORD")
    if user is None and password is None and (asked["data"] or asked["host"] in (HOST, "localhost", "::1")):
        user, password = _initial_admin(asked["data"] or environ.get("STATE_DIRECTORY") or "data")
    try:
        if not user and sys.stdin.isatty():
            user = input("User: ")
        if user and password is None:
            password = _asked_password()
    except (EOFError, getpass.GetPassWarning):
        password = None
    if not user or password is None:
        raise Refused("no user and password: where there is no terminal set MIZUD_USER and MIZUD_PASSWORD")
    return user, password


def _asked_password():
    """EOFError or GetPassWarning without a terminal that can hide what is typed."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        return getpass.getpass("Password: ")


def _initial_admin(folder):
    """What the first start has written, (None, None) if it is gone or not ours to read."""
    try:
        with open(os.path.join(folder, "initial-admin"), encoding="utf-8") as file:
            rows = dict(row.strip().split(" = ", 1) for row in file if " = " in row)
    except OSError:
        return None, None
    return rows.get("administrator"), rows.get("password")


# -- what

def _once(line, commands):
    """The command of -c, or several on lines of their own up to the first that fails."""
    for command in filter(str.strip, commands.splitlines()):
        answer = line.ask(command)
        if answer is None:
            raise Refused("the server has closed the connection")
        if answer.startswith("ERROR"):
            raise Refused(answer)
        print(answer)
    return 0


def _converse(line):
    """Command after command; the exit status is that of the last one."""
    people = sys.stdin.isatty()
    if people:
        _complete(line)
    status = 0
    while True:
        try:
            command = input("mizud> ") if people else input()
        except EOFError:
            if people:
                print()
            return status
        except KeyboardInterrupt:
            print()
            continue
        if not command.strip():
            continue
        if people and (watch := _WATCH.match(command)):
            status = _watch(line, command, int(watch[1] or watch[2] or WATCH_SECONDS))
            continue
        answer = line.ask(command)
        if answer is None:
            raise Refused("the server has closed the connection")
        print(answer, flush=True)
        status = 1 if answer.startswith("ERROR") else 0
        if answer == "OK: bye":
            return status


def _watch(line, command, seconds):
    """Show the server's picture again and again, until Enter or Ctrl-C; the status of the last answer."""
    try:
        while True:
            answer = line.ask(command)
            if answer is None:
                raise Refused("the server has closed the connection")
            if answer.startswith("ERROR"):
                print(answer)
                return 1
            room = (os.get_terminal_size().lines or 24) - 2
            print("\x1b[2J\x1b[H" + "\n".join(answer.split("\n")[:room]), "(Enter ends it)", sep="\n", flush=True)
            if select.select([sys.stdin], [], [], seconds)[0]:
                sys.stdin.readline()
                return 0
    except KeyboardInterrupt:
        print()
        return 0


def _complete(line):
    """Tab completes what `help` lists: names of commands, then of their parameters."""
    try:
        import readline
    except ImportError:
        return
    known = _known(line)
    found = []

    def candidate(word, number):
        if number == 0:
            before = readline.get_line_buffer()[:readline.get_begidx()].replace(",", " ").split()
            if before[:1] == ["watch"]:
                del before[:2 if before[1:] and before[1].isdecimal() else 1]
            names = known.get(before[0].lower(), ()) if before and before[0].lower() != "help" else known
            found[:] = [name for name in names if name.startswith(word.lower())]
        return found[number] if number < len(found) else None

    readline.set_completer(candidate)
    readline.set_completer_delims(" ,")
    readline.parse_and_bind("bind ^I rl_complete" if "libedit" in (readline.__doc__ or "") else "tab: complete")


def _known(line):
    """{name of a command: [parameter=]}, empty if the server does not say."""
    try:
        rows = json.loads(line.ask("help format=json") or "")["data"]
        known = {}
        for row in rows:
            commands, _, parameters = row["command"].partition(" [")
            names = [word.rstrip("?") + "=" for word in re.findall(r"\w+\??", parameters) if word != "u_"]
            known.update((name, names) for name in commands.split(", "))
        return known
    except (ValueError, KeyError, TypeError):
        return {}
