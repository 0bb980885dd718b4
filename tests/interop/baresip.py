"""baresip as a telephone without a head: its microphone is a file with a tone, its ear another file.

baresip 1.0 has no player of files: what it decodes is written by its filter sndfile.
"""

import math
import re
import shutil
import socket
import struct
import subprocess
import time
import wave
from pathlib import Path

import pytest

from live.harness import eventually

BARESIP = shutil.which("baresip")
needed = pytest.mark.skipif(BARESIP is None, reason="baresip is not installed")

_CONFIG = """sip_listen 127.0.0.1:0
audio_source aufile,{folder}/tone.wav
rtp_ports 21000-21200
module_path {modules}
module g711.so
module aufile.so
module sndfile.so
snd_path {folder}
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
"""


class Baresip:
    """An account of a server at a telephone: registers, answers by itself if `auto`."""

    def __init__(self, folder, port, user, password, transport="udp", auto=False, tone=440, more=""):
        folder.mkdir()
        self.folder, self.user = folder, user
        self.control = free_port()
        modules = next(iter(sorted(Path("/usr/lib").glob("**/baresip/modules"))))
        (folder / "config").write_text(_CONFIG.format(folder=folder, modules=modules, control=self.control))
        (folder / "contacts").write_text("")
        (folder / "accounts").write_text(
            f"<sip:{user}@127.0.0.1:{port};transport={transport}>;auth_pass={password};regint=60"
            f";answermode={'auto' if auto else 'manual'}{more}\n")
        write_tone(folder / "tone.wav", tone)
        self.log = folder / "log"
        self.process = subprocess.Popen(["stdbuf", "-oL", BARESIP, "-f", str(folder)], stdin=subprocess.DEVNULL,
                                        stdout=self.log.open("wb"), stderr=subprocess.STDOUT, cwd=folder)

    def command(self, command, params=""):
        """A word to its control socket, as a netstring of JSON."""
        data = f'{{"command":"{command}","params":"{params}"}}'.encode()
        with socket.create_connection(("127.0.0.1", self.control), timeout=5) as control:
            control.sendall(b"%d:%b," % (len(data), data))
            time.sleep(0.2)

    def dial(self, number):
        self.command("dial", number)

    def hang_up(self):
        self.command("hangup")

    def said(self, pattern):
        """Whether it has written this, once it has."""
        return eventually(lambda: re.search(pattern, self.log.read_text(errors="replace")))

    def heard(self):
        """The pitch in hertz of half a second in the middle of what it heard last, as decoded; 0 for silence."""
        paths = sorted(self.folder.glob("dump-*-dec.wav"))
        if not paths:
            return 0
        with wave.open(str(paths[-1])) as file:
            file.setpos(file.getnframes() // 2)
            middle = file.readframes(4000)
        samples = struct.unpack(f"<{len(middle) // 2}h", middle)
        if not samples or sum(map(abs, samples)) / len(samples) < 500:
            return 0
        rises = sum([before < 0 <= after for before, after in zip(samples, samples[1:])])
        return round(rises * 8000 / len(samples), -1)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def write_tone(path, hertz, seconds=30):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        samples = [int(12000 * math.sin(2 * math.pi * hertz * n / 8000)) for n in range(8000)]
        file.writeframes(struct.pack("<8000h", *samples) * seconds)


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
