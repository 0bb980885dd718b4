"""Programs that do the same work, for bench/sip.py: what they take of the CPU is told beside ours."""

import atexit
import shutil
import subprocess
import time
from pathlib import Path

from bench.api import cpu_seconds

KAMAILIO = """
debug=0
log_stderror=no
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{port}
mpath="{modules}"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "hash_size", 14)
request_route {{
    if (method == "REGISTER") {{
        if (!pv_www_authenticate("mizud", "secret$(au{{s.substr,4,0}})", "0")) {{
            www_challenge("mizud", "1");
            exit;
        }}
        save("location");
        exit;
    }}
    sl_send_reply("405", "Method Not Allowed");
}}
"""


class Peer:
    """A program on a port; `start` of each kind returns None with a message where it is not installed."""

    def __init__(self, port, command, env=None):
        self.port = port
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
        atexit.register(self.process.terminate)
        time.sleep(1.5)

    def cpu(self):
        """CPU-seconds of the process and its workers."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return sum(cpu_seconds(each) for each in (pid, *children))

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Kamailio(Peer):
    """One worker that knows the same accounts, nothing durable (Debian's package kamailio)."""

    @classmethod
    def start(cls, folder, port):
        program = shutil.which("kamailio", path="/usr/sbin:/usr/local/sbin:/usr/bin")
        modules = next(Path("/usr").glob("lib*/**/kamailio/modules"), None)
        if program is None or modules is None:
            return print("kamailio is not installed: no peer")
        (folder / "kamailio.cfg").write_text(KAMAILIO.format(port=port, modules=modules))
        return cls(port, [program, "-DD", "-E", "-f", folder / "kamailio.cfg", "-m", "256", "-M", "32", "-w", folder,
                          "-Y", folder])


class Sippy(Peer):
    """Sippy's B2BUA in front of a trunk (`pip install sippy`)."""

    @classmethod
    def start(cls, folder, port, trunk):
        program = shutil.which("b2bua_simple")
        if program is None:
            return print("Sippy B2BUA is not installed: no peer")
        return cls(port, [program, "-f", "-l", "127.0.0.1", "-p", str(port), "-n", f"127.0.0.1:{trunk}",
                          "-L", folder / "sippy.log"], {"SIPLOG_LVL": "CRIT"})
