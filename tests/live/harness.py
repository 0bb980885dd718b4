"""The real program, started on a free port in a folder of its own, and the plainest clients for it."""

import atexit
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[2]
START = 20          # seconds a start may take on a loaded machine, files not compiled yet
RUNNING = set()


@atexit.register
def _kill_all():
    for process in list(RUNNING):
        process.kill()


class Response:
    """status, headers (lower case), body (text)."""

    def __init__(self, answer):
        self.status = answer.status
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        self.bytes = answer.read()
        self.body = self.bytes.decode("utf-8", "replace")


class Server:
    """`python3 mizud.py --port 0 --data DATA …`, ready for requests unless `wait` is False.

    port, console   numbers of the ports
    out, err        what it has printed so far
    """

    def __init__(self, data, *args, python=sys.executable, env=None, port="0", program=ROOT / "mizud.py", wait=True,
                 before=(), fds=(), cwd=None):
        self.data = Path(data)
        self._lines = {1: [], 2: []}
        self._told = threading.Event()
        ports = ["--port", str(port)] if port is not None else []
        self.process = subprocess.Popen(
            [*before, str(python), str(program), *ports, "--data", str(data), *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=fds, cwd=cwd,
            env=clean_environment() | (env or {}))
        RUNNING.add(self.process)
        self._readers = [threading.Thread(target=self._read, args=entry, daemon=True)
                         for entry in ((1, self.process.stdout), (2, self.process.stderr))]
        for reader in self._readers:
            reader.start()
        if wait:
            self.wait_until_ready()

    def _read(self, fd, pipe):
        for line in pipe:
            self._lines[fd].append(line.decode())
            if "first request" in self._lines[fd][-1]:
                self._told.set()
        self._told.set()

    def wait_until_ready(self):
        self._told.wait(START)
        found = re.search(r"listens on port (\d+)", self.out)
        if found is None:
            self.kill()
            raise AssertionError(f"it does not serve: exit {self.process.returncode}\n{self.out}{self.err}")
        self.port = int(found[1])
        console = re.search(r"console (\d+)", self.out)
        self.console = int(console[1]) if console else None
        return self

    @property
    def out(self):
        return "".join(self._lines[1])

    @property
    def err(self):
        return "".join(self._lines[2])

    # -- what the first start made

    @property
    def initial(self):
        """{name: text} of initial-admin."""
        rows = (self.data / "initial-admin").read_text().splitlines()
        return dict(row.split(" = ", 1) for row in rows if " = " in row)

    @property
    def admin_password(self):
        return self.initial["password"]

    @property
    def key(self):
        return self.initial["apikey"]

    @property
    def salt(self):
        return self.initial["apiv2md5salt"]

    @property
    def as_admin(self):
        """The part of a query that makes its sender the administrator."""
        return f"authkey={self.key}&authid=admin&authpwd={quote(self.admin_password)}"

    # -- clients

    def request(self, method, target, body=None, headers={}):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, target, body, headers)
            return Response(connection.getresponse())
        finally:
            connection.close()

    def get(self, target, **headers):
        """The body of an answer to GET."""
        return self.request("GET", target, headers=headers).body

    def api(self, entry, **params):
        """A command by the administrator; the text of the answer."""
        words = "".join(f"&{name}={quote(str(value))}" for name, value in params.items())
        return self.get(f"/mvapireq/?apientry={entry}&{self.as_admin}{words}")

    def connect(self, port=None):
        """A plain TCP connection."""
        return socket.create_connection(("127.0.0.1", port or self.port), timeout=10)

    def line(self, text):
        """The one line that comes back for a raw line."""
        with self.connect() as sock, sock.makefile("rb") as answers:
            sock.sendall(text.encode() + b"\r\n")
            return answers.readline().decode().rstrip("\r\n")

    def datagram(self, text, timeout=5):
        """The datagram that comes back, None if there is none in time."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(timeout)
            sock.connect(("127.0.0.1", self.port))
            sock.send(text.encode())
            try:
                return sock.recv(65536).decode()
            except socket.timeout:
                return None

    # -- its end

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=30):
        """The exit code, once everything it printed has been read."""
        code = self.process.wait(timeout)
        for reader in self._readers:
            reader.join(5)
        RUNNING.discard(self.process)
        return code

    def stop(self):
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        """SIGKILL, as by a power cut of the process."""
        if self.process.poll() is None:
            self.process.kill()
        return self.wait()


def run(*args, python=sys.executable, env=None, cwd=None, before=(), program=ROOT / "mizud.py", **more):
    """The program until it ends: CompletedProcess with texts."""
    return subprocess.run([*before, str(python), str(program), *map(str, args)], capture_output=True, text=True,
                          env=clean_environment() | (env or {}), cwd=cwd, timeout=60, stdin=subprocess.DEVNULL, **more)


def clean_environment():
    """Ours without what a service manager or an earlier test has left in it."""
    foreign = ("MIZUD_", "LISTEN_", "WATCHDOG_", "NOTIFY_", "JOURNAL_")
    return {name: value for name, value in os.environ.items()
            if not name.startswith(foreign) and not name.endswith("_DIRECTORY")}


def eventually(what, seconds=10):
    """Poll until `what()` is true; what it was at last."""
    until = time.monotonic() + seconds
    while not (seen := what()) and time.monotonic() < until:
        time.sleep(0.02)
    return seen
