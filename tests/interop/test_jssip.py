"""JsSIP in a real browser over `ws://…/mfstwebsock` (RFC 7118): registers, calls, and its going is noticed."""

import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from live.harness import eventually

pytestmark = pytest.mark.interop

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CACHE = Path.home() / ".cache" / "mizud-tests"

_FLAGS = ("--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
          " --disable-component-update --disable-sync --ignore-certificate-errors --use-fake-device-for-media-stream"
          " --use-fake-ui-for-media-stream").split()

_PAGE = """<!doctype html><title>JsSIP</title><script src="jssip.js"></script><script>
const phones = {{}};
for (const user of {users}) {{
    const socket = new JsSIP.WebSocketInterface('{scheme}://127.0.0.1:{port}/mfstwebsock');
    phones[user] = new JsSIP.UA({{sockets: [socket], uri: `sip:${{user}}@127.0.0.1`, password: `pw-${{user}}`,
                                 register: true, register_expires: 600, user_agent: 'JsSIP of a test'}});
    phones[user].on('newRTCSession', ({{session}}) => {{
        if (session.direction == 'incoming') session.answer({{mediaConstraints: {{audio: true}}}});
    }});
    phones[user].start();
}}
{more}
</script>"""

_CALL = """
let session;
phones.peer1.on('registered', () => {
    session = phones.peer0.call('sip:peer1@127.0.0.1', {mediaConstraints: {audio: true}});
    session.connection.addEventListener('connectionstatechange', () => {    // ICE and DTLS from end to end
        if (session.connection.connectionState == 'connected') setTimeout(() => session.terminate(), 1500);
    });
});
"""


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


@pytest.fixture
def browse(switch, tmp_path):
    """browse(users, …): Chromium opens a page with a telephone of each user; a process to stop."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    script = library()
    if script is None:
        pytest.skip("JsSIP cannot be fetched (npm, a network)")
    shutil.copy(script, switch.data / "mvweb" / "jssip.js")
    with ExitStack() as stack:
        def start(users, scheme="ws", more=""):
            page = _PAGE.format(port=switch.port, users=users, scheme=scheme, more=more)
            (switch.data / "mvweb" / "phone.html").write_text(page)
            browser = subprocess.Popen(
                [CHROMIUM, *_FLAGS, "--remote-debugging-port=0", f"--user-data-dir={tmp_path / 'profile'}",
                 f"http://127.0.0.1:{switch.port}/mvweb/phone.html"], stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            stack.callback(stop, browser)
            return browser
        yield start


def stop(browser):
    browser.terminate()
    try:
        browser.wait(20)
    except subprocess.TimeoutExpired:
        browser.kill()
        browser.wait()


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_a_browser_registers_and_leaves(switch, browse, tls, scheme):
    if scheme == "wss" and not tls:
        pytest.skip("openssl is not installed")
    browser = browse(["peer0"], scheme)
    assert eventually(lambda: "JsSIP of a test" in switch.api("reguser", usr="all"), 40)
    assert f"\t{scheme.upper()}\t" in switch.api("reguser", usr="peer0")
    stop(browser)
    assert switch.registered()      # what can only be reached by its socket is gone with it


def test_a_browser_calls_a_browser(switch, browse):
    browse(["peer0", "peer1"], more=_CALL)
    assert eventually(lambda: "talking" in switch.api("currentcalls"), 40)
    switch.talking("peer0", "peer1")
    switch.settled(1)
    assert switch.rows("select discreason, discside from tb_cdrs")[0][-2:] == ["200", "caller"]
