"""baresip as a telephone without a head: its microphone is a file with a tone, its ear another file."""

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

BARESIP = shutil.which("baresip")
needed = pytest.mark.skipif(BARESIP is None, reason="baresip is not installed")

_CONFIG = """sip_listen 127.0.0.1:0
audio_player aufile,{folder}/heard.wav
audio_source aufile,{folder}/tone.wav
audio_alert aufile,{folder}/alert.wav
rtp_ports {rtp}
module_path {modules}
module g711.so
module aufile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
"""


class Baresip:
    """An account of a server at a telephone: registers, answers by itself if `auto`."""

    def __init__(self, folder, port, user, password, transport="udp", auto=False, tone=440, rtp="21000-21100"):
        folder.mkdir()
        self.folder, self.user = folder, user
        self.control = free_port()
        modules = next(iter(sorted(Path("/usr/lib").glob("**/baresip/modules"))))
        (folder / "config").write_text(_CONFIG.format(folder=folder, modules=modules, control=self.control, rtp=rtp))
        (folder / "contacts").write_text("")
        (folder / "accounts").write_text(
            f"<sip:{user}@127.0.0.1:{port};transport={transport}>;auth_pass={password};regint=60"
            f";answermode={'auto' if auto else 'manual'}\n")
        write_tone(folder / "tone.wav", tone)
        self.log = folder / "log"
        self.process = subprocess.Popen([BARESIP, "-f", str(folder)], stdin=subprocess.DEVNULL,
                                        stdout=self.log.open("wb"), stderr=subprocess.STDOUT, cwd=folder)

    def command(self, command, params=""):
        """A word to its control socket, as a netstring of JSON."""
        data = f'{{"command":"{command}","params":"{params}"}}'.encode()
        with socket.create_connection(("127.0.0.1", self.control), timeout=5) as control:
            control.sendall(b"%d:%b," % (len(data), data))
            time.sleep(0.2)

    def said(self, pattern):
        return re.search(pattern, self.log.read_text(errors="replace"))

    def loudness(self):
        """The mean of what it has heard, of 16 bits; 0 for nothing."""
        path = self.folder / "heard.wav"
        if not path.exists() or path.stat().st_size < 1000:
            return 0
        data = path.read_bytes()[44:]
        samples = struct.unpack(f"<{len(data) // 2}h", data[:len(data) // 2 * 2])
        return sum(map(abs, samples)) / len(samples)

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


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
