"""A server with phones, a trunk and a price; sipp beside it."""

import pytest

from live.harness import Server, eventually

from .sipp import TRUNK_HOST, TRUNK_PORT, Sipp

USERS = [(f"peer{number}", f"pw-peer{number}") for number in range(10)]
CREDIT, PRICE = 100, "0.6"


class Switch(Server):
    """The real program and what a test asks of it afterwards."""

    def prepare(self):
        for name, password in USERS:
            self.api("adduser", u_username=name, u_password=password, u_credit=CREDIT, u_currency="USD")
        self.api("addserver", u_name="carrier", u_domain=TRUNK_HOST, u_port=TRUNK_PORT, u_type=9)
        self.api("db", sql="insert into tb_billentries (name, currency, type, billingstep) values ('World','USD',1,1)")
        self.api("db", sql="insert into tb_billingtimes (entryid, prefix, price) select max(id), '36', "
                           f"{PRICE} from tb_billentries")
        self.api("rulesreload")

    def rows(self, sql):
        """Lists of texts."""
        lines = self.api("db", sql=sql).split("\n")
        return [line.split("\t") for line in lines if line and not line.startswith("OK")][1 if "\t" in lines[0] else 0:]

    def settled(self, calls):
        """Every call has its record and nothing is left; the books agree with the records."""
        eventually(lambda: self.api("currentcalls").startswith("OK: none"))
        eventually(lambda: int(self.rows("select count(*) from tb_cdrs")[0][-1]) == calls)
        assert int(self.rows("select count(*) from tb_reservations")[0][-1]) == 0
        assert self.api("checkcredits").startswith("OK")
        charged = float(self.rows("select round(coalesce(sum(costenduser), 0), 6) from tb_cdrs")[0][-1])
        spent = float(self.rows("select round(coalesce(-sum(amount_u), 0) / 1000000.0, 6) from tb_ledger"
                                " where kind = 'call'")[0][-1])
        assert charged == spent
        assert "Traceback" not in self.err and " failed: " not in self.err, self.err


@pytest.fixture
def switch(tmp_path):
    server = Switch(tmp_path / "data", "--set", "sipports=0")
    server.prepare()
    yield server
    assert server.stop() == 0, server.err


@pytest.fixture
def sipp(tmp_path, switch):
    folder = tmp_path / "sipp"
    folder.mkdir()
    return Sipp(folder, switch.port)
