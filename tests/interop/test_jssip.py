"""JsSIP in a real browser registers over `ws://…/mfstwebsock` (RFC 7118), and its going is noticed."""

import shutil
import subprocess
from pathlib import Path

import pytest

from live.harness import eventually

pytestmark = pytest.mark.interop

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CACHE = Path.home() / ".cache" / "mizud-tests"

_FLAGS = ("--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
          " --disable-component-update --disable-sync").split()

_PAGE = """<!doctype html><title>JsSIP</title><script src="jssip.js"></script><script>
const socket = new JsSIP.WebSocketInterface('ws://127.0.0.1:{port}/mfstwebsock');
const ua = new JsSIP.UA({{sockets: [socket], uri: 'sip:{user}@127.0.0.1', password: '{password}', register: true,
                         register_expires: 600, user_agent: 'JsSIP of a test'}});
ua.start();
</script>"""


def library():
    """JsSIP in one file, fetched and bundled once into a cache of the user's; None without npm or a network."""
    path = CACHE / "jssip.js"
    if not path.exists() and shutil.which("npm"):
        CACHE.mkdir(parents=True, exist_ok=True)
        (CACHE / "entry.js").write_text("import JsSIP from 'jssip'; globalThis.JsSIP = JsSIP;\n")
        steps = (["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", ".", "jssip@3", "esbuild@0"],
                 ["node_modules/.bin/esbuild", "entry.js", "--bundle", "--format=iife", "--outfile=jssip.js"])
        try:
            for step in steps:
                subprocess.run(step, cwd=CACHE, capture_output=True, timeout=120, check=True)
        except (OSError, subprocess.SubprocessError):
            return None
    return path if path.exists() else None


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_browser_registers_and_leaves(switch, tmp_path):
    script = library()
    if script is None:
        pytest.skip("JsSIP cannot be fetched (npm, a network)")
    shutil.copy(script, switch.data / "mvweb" / "jssip.js")
    page = _PAGE.format(port=switch.port, user="peer0", password="pw-peer0")
    (switch.data / "mvweb" / "phone.html").write_text(page)
    browser = subprocess.Popen(
        [CHROMIUM, *_FLAGS, "--remote-debugging-port=0", f"--user-data-dir={tmp_path / 'profile'}",
         f"http://127.0.0.1:{switch.port}/mvweb/phone.html"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: "JsSIP of a test" in switch.api("reguser", usr="all"), 40)
        assert "\tWS\t" in switch.api("reguser", usr="peer0")
    finally:
        browser.terminate()
        browser.wait(20)
    eventually(lambda: "peer0" not in switch.api("reguser"))    # what can only be reached by its socket is gone with it
