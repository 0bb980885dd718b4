"""sipp as a peer: one run of a scenario, as a caller or as a trunk."""

import os
import shutil
import subprocess
import time

import pytest

SIPP = shutil.which("sipp")
needed = pytest.mark.skipif(SIPP is None, reason="sipp is not installed (Debian: sip-tester)")

TRUNK_HOST, TRUNK_PORT = "127.0.0.2", 10000 + os.getpid() % 10000
"""Another address of the loopback: a trunk is known by its address.  A port that no other run of the tests has."""


class Sipp:
    """sipp's scenarios towards a server, in a folder of their own."""

    def __init__(self, folder, port):
        self.folder, self.port, self.host = folder, port, "127.0.0.1"
        self._numbers = 0

    def _file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def caller(self, text, users, calls=1, rate=20, service="36201234567", transport="u1", seconds=60,
               own="127.0.0.1", meanwhile=lambda: None):
        """Run a scenario to its end; (exit code, what went wrong).  users: [(name, password)]"""
        self._numbers += 1
        lines = "".join([f"{name};[authentication username={name} password={password}];\n" for name, password in users])
        users = self._file(f"users{self._numbers}.csv", "SEQUENTIAL\n" + lines)
        path = self._file(f"caller{self._numbers}.xml", text)
        process = subprocess.Popen(
            [SIPP, f"{self.host}:{self.port}", "-sf", path, "-inf", users, "-m", str(calls), "-r", str(rate), "-s",
             service, "-i", own, "-t", transport, "-nostdin", "-trace_err", "-timeout", f"{seconds}s",
             "-recv_timeout", "20000"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder)
        try:
            meanwhile()
            process.wait(seconds + 30)
        finally:
            process.kill()
            process.wait()
        return process.returncode, self.errors()

    def errors(self):
        """What either side has complained of."""
        return "".join([f"{file.name}: {file.read_text(errors='replace')[:3000]}\n"
                        for file in sorted(self.folder.glob("*_errors.log"))])

    def trunk(self, text, calls):
        """A trunk that takes so many calls; a process to stop."""
        self._numbers += 1
        path = self._file(f"trunk{self._numbers}.xml", text)
        process = subprocess.Popen(
            [SIPP, "-sf", path, "-i", TRUNK_HOST, "-p", str(TRUNK_PORT), "-m", str(calls), "-nostdin", "-trace_err"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder)
        time.sleep(0.5)
        return process
