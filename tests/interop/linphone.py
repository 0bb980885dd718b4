"""linphone-daemon, the telephone of linphone-cli without a head: told by lines, tells what happens in lines."""

import os
import re
import shutil
import socket
import subprocess

import pytest

from live.harness import eventually

from .baresip import free_port

LINPHONE = shutil.which("linphone-daemon")
needed = pytest.mark.skipif(LINPHONE is None, reason="linphone-daemon is not installed (Debian: linphone-cli)")

_CONFIG = """[sip]
sip_port={port}
sip_tcp_port=-2
sip_tls_port=0
use_ipv6=0
register_only_when_network_is_up=0
[rtp]
audio_rtp_port=22000-22200
"""


class Linphone:
    """An account of a server at a telephone: registers, answers by itself if `auto`."""

    def __init__(self, folder, port, user, password, transport="udp", auto=False):
        (folder / ".local" / "share" / "linphone").mkdir(parents=True)
        self.server, self.user = f"127.0.0.1:{port};transport={transport}", user
        (folder / "rc").write_text(_CONFIG.format(port=free_port(socket.SOCK_DGRAM)))
        self.log = folder / "told"
        more = ["--auto-answer"] if auto else []
        self.process = subprocess.Popen(
            [LINPHONE, "--config", folder / "rc", "--disable-stats-events", "--log", folder / "log", *more],
            stdin=subprocess.PIPE, stdout=self.log.open("wb"), stderr=subprocess.STDOUT, bufsize=0,
            env=os.environ | {"HOME": str(folder)}, cwd=folder)
        self.say(f"register sip:{user}@127.0.0.1:{port} sip:{self.server} {password}")

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")

    def dial(self, number):
        self.say(f"call sip:{number}@{self.server}")

    def hang_up(self):
        self.say("terminate")

    def said(self, pattern):
        """Whether it has told this, once it has."""
        return eventually(lambda: re.search(pattern, self.log.read_text(errors="replace")))

    def stop(self):
        """It unregisters and goes."""
        try:
            self.say("quit")
            self.process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()
