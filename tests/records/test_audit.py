"""Administrative commands leave rows, without secrets, in groups."""

import json

from mizu.base.message import Peer, Principal, Request, Role

from .store import add, wait


def request(params, user=None):
    made = Request("setuser", params, Peer("http", "10.0.0.9", 5))
    made.principal = Principal(user, Role.ADMIN)
    return made


def test_a_row_says_who_what_from_where_and_how_it_ended(store):
    user = store.users.by_id(add(store, "root", type=16))
    store.audit.record(request({"u_id": "5", "u_comment": "Ü", "authkey": "k", "authpwd": "p"}, user), "setuser", 200)
    store.audit.record(request({"u_id": "6"}), "setuser", 404)
    store.audit.tick()
    rows = store.db.rows("SELECT datum, userid, username, command, params, ip, transport, code FROM tb_audit")
    assert rows[0] == (store.clock.utc(), user.id, "root", "setuser", '{"u_id": "5", "u_comment": "Ü"}', "10.0.0.9",
                       "http", 200)
    assert rows[1][1:3] == (0, "") and rows[1][7] == 404


def test_secrets_are_masked_also_as_a_fields_value(store):
    for params in ({"u_password": "s3cret"}, {"u_pin": "s3cret"}, {"newpassword": "s3cret"},
                   {"fieldname": "Password", "fieldvalue": "s3cret"},
                   {"fieldname": "upperpassword", "fieldvalue": "s3cret"},
                   {"sql": "update tb_users set password = 's3cret'"}):
        store.audit.record(request(params), "x", 200)
    store.audit.save()
    rows = store.db.rows("SELECT params FROM tb_audit")
    assert len(rows) == 6 and "s3cret" not in str(rows)
    assert json.loads(rows[0][0]) == {"u_password": "***"}


def test_what_waits_is_bounded_and_long_requests_are_cut(store, monkeypatch):
    monkeypatch.setattr("mizu.records.audit.MOST", 3)
    for _ in range(5):
        store.audit.record(request({"u_comment": "x" * 9000}), "x", 200)
    assert store.audit.lost == 2
    store.audit.tick()
    assert store.db.value("SELECT max(length(params)) FROM tb_audit") == 2000


def test_the_heartbeat_commits(store):
    before = store.db.commits
    wait(store.audit.heartbeat())
    assert store.db.commits == before + 1
