"""Findings of the doctor, each with its remedy."""

import os
from types import SimpleNamespace

import pytest

from mizu.firststart import Folders
from mizu.records import doctor as module
from mizu.records.doctor import CHECKS, EXPIRES, Case, diagnose
from mizu.store.options import BY_NAME, parse

from .store import add, records
from .test_validity import certificate, pem

NOW = 1_750_000_000.0       # June 2025


@pytest.fixture
def case(tmp_path):
    """An installation without a fault: diagnose(case) == []."""
    folders = Folders(tmp_path / "data")
    folders.make()
    store = records(tmp_path / "data", "apiv2key=k7fe21aa90cd4b16", "apiv2md5salt=s")
    store.clock.seconds = NOW
    add(store, "root", type=16, password="secret")
    made = Case(folders, store.settings, NOW, ["127.0.0.1", "192.168.1.2"])
    made_store[id(made)] = store
    yield made
    store.db.close()


made_store = {}


def store(case):
    return made_store[id(case)]


def found(case, subject=None):
    """[(severity, text)] of one subject."""
    return [(each.severity, each.text) for each in diagnose(case) if subject in (None, each.subject)]


def set(case, **settings):
    for name, text in settings.items():
        setattr(case.settings, name, parse(BY_NAME[name], text))


def test_a_sound_installation_has_no_findings(case):
    assert found(case) == []


# -- the data

def test_a_database_that_cannot_be_read_is_an_error(case):
    case.folders = SimpleNamespace(**vars(case.folders))
    case.folders.database += ".gone"
    (severity, text), = found(case, "database")
    assert severity == "error" and "cannot be read" in text


def test_damage_and_wrong_balances_are_errors(case, monkeypatch):
    monkeypatch.setattr(module, "examine", lambda path: SimpleNamespace(
        faults=["row 5 missing from index"], differing=2, same=3, empty=4, admins=0, newest=""))
    assert found(case) == [
        ("error", "it is damaged: row 5 missing from index"), ("error", "2 balances are not what the ledger says"),
        ("error", "no administrator can log in"), ("warning", "3 accounts have their user name as password"),
        ("warning", "4 accounts log in with an empty password")]


def test_passwords_are_counted_never_told(case):
    add(store(case), "verysecretname", password="VerySecretName")
    assert found(case) == [("warning", "1 account has its user name as password")]


def test_records_of_the_future_tell_that_the_clock_was_set_back(case):
    with store(case).db.unit() as unit:
        unit.run("INSERT INTO tb_cdrs (datum) VALUES ('2025-06-15 12:00:00.000')")
    assert found(case) == []
    with store(case).db.unit() as unit:
        unit.run("INSERT INTO tb_cdrs (datum) VALUES ('2026-06-15 12:00:00.000')")
    assert found(case) == [("error", "the newest records are of 2026-06-15 12:00 UTC, in the future")]


@pytest.mark.parametrize("free, severity", [(50 << 20, "error"), (500 << 20, "warning"), (5 << 30, None)])
def test_a_disk_that_fills_up(case, monkeypatch, free, severity):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    assert [each for each, _ in found(case, "disk")] == ([severity] if severity else [])


@pytest.mark.parametrize("name", ["data", "database"])
def test_what_others_may_read(case, name):
    path = getattr(case.folders, name)
    os.chmod(path, 0o755)
    assert found(case) == [("warning", f"others may read {path}")]
    assert diagnose(case)[0].remedy == f"chmod {'700' if name == 'data' else '600'} {path}"


def test_the_first_starts_secrets_and_the_certificates_key(case, tmp_path):
    for path in (case.folders.initial_admin, tmp_path / "key.pem"):
        open(path, "w").close()
        os.chmod(path, 0o644)
    case.settings.sslkey = str(tmp_path / "key.pem")
    assert found(case, "permissions") == [("warning", f"others may read {case.folders.initial_admin}")]
    case.settings.sslcert = str(tmp_path / "cert.pem")
    assert found(case, "permissions")[1] == ("warning", f"others may read {tmp_path / 'key.pem'}")
    assert found(case, "first start") == [
        ("warning", f"{case.folders.initial_admin} still holds password and key")]


# -- the host

def test_a_clock_before_its_time_and_a_zone_that_is_not_there(case):
    case.now = 86400.0
    assert found(case, "clock") == [("error", "it stands in 1970")]
    case.now = NOW
    case.settings.timezone = "Nowhere/City"
    assert len(found(case, "clock")) == 1


@pytest.mark.parametrize("now, severity, text", [
    (0, None, ""), (-1, "error", "it is not valid before 2025-01-31"),
    (2, "warning", "it ends on 2026-01-31"), (3, "error", "it ended on 2026-01-31")])
def test_the_dates_of_the_certificate(case, tmp_path, now, severity, text):
    from datetime import datetime, timezone
    begins = datetime(2025, 1, 31, 12, tzinfo=timezone.utc).timestamp()
    ends = datetime(2026, 1, 31, 12, tzinfo=timezone.utc).timestamp()
    case.now = {0: ends - EXPIRES - 1, -1: begins - 1, 2: ends - EXPIRES + 1, 3: ends + 1}[now]
    path = tmp_path / "cert.pem"
    path.write_text(pem(certificate()))
    path.chmod(0o600)
    case.settings.sslcert = str(path)
    assert found(case, "certificate") == ([(severity, text)] if severity else [])


@pytest.mark.parametrize("text", ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_a_certificate_that_is_none(case, tmp_path, text):
    (tmp_path / "cert.pem").write_text(text)
    case.settings.sslcert = str(tmp_path / "cert.pem")
    assert [each for each, _ in found(case, "certificate")] == ["error"]
    case.settings.sslcert = str(tmp_path / "none.pem")
    assert [each for each, _ in found(case, "certificate")] == ["error"]


def test_ports_that_could_not_be_had(case):
    case.taken = ["TCP port 80 is in use by nginx (pid 1)"]
    assert found(case) == [("warning", "TCP port 80 is in use by nginx (pid 1)")]
    case.taken = ()
    case.ports = {"main": 80, "console": 8090}
    assert found(case) == []
    case.ports = {"main": 8080}
    assert [text for _, text in found(case, "ports")] == [
        "port 80 could not be had, 8080 serves instead", "port 8090 for the console could not be had"]


# -- the settings

@pytest.mark.parametrize("settings, text", [
    ({"apiv2key": ""}, "no API key is needed"), ({"httpapikey": "short"}, "an API key is shorter than 12 characters"),
    ({"apiv2md5salt": ""}, "no server salt"),
    ({"apideftrustadmin": "2"}, "an address alone makes an administrator"),
    ({"apitrustfromconsole": "2"}, "whoever reaches the console administers"),
    ({"maxauthfail": "0"}, "guessed without end"),
    ({"corsorigins": "https://u:p@x.example"}, "holds a user or password"),
    ({"trustediplist": "0.0.0.0/0"}, "the whole Internet"),
    ({"trustedproxies": "10.0.0.1,::/0"}, "the whole Internet")])
def test_weak_settings(case, settings, text):
    set(case, **settings)
    assert [text in each for _, each in found(case)] == [True]


def test_keys_of_the_old_api_are_keys(case):
    set(case, apiv2key="", httpapikey="an-old-key-of-length")
    assert found(case) == []


def test_a_public_address_makes_more_of_it_weak(case):
    case.own = ["127.0.0.1", "8.8.8.8", "10.1.2.3"]
    assert [text.split(",")[0] for _, text in found(case)] == [
        "neighbours in the private network are trusted (trustlanip 1)",
        "passwords to 8.8.8.8 cross the Internet in clear"]
    case.own = ["127.0.0.1", "8.8.8.8"]
    assert len(found(case)) == 1
    set(case, allowcmd="1")
    assert len(found(case)) == 2


def test_errors_come_first_and_every_finding_has_a_remedy(case):
    set(case, apiv2key="", trustediplist="0.0.0.0/0", maxauthfail="0")
    case.now = 86400.0
    severities = [each.severity for each in diagnose(case)]
    assert severities == sorted(severities) and {"error", "warning"} <= {*severities}
    assert all(each.remedy and each.text and not each.text.endswith(".") for each in diagnose(case))
    assert len(CHECKS) == 8
