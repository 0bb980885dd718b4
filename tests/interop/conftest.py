"""A server with phones, a trunk and a price; sipp beside it."""

import pytest

from live.harness import Server, eventually
from live.wires import certificate

from .sipp import TRUNK_HOST, TRUNK_PORT, Sipp

USERS = [(f"peer{number}", f"pw-peer{number}") for number in range(10)]
CREDIT, PRICE = 100, "0.6"


class Switch(Server):
    """The real program and what a test asks of it afterwards."""

    def prepare(self):
        for name, password in USERS:
            self.api("adduser", u_username=name, u_password=password, u_credit=CREDIT, u_currency="USD")
        self.api("addserver", u_name="carrier", u_domain=TRUNK_HOST, u_port=TRUNK_PORT)
        self.api("db", sql="insert into tb_billentries (name, currency, type, billingstep) values ('World','USD',1,1)")
        self.api("db", sql="insert into tb_billingtimes (entryid, prefix, price) select max(id), '36', "
                           f"{PRICE} from tb_billentries")
        self.api("rulesreload")

    def rows(self, sql):
        """Lists of texts."""
        lines = self.api("db", sql=sql).split("\n")
        return [line.split("\t") for line in lines if line and not line.startswith("OK")][1 if "\t" in lines[0] else 0:]

    def number(self, sql):
        """The one number that a query answers."""
        return float(self.rows(sql)[0][-1])

    def settled(self, calls):
        """Every call has its record and nothing is left; the books agree with the records and the balances."""
        assert eventually(lambda: self.api("currentcalls").startswith("OK: none")), self.api("currentcalls")
        assert eventually(lambda: self.number("select count(*) from tb_cdrs") == calls)
        assert self.number("select count(*) from tb_reservations") == 0
        assert self.api("checkcredits").startswith("OK")
        charged = self.number("select round(coalesce(sum(costenduser), 0), 6) from tb_cdrs")
        assert charged == self.number("select round(coalesce(-sum(amount_u), 0) / 1000000.0, 6) from tb_ledger"
                                      " where kind = 'call'")
        assert "Traceback" not in self.err and " failed: " not in self.err, self.err

    def talking(self, caller, called):
        """The live call between two names, as a row of currentcalls, once it talks."""
        def row():
            lines = [line.split("\t") for line in self.api("currentcalls").split("\n")]
            return next((line for line in lines if line[1:3] == ["talking", caller] and called in line), None)
        seen = eventually(row)
        assert seen, self.api("currentcalls")
        return seen

    def registered(self, *users):
        """Whether just these have a binding, once that is so."""
        return eventually(lambda: {line.split("\t")[0] for line in self.api("reguser", usr="all").split("\n")
                                   if line.startswith("peer")} == set(users))


@pytest.fixture(scope="session")
def tls(tmp_path_factory):
    """Arguments that let the server speak TLS, none without openssl."""
    made = certificate(tmp_path_factory.mktemp("certificate"))
    return ["--set", f"sslcert={made[0]}", "--set", f"sslkey={made[1]}"] if made else []


@pytest.fixture
def switch(tmp_path, tls):
    server = Switch(tmp_path / "data", *tls, "--set", "sipports=0",
                    "--set", "trunkping=0")     # a trunk of sipp counts a ping as a call
    server.prepare()
    yield server
    assert server.stop() == 0, server.err


@pytest.fixture
def sipp(tmp_path, switch):
    folder = tmp_path / "sipp"
    folder.mkdir()
    return Sipp(folder, switch.port)
