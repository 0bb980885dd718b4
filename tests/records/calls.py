"""A few call records whose figures are known by heart.

FakeClock stands at 2023-11-14 22:13:20 UTC.  The calls, newest first:

    id  ended             caller  called  number       seconds  end user  provider
     6  11-14 22:00       john    trunk   36301111111      120      0.24      0.10
     5  11-14 20:30       kid     trunk   40722222222        0         0         0     busy
     4  11-14 10:00       boss    john    john              30      0.05         0
     3  11-14 00:30       kid     trunk   36302222222       60      0.12      0.05
     2  11-13 23:30       john    trunk   40733333333        0         0         0     no answer
     1  11-01 12:00       john    trunk   +4912345          10      0.01     0.002
"""

from .store import add

CALLS = (
    # datum, callstartdate, connectdate, caller, called, from, to, seconds, reason, end user, provider, others
    ("2023-11-01 12:00:00.000", "2023-11-01 11:59:45.000", "2023-11-01 11:59:50.000", "john", "trunk", "+4912345", 10,
     200, 0.01, 0.002),
    ("2023-11-13 23:30:00.000", "2023-11-13 23:29:30.000", "", "john", "trunk", "40733333333", 0, 480, 0, 0),
    ("2023-11-14 00:30:00.000", "2023-11-14 00:28:50.000", "2023-11-14 00:29:00.000", "kid", "trunk", "36302222222",
     60, 200, 0.12, 0.05),
    ("2023-11-14 10:00:00.000", "2023-11-14 09:59:26.000", "2023-11-14 09:59:30.000", "boss", "john", "john", 30, 200,
     0.05, 0),
    ("2023-11-14 20:30:00.000", "2023-11-14 20:29:59.000", "", "kid", "trunk", "40722222222", 0, 486, 0, 0),
    ("2023-11-14 22:00:00.000", "2023-11-14 21:57:58.500", "2023-11-14 21:58:00.000", "john", "trunk", "36301111111",
     120, 200, 0.24, 0.10),
)


def make_calls(services):
    """Write CALLS between accounts that are there; those that are missing are made.  {name: id}"""
    ids = {}
    for name, values in (("boss", {"type": 2}), ("kid", {}), ("john", {}), ("trunk", {"type": 9})):
        account = services.users.by_username(name)
        if name == "kid":
            values = {"parentid": ids["boss"]}
        ids[name] = account.id if account else add(services, name, **values)
    with services.db.unit() as unit:
        for datum, start, connect, caller, called, number, seconds, reason, paid, cost in CALLS:
            unit.run("INSERT INTO tb_cdrs (datum, callstartdate, connectdate, callerid, calledid, callernumber,"
                     " callednumber, realduration, origduration, discreason, costenduser, costprovider, costsales,"
                     " costcompany, costother, unitprice, currency, sipcallid, callerip, callerpackets, callerlost,"
                     " callerjitter, calledpackets, calledlost, calledjitter)"
                     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0.12, 'USD', ?, '10.9.8.7', ?, ?, 4, ?, ?, 6)",
                     (datum, start, connect, ids[caller], ids[called], caller, number, seconds, seconds, reason, paid,
                      cost, paid / 10, paid / 20, paid / 100, f"{number}@phone", seconds * 50, seconds, seconds * 50, 0))
        unit.run("INSERT INTO tb_cdrresellers (cdrid, resellerid, level, datum, unitprice, cost, currency)"
                 " VALUES (3, ?, 1, '2023-11-14 00:30:00.000', 0.09, 0.09, 'EUR')", (ids["boss"],))
    return ids
