"""The program as its user and as a service manager see it."""

import glob
import os
import re
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time

import pytest

from .harness import ROOT, Server, eventually, run
from .wires import certificate

PYTHONS = [sys.executable, *(path for minor in (11, 12, 13) for path in sorted(
    glob.glob(os.path.expanduser(f"~/.pyenv/versions/3.{minor}.*/bin/python3")))[-1:])]
SECRET = re.compile("[0-9a-f]{32}")


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The program alone, as a user unpacks it: no compiled files, readable by everybody."""
    target = tmp_path_factory.mktemp("copy") / "mizud"
    shutil.copytree(ROOT / "mizu", target / "mizu", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "mizud.py", target)
    for folder in (target, *target.parents):
        if folder.owner() == target.owner() and folder != folder.parent:
            folder.chmod(folder.stat().st_mode | 0o755)
        if folder.name.startswith("pytest-of"):
            break
    return target


# -- the first start and the next

def test_the_first_start_makes_the_folder_keys_and_an_administrator(data):
    server = Server(data)
    assert set(server.initial) == {"address", "administrator", "password", "apikey", "apiv2md5salt"}
    assert server.initial["administrator"] == "admin" and len(server.admin_password) == 16
    assert SECRET.fullmatch(server.key) and SECRET.fullmatch(server.salt)
    assert f":{server.port}/" in server.initial["address"]
    assert stat.S_IMODE(os.stat(data).st_mode) == 0o700
    for name in ("initial-admin", "mizud.db", "mizud.lock", "log/mizud.log"):
        assert stat.S_IMODE(os.stat(data / name).st_mode) == 0o600, name
    server.stop()
    row, = sqlite3.connect(data / "mizud.db").execute("SELECT type, needauth, enabled FROM tb_users").fetchall()
    assert row == (16, 4, 1)


def test_the_first_lines_say_where_it_listens_and_how_to_ask(fresh_server):
    assert len(fresh_server.out.splitlines()) <= 5
    command = re.search("curl '(http://[^']+)'", fresh_server.out)[1]
    assert fresh_server.get(command.partition(f":{fresh_server.port}")[2]).startswith("OK")


def test_the_examples_of_the_readme_work_literally(fresh_server):
    text = (ROOT / "README.md").read_text()
    datagram = re.search(r"printf '(.*)' \| nc -u", text)[1]
    line = re.search(r"printf '(.*)\\n' \| nc -w", text)[1]
    assert fresh_server.datagram(datagram).startswith("OK") and fresh_server.line(line).startswith("OK")
    copied = re.search(r"cp -r (.*) /opt/mizud/", text)[1].split()
    assert all((ROOT / name).exists() for name in copied) and "." not in copied


def test_no_secret_is_printed_or_logged(fresh_server):
    secrets = [fresh_server.initial[name] for name in ("password", "apikey", "apiv2md5salt")]
    assert fresh_server.api("balance")
    fresh_server.line(f"/mvapireq/?apientry=nosuch&authkey={secrets[1]}&authpwd={secrets[0]}")
    fresh_server.stop()
    logged = "".join(path.read_text() for path in (fresh_server.data / "log").iterdir())
    assert not [secret for secret in secrets if secret in fresh_server.out + fresh_server.err + logged]


def test_the_administrator_may_ask_at_once(fresh_server):
    assert "admin" in fresh_server.api("login")


def test_the_second_start_keeps_everything_and_makes_nothing(data):
    first = Server(data)
    initial = first.initial
    assert first.stop() == 0
    (data / "initial-admin").unlink()
    second = Server(data)
    assert "first start" not in second.out and not (data / "initial-admin").exists()
    assert second.get(f"/mvapireq/?apientry=login&authkey={initial['apikey']}&authid=admin"
                      f"&authpwd={initial['password']}").find("admin") >= 0
    second.stop()


def test_the_first_password_may_be_chosen(data):
    server = Server(data, env={"MIZUD_ADMIN_PASSWORD": "chosen one"})
    assert server.admin_password == "chosen one" and "admin" in server.api("login")
    server.stop()


def test_a_key_that_somebody_chose_is_not_replaced(data):
    server = Server(data, "--set", "apiv2key=mine")
    assert server.key == "mine" and "admin" in server.api("login")
    server.stop()
    rows = dict(sqlite3.connect(data / "mizud.db").execute("SELECT name, value FROM tb_settings"))
    assert "apiv2key" not in rows and rows["apiv2md5salt"] == server.salt


@pytest.mark.slow
def test_a_start_that_is_killed_anywhere_is_made_good_by_the_next(tmp_path):
    for step in range(24):
        data = tmp_path / str(step)
        first = Server(data, wait=False)
        time.sleep(step * 0.02)
        first.kill()
        second = Server(data)
        assert "admin" in second.api("login"), f"killed after {step * 20} ms"
        second.kill()


def test_a_killed_server_starts_again(fresh_server):
    fresh_server.kill()
    again = Server(fresh_server.data)
    assert "admin" in again.api("login")
    again.stop()


def test_one_folder_has_one_server(fresh_server):
    other = run("--port", "0", "--data", fresh_server.data)
    assert other.returncode == 74 and other.stderr.count("\n") == 1
    assert f"in use by another mizud (process {fresh_server.process.pid})" in other.stderr
    assert fresh_server.get("/mvapireq/?apientry=apitest1").startswith("OK")


# -- the greeting where it is another one

def test_without_a_main_port_the_greeting_names_those_there_are(data, pems):
    tls = ["--set", f"sslcert={pems / 'cert.pem'}", "--set", f"sslkey={pems / 'key.pem'}", "--set", "sslportmain=auto"]
    for sets in (tls, []):
        server = Server(data, "--set", "usemainaport=0", "--set", "adminport=auto", *sets, port=None, wait=False)
        assert eventually(lambda: "first request" in server.out), server.err
        console = int(re.search(r"console (\d+)", server.out)[1])
        first = server.out.splitlines()[-1]
        assert "None" not in server.out and "has no main port" in server.out
        if sets:
            assert f"address = https://{server.initial['address'][8:]}" in (data / "initial-admin").read_text()
            assert first.startswith("first request: curl -k 'https://127.0.0.1:")
        else:
            assert first == f"first request: python3 mizud.py console 127.0.0.1:{console}"
        assert server.stop() == 0 and "Traceback" not in server.err


def test_a_secondary_port_that_is_taken_is_named_with_its_setting(data):
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))
        other.listen()
        port = other.getsockname()[1]
        ended = run("--port", "0", "--data", data, "--set", f"adminport={port}")
    assert ended.returncode == 69 and ended.stderr.rstrip().endswith("choose another one with the setting adminport")


# -- exit codes and what only prints

@pytest.mark.parametrize("arguments, words", [
    (["--prot", "80"], "--prot; did you mean --port?"), (["--port", "70000"], "0 to 65535"), (["--port"], "takes N"),
    (["--port", "x"], "not x"), (["--set", "x"], "NAME=VALUE"), (["console2"], "did you mean console?"),
    (["--version=1"], "takes no value"),
])
def test_arguments_that_are_wrong_end_with_64(data, arguments, words):
    ended = run(*arguments, "--data", data)
    assert ended.returncode == 64 and words in ended.stderr and "usage:" in ended.stderr and not data.exists()


@pytest.mark.parametrize("setting, words", [
    ("apiv2kee=1", "apiv2key"), ("maxauthfail=x", "maxauthfail"), ("loglevel=loud", "debug"),
])
def test_settings_that_are_wrong_end_with_78_and_name_the_nearest(data, setting, words):
    ended = run("--port", "0", "--data", data, "--set", setting)
    assert ended.returncode == 78 and words in ended.stderr and "Traceback" not in ended.stderr
    assert not data.exists(), "nothing is made for settings that cannot be"


def test_a_port_that_somebody_chose_and_another_holds_ends_with_69(data):
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))
        other.listen()
        port = other.getsockname()[1]
        ended = run("--port", port, "--data", data)
    assert ended.returncode == 69 and f"port {port} is in use by" in ended.stderr and "--port" in ended.stderr


@pytest.fixture(scope="module")
def pems(tmp_path_factory):
    """A folder with cert.pem, key.pem, another key other.pem, locked.pem and plain text.pem."""
    folder = tmp_path_factory.mktemp("pems")
    if certificate(folder) is None:
        pytest.skip("there is no openssl to make a certificate")
    key = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    subprocess.run([*key, "-out", folder / "other.pem"], check=True, capture_output=True)
    subprocess.run([*key, "-aes128", "-pass", "pass:x", "-out", folder / "locked.pem"], check=True, capture_output=True)
    (folder / "text.pem").write_text("no PEM\n")
    return folder


@pytest.mark.parametrize("files, says", [
    ({"sslcert": "none.pem"}, "sslcert: {}/none.pem cannot be read: No such file or directory"),
    ({"sslcert": "cert.pem", "sslkey": "none.pem"}, "sslkey: {}/none.pem cannot be read: No such file or directory"),
    ({"sslcert": "cert.pem"}, "sslcert: {}/cert.pem holds no private key in PEM: name the file that does with sslkey"),
    ({"sslcert": "cert.pem", "sslkey": "text.pem"}, "sslkey: {}/text.pem holds no private key in PEM"),
    ({"sslcert": "key.pem", "sslkey": "key.pem"}, "sslcert: {}/key.pem holds no certificate in PEM"),
    ({"sslcert": "cert.pem", "sslkey": "locked.pem"}, "sslkey: the key in {}/locked.pem is encrypted"),
    ({"sslcert": "cert.pem", "sslkey": "other.pem"},
     "sslkey: {0}/other.pem is not the key of the certificate {0}/cert.pem")])
def test_a_certificate_that_cannot_be_used_ends_the_start_and_the_check_with_the_same_sentence(data, pems, files, says):
    sets = [word for name, file in files.items() for word in ("--set", f"{name}={pems / file}")]
    for how in (["--check-config"], ["--port", "0"]):
        ended = run(*how, "--data", data, *sets)
        assert ended.returncode == 78 and ended.stderr.startswith("mizud: " + says.format(pems)), ended.stderr
        assert ended.stderr.count("\n") == 1 and not data.exists()
    good = ["--set", f"sslcert={pems / 'cert.pem'}", "--set", f"sslkey={pems / 'key.pem'}"]
    assert run("--check-config", "--data", data, *good).returncode == 0 and not data.exists()


@pytest.mark.parametrize("harm", [b"this is no database, " * 400, None])
def test_a_store_that_cannot_be_used_ends_with_74(tmp_path, data, harm):
    if harm is None:
        data.write_text("a file where the folder should be")
    else:
        data.mkdir()
        (data / "mizud.db").write_bytes(harm)
    ended = run("--port", "0", "--data", data)
    assert ended.returncode == 74 and "Traceback" not in ended.stderr and len(ended.stderr.splitlines()) <= 2
    assert "Errno" not in ended.stderr and str(data) in ended.stderr


@pytest.mark.parametrize("place", ["data", "logs"])
def test_a_folder_that_cannot_be_made_is_named_in_a_sentence(tmp_path, place):
    (tmp_path / "file").write_text("")
    taken, deeper = tmp_path / "file", tmp_path / "file/below"
    for path in (taken, deeper):
        data = path if place == "data" else tmp_path / "data"
        ended = run("--port", "0", "--data", data, env={"LOGS_DIRECTORY": str(path)} if place == "logs" else None)
        assert ended.returncode == 74
        assert ended.stderr == f"mizud: {path} cannot be a folder: a file is in its place\n"


def listing(folder):
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(folder.rglob("*"))}


def test_check_config_touches_nothing(tmp_path, data):
    assert run("--check-config", "--data", data, cwd=tmp_path).returncode == 0
    assert not list(tmp_path.iterdir())
    server = Server(data)
    server.api("balance")
    server.kill()
    before = listing(data)
    assert run("--check-config", "--data", data).returncode == 0
    assert {path: seen for path, seen in listing(data).items() if not path.name.endswith("-shm")} == \
        {path: seen for path, seen in before.items() if not path.name.endswith("-shm")}


def test_check_config_names_line_setting_and_nearest_name(tmp_path):
    ini = tmp_path / "bad.ini"
    ini.write_text("[api]\napiv2key = x\nhttpstrictrespones = 1\n")
    ended = run("--check-config", "--config", ini, "--data", tmp_path / "none")
    assert ended.returncode == 78 and "line 3" in ended.stderr
    assert "httpstrictrespones" in ended.stderr and "httpstrictresponse?" in ended.stderr
    assert run("--check-config", "--config", tmp_path / "missing.ini").returncode == 78


def test_version_and_help():
    assert run("--version").stdout == "mizud 0.1\n"
    assert "--check-config" in run("--help").stdout


def test_ini_prints_what_can_be_read_again_and_etc_holds_it(tmp_path):
    text = run("--ini").stdout
    (tmp_path / "mizud.ini").write_text(text)
    assert run("--check-config", "--config", tmp_path / "mizud.ini", "--data", tmp_path / "none").returncode == 0
    assert (ROOT / "etc/mizud.ini").read_text() == text


def test_openapi_and_manual_print():
    assert '"openapi"' in run("--openapi").stdout[:200]
    assert run("--manual").stdout.startswith(".")


def test_a_reader_that_leaves_early_is_no_error():
    ended = subprocess.run([sys.executable, ROOT / "mizud.py", "--ini"], stdout=open("/dev/full", "wb"),
                           stderr=subprocess.PIPE)
    assert (ended.returncode, ended.stderr) == (0, b"")


# -- signals

def test_sigterm_finishes_what_is_under_way(fresh_server):
    with fresh_server.connect() as idle, fresh_server.connect() as half:
        half.sendall(b"GET /mvapireq/?apientry=apitest1 HTTP/1.1\r\nHost: x\r\n")
        started = time.monotonic()
        assert fresh_server.stop() == 0
        assert time.monotonic() - started < 13
        assert idle.recv(100) == b""
    assert not (fresh_server.data / "mizud.db-wal").exists()


def test_a_request_that_has_begun_to_come_is_still_answered(fresh_server):
    with fresh_server.connect() as half:
        half.sendall(b"POST /mvapireq/ HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\napien")
        eventually(lambda: False, 0.1)
        fresh_server.signal(signal.SIGTERM)
        eventually(lambda: "stopping" in fresh_server.err, 5)
        half.sendall(b"try=apitest1")
        answer = b""
        while more := half.recv(4096):
            answer += more
    assert answer.endswith(b"OK: api test succeed")
    assert fresh_server.wait() == 0


def test_sigint_ends_it_too_without_a_traceback(fresh_server):
    fresh_server.signal(signal.SIGINT)
    assert fresh_server.wait() == 0 and "Traceback" not in fresh_server.err


def test_a_second_sigterm_ends_it_at_once(fresh_server):
    with fresh_server.connect() as busy:
        busy.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        eventually(lambda: False, 0.2)
        fresh_server.signal(signal.SIGTERM)
        eventually(lambda: "stopping" in fresh_server.err, 5)
        started = time.monotonic()
        fresh_server.signal(signal.SIGTERM)
        assert fresh_server.wait() == 0 and time.monotonic() - started < 2


def test_sighup_reloads_settings_and_logs(data, tmp_path):
    ini = tmp_path / "mizud.ini"
    ini.write_text("[system]\nloglevel = info\n")
    server = Server(data, "--config", str(ini))
    ini.write_text("[system]\nloglevel = debug\n[network]\nmainaport = 1\n")
    os.rename(data / "log/mizud.log", data / "log/moved.log")
    server.signal(signal.SIGHUP)
    assert eventually(lambda: "reloaded" in server.err), server.err
    assert "applied=loglevel" in server.err and (data / "log/mizud.log").exists()
    ini.write_text("[system]\nlogleval = debug\n")
    server.signal(signal.SIGHUP)
    assert eventually(lambda: "not reloaded" in server.err)
    assert server.get("/mvapireq/?apientry=apitest1").startswith("OK")
    server.stop()


def test_settings_that_would_not_start_are_refused_by_restart_and_reload(fresh_server):
    fresh_server.api("db", sql="insert into tb_settings (name, value) values ('bantim', '1')")
    for entry in ("restart", "reload"):
        answer = fresh_server.api(entry)
        assert answer.startswith("ERROR: not") and "did you mean bantime?" in answer
    fresh_server.api("db", sql="delete from tb_settings where name = 'bantim'")
    fresh_server.api("setini", key="bantime", value="9")
    assert fresh_server.api("setini", key="sslcert", value="/nowhere/cert.pem").startswith("ERROR: nothing was")
    assert "/nowhere/cert.pem cannot be read" in fresh_server.api("restart")
    fresh_server.api("setini", key="sslcert")
    assert fresh_server.api("getini", key="bantime").startswith("OK: 9") and fresh_server.process.poll() is None


def test_a_plain_start_keeps_its_settings_in_the_data_folder_and_a_new_key_takes_the_place_of_the_first(data):
    server = Server(data)
    assert server.api("setini", section="limits", key="bantime", value="60").startswith("OK: 1 written")
    answer = server.api("setini", section="api", key="apiv2key", value="ROTATED")
    assert answer.startswith("OK: 1 written") and "stronger" not in answer
    assert "ERROR" in server.api("balance")
    admin = f"authkey=ROTATED&authid=admin&authpwd={server.admin_password}"
    assert f"{data}/mizud.ini" in server.get(f"/mvapireq/?apientry=getini&key=apiv2key&format=json&{admin}")
    assert stat.S_IMODE(os.stat(data / "mizud.ini").st_mode) == 0o600
    server.kill()
    again = Server(data)
    assert again.get(f"/mvapireq/?apientry=getini&key=bantime&{admin}").startswith("OK: 60")
    again.stop()
    database = sqlite3.connect(data / "mizud.db")
    assert not database.execute("SELECT 1 FROM tb_settings WHERE name = 'apiv2key'").fetchall()
    assert "ROTATED" not in str(database.execute("SELECT params FROM tb_audit").fetchall())


@pytest.mark.parametrize("what", ["service", "force"])
def test_restart_begins_again_in_the_same_process(fresh_server, what):
    assert fresh_server.api("restart", what=what).startswith("OK")
    assert eventually(lambda: fresh_server.out.count("listens on port") == 2), fresh_server.err
    fresh_server.port = int(re.findall(r"listens on port (\d+)", fresh_server.out)[-1])
    assert eventually(lambda: fresh_server.err.count("serves") == 2)
    assert "admin" in fresh_server.api("login") and fresh_server.process.poll() is None


# -- the service manager

@pytest.fixture
def manager(tmp_path):
    """A service manager's end of NOTIFY_SOCKET."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(10)
        yield sock


def told(manager):
    return dict(line.split("=", 1) for line in manager.recv(4096).decode().split("\n"))


def until(manager, name):
    while name not in (fields := told(manager)):
        pass
    return fields


def test_the_service_manager_hears_ready_status_watchdog_reload_and_stop(manager, data):
    server = Server(data, env={"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "400000"})
    ready = told(manager)
    assert ready["READY"] == "1" and "connections" in ready["STATUS"]
    assert until(manager, "WATCHDOG")["WATCHDOG"] == "1"
    before = time.monotonic()
    server.signal(signal.SIGHUP)
    reloading = until(manager, "RELOADING")
    assert before <= int(reloading["MONOTONIC_USEC"]) / 1e6 <= time.monotonic()
    assert until(manager, "READY")["READY"] == "1"
    server.signal(signal.SIGTERM)
    assert until(manager, "STOPPING")["STOPPING"] == "1"
    assert server.wait() == 0


def test_an_abstract_notify_socket_works_and_a_dead_one_does_no_harm(data):
    name = f"mizud-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name)
        sock.settimeout(10)
        server = Server(data, env={"NOTIFY_SOCKET": "@" + name})
        assert told(sock)["READY"] == "1"
    server.stop()
    server = Server(data, env={"NOTIFY_SOCKET": "/nowhere/notify"})
    assert server.stop() == 0


def test_an_inherited_socket_is_taken(data, tmp_path):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        # LISTEN_PID must be the server's own number, which only a program that becomes it can know
        become = ("import os, sys; os.dup2(int(sys.argv[1]), 3); os.set_inheritable(3, True);"
                  "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1');"
                  "os.execv(sys.executable, [sys.executable] + sys.argv[2:])")
        server = Server(data, before=(sys.executable, "-c", become, str(sock.fileno())), python=ROOT / "mizud.py",
                        program="--set=adminport=0", fds=(sock.fileno(),))
    assert server.port == port and server.get("/mvapireq/?apientry=apitest1").startswith("OK")
    assert "cannot be had" not in server.out
    server.stop()


def test_the_folders_of_the_service_manager_are_used(tmp_path):
    for name in ("state", "conf"):
        (tmp_path / name).mkdir()
    (tmp_path / "conf/mizud.ini").write_text("[network]\nmainaport = auto\n[api]\nhttpstrictresponse = 1\n")
    (tmp_path / "cred").mkdir()
    (tmp_path / "cred/apiv2key").write_text("credentialkey\n")
    environ = {"STATE_DIRECTORY": f"{tmp_path}/state:{tmp_path}/other", "LOGS_DIRECTORY": f"{tmp_path}/logs",
               "CONFIGURATION_DIRECTORY": f"{tmp_path}/conf", "CREDENTIALS_DIRECTORY": f"{tmp_path}/cred"}
    process = Server(tmp_path / "state", "--set", "adminport=0", env=environ, port=None)
    assert process.key == "credentialkey"
    assert (tmp_path / "logs/mizud.log").exists() and not (tmp_path / "state/log/mizud.log").exists()
    assert process.request("GET", "/mvapireq/?apientry=nosuchcommand").status == 404
    process.stop()


def test_stderr_that_is_the_journal_gets_priorities(data, tmp_path):
    reader, writer = os.pipe()
    about = os.fstat(writer)
    server = subprocess.Popen([sys.executable, ROOT / "mizud.py", "--port", "0", "--data", data], stderr=writer,
                              stdout=subprocess.PIPE, env=os.environ | {"JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"})
    os.close(writer)
    server.stdout.readline()
    server.terminate()
    server.communicate(timeout=20)
    with open(reader) as lines:
        assert all(re.match("<[3467]>[^ ]", line) for line in lines)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed (package systemd)")
class TestUnit:
    UNIT = ROOT / "systemd/mizud.service"

    @pytest.mark.skipif(not os.path.exists("/usr/bin/python3"), reason="the unit runs /usr/bin/python3")
    def test_the_unit_is_valid(self):
        ended = subprocess.run(["systemd-analyze", "verify", self.UNIT], capture_output=True, text=True)
        assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")

    def test_the_unit_exposes_little(self):
        ended = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", self.UNIT],
                               capture_output=True, text=True)
        level = re.search(r"Overall exposure level for mizud.service: (\d+\.\d+)", ended.stdout)
        assert ended.returncode == 0 and float(level[1]) <= 2.0


# -- hosts

@pytest.mark.parametrize("python", dict.fromkeys(map(os.path.realpath, PYTHONS)))
def test_it_runs_from_a_clean_copy(copy, tmp_path, python):
    server = Server(tmp_path / "data", python=python, program=copy / "mizud.py")
    assert server.get("/mvapireq/?apientry=apitest1").startswith("OK")
    assert server.line("/mvapireq/?apientry=apitest1").startswith("OK")
    assert server.datagram("/mvapireq/?apientry=apitest1").startswith("OK")
    assert server.stop() == 0 and "Traceback" not in server.err and "Warning" not in server.err


def nobody_runs(python):
    """Whether an ordinary user may run this interpreter at all (root's home is closed)."""
    return subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", python, "-c", ""],
                          capture_output=True).returncode == 0


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="takes root, who can become somebody else")
def test_an_ordinary_user_gets_8080_and_is_told(copy, tmp_path):
    python = next((path for path in (sys.executable, "/usr/bin/python3") if nobody_runs(path)), None)
    version = python and subprocess.run([python, "-c", "import sys; print(sys.version_info >= (3, 11))"],
                                        capture_output=True, text=True).stdout
    if version != "True\n":
        pytest.skip("no Python that nobody may run")
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 8080)) == 0:
            pytest.skip("somebody has port 8080")
    home = copy.parent / "nobody"
    home.mkdir()
    os.chown(home, 65534, 65534)
    # no capability, and ports below 1024 closed even where the kernel opens them to everybody
    server = Server("data", python=python, program=copy / "mizud.py", port=None, wait=False, cwd=home,
                    before=("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"))
    server.wait_until_ready()
    low = int(open("/proc/sys/net/ipv4/ip_unprivileged_port_start").read())
    first = server.out.splitlines()[0]
    assert server.port == (8080 if low > 80 else 80)
    assert low <= 80 or "port 8080 (port 80 cannot be had)" in first
    assert low <= 80 or "CAP_NET_BIND_SERVICE: port 8080 is opened instead" in server.err
    assert server.get("/mvapireq/?apientry=apitest1").startswith("OK")
    assert server.stop() == 0 and os.stat(home / "data").st_uid == 65534


@pytest.fixture
def without_ssl(tmp_path):
    """A PYTHONPATH with which `import ssl` fails."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('ssl', '_ssl'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Missing())\n")
    return str(tmp_path)


def test_without_ssl_all_but_tls_works_and_one_sentence_says_so(data, without_ssl):
    server = Server(data, env={"PYTHONPATH": without_ssl})
    warning, = eventually(lambda: [line for line in server.err.splitlines() if " warning " in line])
    assert "no ssl module" in warning and "all but TLS works" in warning
    assert "admin" in server.api("login") and server.line("/mvapireq/?apientry=apitest1").startswith("OK")
    assert server.stop() == 0 and "Traceback" not in server.err


def test_a_certificate_without_ssl_is_said_to_be_of_no_use(data, pems, without_ssl):
    server = Server(data, "--set", f"sslcert={pems / 'cert.pem'}", "--set", f"sslkey={pems / 'key.pem'}",
                    env={"PYTHONPATH": without_ssl})
    assert eventually(lambda: "sslcert is set, but the ports of TLS are not opened" in server.err)
    assert "tls" not in server.out
    assert server.stop() == 0


# -- speed

@pytest.mark.slow
def test_it_serves_in_a_second_on_a_fresh_folder_and_in_less_afterwards(tmp_path):
    def start(data):
        began = time.perf_counter()
        server = Server(data)
        assert server.get("/mvapireq/?apientry=apitest1").startswith("OK")
        took = time.perf_counter() - began
        server.stop()
        return took
    first = min(start(tmp_path / str(number)) for number in range(3))
    again = min(start(tmp_path / "0") for _ in range(3))
    assert first < 1.0 and again < 0.4, f"first {first:.2f} s, again {again:.2f} s"
