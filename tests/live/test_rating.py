"""Prices over the wire: imported while the server runs, asked for in every way that phones have."""

import json
from urllib.parse import quote

import pytest

from .harness import eventually, run

pytestmark = pytest.mark.live

PRICES = """Code;Description;Rate;Connection fee;Increment
36;Hungary;0,1;0,05;60
3630;Hungary, mobile;0,125;0,05;60
44;United Kingdom;0,02;0;1
"""


@pytest.fixture(scope="module")
def priced(server, tmp_path_factory):
    """The server with prices and an account `rated` of 10 USD."""
    folder = tmp_path_factory.mktemp("prices")
    (folder / "Standard.csv").write_text(PRICES)
    server.api("adduser", u_username="rated", u_password="rated-pw", u_credit=10, u_currency="USD")
    ended = run("import", folder / "Standard.csv", "--data", server.data)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "Standard: 3 prices, in 2 entries\n", "")
    eventually(lambda: "Hungary" in server.api("rating", bnum="36"))
    yield server
    server.api("db", sql="delete from tb_billentries")
    server.api("db", sql="delete from tb_billingtimes")


def as_user(server):
    return f"authkey={server.key}&authid=rated&authpwd=rated-pw"


@pytest.mark.parametrize("name", ["bnum", "bnun", "anum", "prefix", "param1"])
def test_the_number_goes_by_many_names(priced, name):
    answer = priced.get(f"/mvapireq/?apientry=rating&{as_user(priced)}&{name}=36301234567")
    assert answer == "0.125 USD/min, Destination: Hungary, mobile"


def test_the_data_say_what_a_call_costs_and_how_long_it_may_be(priced):
    answer = json.loads(priced.get(f"/mvapireq/?apientry=rating&{as_user(priced)}&bnun={quote('+36 (1) 123')}&format=json"))
    assert answer["message"] == "0.10 USD/min, Destination: Hungary"
    assert answer["data"] == {
        "rate": 0.1, "currency": "USD", "prefix": "36", "destination": "Hungary", "timetype": 10, "connectfee": 0.05,
        "billingstep": 60, "minammount": 0, "freeammount": 0, "freeafter": 0, "vatincluded": 1, "vatvalue": 0.0,
        "pricelist": "Standard", "maxduration": 5940}     # (10 - 0.05) / 0.1 = 99.5 minutes: 99


def test_a_price_by_line_datagram_and_the_old_parameters(priced):
    request = f"/mvapireq/?apientry=rating&{as_user(priced)}&bnum=447"
    assert priced.line(request) == priced.datagram(request) == "0.02 USD/min, Destination: United Kingdom"


def test_without_a_price_there_is_an_error(priced):
    assert priced.get(f"/mvapireq/?apientry=rating&{as_user(priced)}&bnum=1555") == "ERROR: no price for 1555"
    assert priced.get(f"/mvapireq/?apientry=rating&{as_user(priced)}").startswith("ERROR: missing parameter bnum")


def test_prices_may_be_shown_to_everybody(priced):
    priced.api("addrecord", table="tb_api", u_fname="rating", u_req_key=0, u_req_user=14, u_req_user_mode=4)
    priced.api("apireload")
    assert priced.get("/mvapireq/?apientry=rating&bnum=3630") == "0.125 USD/min, Destination: Hungary, mobile"
    priced.api("db", sql="delete from tb_api where fname = 'rating'")
    priced.api("apireload")
    assert priced.get("/mvapireq/?apientry=rating&bnum=3630").startswith("ERROR: auth failed")


def test_an_import_that_fails_leaves_the_prices_and_one_that_succeeds_is_seen_at_once(priced, tmp_path):
    bad = tmp_path / "Standard.csv"
    bad.write_text(PRICES.replace("0,125", "cheap").replace("0,02", "-1"))
    ended = run("import", bad, "--data", priced.data)
    assert ended.returncode == 65 and ended.stdout == ""
    assert ended.stderr.splitlines() == [
        "line 3: price takes a number that is not negative, below 1000000000 and with at most 6 decimals, not 'cheap'",
        "line 4: price takes a number that is not negative, below 1000000000 and with at most 6 decimals, not '-1'",
        "nothing was imported"]
    assert priced.api("rating", bnum="3630", u_username="rated").startswith("0.125 USD/min")
    bad.write_text(PRICES.replace("0,125", "0.2"))
    assert run("import", bad, "--data", priced.data).stdout == "Standard: 3 prices instead of 3, in 2 entries\n"
    assert eventually(lambda: priced.api("rating", bnum="3630", u_username="rated").startswith("0.20 USD/min"), 2)
    (tmp_path / "Standard.csv").write_text(PRICES)
    run("import", bad, "--data", priced.data)


def test_what_is_exported_can_be_imported_again(priced, tmp_path):
    ended = run("export", tmp_path / "all.csv", "--data", priced.data)
    assert (ended.returncode, ended.stderr) == (0, "3 prices\n")
    assert run("import", tmp_path / "all.csv", "--data", priced.data).returncode == 0
    assert run("export", "--data", priced.data).stdout == (tmp_path / "all.csv").read_text()
