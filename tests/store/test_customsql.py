"""Rows of tb_api: what callers send is bound, never spelled into SQL; bodies of actions come apart as written."""

import sqlite3

import pytest

from mizu.base.errors import ApiError
from mizu.store.tsql import action_body, command_words, compile_custom, select_template


def refused(function, *args, **kwargs):
    with pytest.raises(ApiError) as caught:
        function(*args, **kwargs)
    assert caught.value.code == 400
    return caught.value.message


@pytest.fixture
def db():
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript("""
        create table tb_users (id integer primary key, username text collate nocase, comment text);
        insert into tb_users values (1, 'john', ''), (2, 'mary', 'old');
        create table tb_cdrs (id integer primary key, callerid int, callednumber text);
        insert into tb_cdrs values (1, 1, '3612345'), (2, 1, '4498765'), (3, 2, '1555');""")
    yield db
    db.close()


# What the manual prints

def test_the_custom_examples_bind_their_parameters(db):
    get = compile_custom("select * from tb_users where username = '[SPARAM]'")
    assert (get.sync, get.is_query, get.args) == (False, True, (("SPARAM", 0),))
    assert db.execute(get.sql, ["john"]).fetchone()[:2] == (1, "john")
    assert db.execute(get.sql, ["' or 1=1 --"]).fetchall() == []
    put = compile_custom("*update tb_users set comment = '[SPARAM2]' WHERE username = '[SPARAM1]'")
    assert (put.sync, put.is_query, put.args) == (True, False, (("SPARAM", 2), ("SPARAM", 1)))
    db.execute(put.sql, ["yeees", "john"])
    assert db.execute("select id from tb_users where comment = 'yeees'").fetchall() == [(1,)]


def test_the_action_example_reads_the_last_number_called(db):
    body = "Called: {select top 1 callednumber from tb_cdrs with(nolock) where callerid = USERID}."
    before, (kind, custom), after = select_template(body)
    assert (before, kind, custom.args, after) == ("Called: ", "SELECT", (("USERID",),), ".")
    assert db.execute(custom.sql, [2]).fetchall() == [("1555",)]


# Keywords

@pytest.mark.parametrize("sql, text, args", [
    ("select 'a[SPARAM1]b'", "select ('a'||?||'b')", [("SPARAM", 1)]),
    ("select * from t where a like '%{x}%'", "select * from t where a like ('%'||?||'%')", [("FIELD", "x")]),
    ("select [userid], [Username], {Email}", "select ?, ?, ?", [("USERID",), ("USERNAME",), ("FIELD", "email")]),
    ("select top [SPARAM9] 'x{a}' from t where b = '[SPARAM99]'", "select ('x'||?) from t where b = ? limit ?",
     [("FIELD", "a"), ("SPARAM", 99), ("SPARAM", 9)]),
    ("select '{\"a\": 1} {2}'", "select '{\"a\": 1} {2}'", []),
    ("insert into t (a, b) values (N'{x}''s', [SPARAM])", "insert into t (a, b) values ((?||'''s'), ?)",
     [("FIELD", "x"), ("SPARAM", 0)]),
    ("update t set a = [SPARAM1], b = b + '[SPARAM2]!' where c in ([SPARAM3])",
     "update t set a = ?, b = b || (?||'!') where c in (?)", [("SPARAM", 1), ("SPARAM", 2), ("SPARAM", 3)]),
    ("select a from t order by case when a = [SPARAM1] then 0 else 1 end",
     "select a from t order by case when a = ? then 0 else 1 end", [("SPARAM", 1)]),
    ("select '[SPARAM1]' + '[SPARAM2]'", "select ? || ?", [("SPARAM", 1), ("SPARAM", 2)]),
    ("select credit + '[SPARAM1]' from t", "select credit + ? from t", [("SPARAM", 1)]),
    ("select USERID from t -- [SPARAM1]", "select USERID from t", []),
    ("with x as (select [SPARAM1] a) select * from x where a=[USERID]",
     "with x as (select ? a) select * from x where a=?",
     [("SPARAM", 1), ("USERID",)]),
    ("delete t where a = {a} and b = f({b})", "delete from t where a = ? and b = f(?)",
     [("FIELD", "a"), ("FIELD", "b")]),
])
def test_keywords_become_bound_parameters(sql, text, args):
    custom = compile_custom(sql)
    assert custom.sql.replace("( ", "(") == text
    assert list(custom.args) == args


def test_a_repeated_parameter_is_bound_as_often_as_it_is_written():
    custom = compile_custom("select dateadd(month, 1, '[SPARAM1]')")
    assert len(custom.args) == custom.sql.count("?") > 1
    db = sqlite3.connect(":memory:")
    assert db.execute(custom.sql, ["2024-01-31"] * len(custom.args)).fetchone() == ("2024-02-29 00:00:00.000",)


@pytest.mark.parametrize("sql", [
    "select * from [SPARAM1]", "select * from '[SPARAM1]'", "select a from t, [SPARAM1]", "select a [SPARAM1] from t",
    "select a as '[SPARAM1]' from t", "select [SPARAM1].a from t", "select t.[SPARAM1] from t", "select {f}(1)",
    "select a from t order by [SPARAM1]", "select a from t order by a, {x}", "select a from t group by '[SPARAM1]'",
    "update [SPARAM1] set a = 1", "update t set [SPARAM1] = 1", "update t set a = 1, '{x}' = 2",
    "insert into {x} values (1)",
    "insert into t ([SPARAM1]) values (1)", "delete from [SPARAM1]", "select a from t join [SPARAM1] on 1 = 1",
    'select "{x}"', "select [a{x}]", "drop table [SPARAM1]", "pragma user_version = [SPARAM1]",
    "create table t (a default '{x}')",
    "select [SPARAM0]", "select [SPARAM100]", "select ?", "select :x", "select @x", "select 1; select 2", "", "*",
    "select a from (t join {x}) y", "with {x} as (select 1) select 1", "select cast(1 as [SPARAM1])", "exec [SPARAM1]",
    "select a collate [SPARAM1] from t", "select convert([SPARAM1], 1)", "with x ([SPARAM1]) as (select 1) select 1",
    "select 'a' '[SPARAM1]'", "select {x", "select a from t using ([SPARAM1])", "select x + '[SPARAM1]'",
])
def test_a_keyword_that_is_no_value_is_refused(sql):
    assert refused(compile_custom, sql)


def test_a_parameter_never_becomes_sql(db):
    custom = compile_custom("select count(*) from tb_users where username = '[SPARAM1]' or comment = 'x{y}x'")
    for evil in ("' or '1'='1", "x'; drop table tb_users; --", "[USERID]", "\0"):
        assert db.execute(custom.sql, [evil, evil]).fetchone() == (0,)


# Bodies of actions

def test_a_body_gives_its_receivers_and_subject():
    body = action_body("***TO: a@b.c, {email}\n***subject Low credit: {Credit}\nHello {username}\nbye {not this} {}\n")
    assert body.to == ("a@b.c, ", ("FIELD", "email"))
    assert body.subject == ("Low credit: ", ("FIELD", "credit"))
    assert body.parts == ("Hello ", ("FIELD", "username"), "\nbye {not this} {}\n")


@pytest.mark.parametrize("text, to, subject, parts", [
    ("***TO a@b ***SUBJECT hello", ("a@b",), ("hello",), ()),
    ("text\r\n***TO=a@b\r\n***TO: c@d\r\nmore ***TO stays", ("a@b,c@d",), (), ("text\r\nmore ***TO stays",)),
    ("***TOTAL 5", (), (), ("***TOTAL 5",)), ("", (), (), ()), ("***SUBJECT", (), (), ()), ("***TO:\n\nx", (), (),
    ("\nx",)),
    ("***SUBJECT one\n***SUBJECT two", (), ("two",), ()),
])
def test_headings_stand_at_the_beginning_of_a_line(text, to, subject, parts):
    assert action_body(text) == (to, subject, parts)


def test_selects_in_a_body_hold_fields_braces_and_userid():
    parts = select_template("{select name + '}' from tb_users where id = USERID and email = '{email}'}{id}")
    assert parts[0][1].args == (("USERID",), ("FIELD", "email"))
    assert parts[0][1].sql == "select name || '}' from tb_users where id = ? and email = ?"
    assert parts[1:] == (("FIELD", "id"),)
    nested = select_template("{SELECT u.USERID, '{\"a\"}' from tb_ledger u where userid = USERID}")[0][1]
    assert nested.args == (("USERID",),) and "u.USERID" in nested.sql
    for bad in ("{select 1", "{select '}", "{select * from USERID{x}}", "{select 1; delete from t}"):
        refused(select_template, bad)


def test_a_command_line_has_its_words_before_its_values():
    assert command_words("notify 'a b' x{email}y {id} \"{name} {id}\" '' {select 1}") == (
        ("notify",), ("a b",), ("x", ("FIELD", "email"), "y"), (("FIELD", "id"),),
        (("FIELD", "name"), " ", ("FIELD", "id")), (), (("SELECT", compile_custom("select 1", bare=True)),))
    assert command_words("a\0 0\0 {id}") == (("a",), ("0",), (("FIELD", "id"),))
    for bad in ("", "  ", "{id}", "x{id} y", "a 'b", "a \\", "''"):
        assert refused(command_words, bad)
