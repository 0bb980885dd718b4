"""Attacks have shapes; names, prose and passwords pass."""

import random
import re
import time

import pytest

from mizu.api.filter import LONGEST, looks_like_injection

from .house import bare

FINE = """
O'Brien
D'Angelo
O'Brien & Sons
Seán O'Casey and company
Rock 'n' roll and more = good
the 'best' and cheapest plan
'European' Union
please 'rush' order by Friday
5 < 6
6 > 5 and 4 < 5
a <b> c
x = y
select a plan; thanks
I will drop by; update you later
union of two
AT&T
"quoted" text
he said "or else"
men's and women's
it's 'yes' or 'no'
--
5 -- 6
well -- maybe
#1
C# and "C++"
1/2
<3
<mailto>
mail me; delete this later
select one; insert coin
Data: see below (attached)
on time = late
online = yes
onboarding = 5
javascript
union station
select
drop table
group by age
100%
50/50; create art
a;b;c
x';y
"John" <john@example.com>
+36 (1) 234-5678
https://example.com/?a=1&b=2#c
2 or 3
this or that
1 and 2 = 3 things
black or 12 = white
John's; Mary's
éàü 'naïve' 中文
Robert'); table
it is 'so' # one
""".strip().split("\n")

ATTACKS = """
<script>alert(1)</script>
<SCRIPT SRC=//evil>
< script >
</script>
<img src=x onerror=alert(1)>
<svg/onload=alert(1)>
<iframe src=javascript:alert(1)>
<body onload=alert(1)>
"><script>
x" onmouseover="alert(1)
' onfocus=alert(1) autofocus='
javascript:alert(1)
vbscript:msgbox(1)
data:text/html,<script>alert(1)</script>
data:text/html;base64,PHNjcmlwdD4=
' or 1=1
' or '1'='1
' OR 'a'='a' --
" or ""="
') or ('1'='1
' or 1=1--
' or 1 --
' or 1#
' or true--
' and 1=2
' or username like '%
' or id in (1,2)
' or 1 between 1 and 2 --
' or password is not null
' || 1=1
' or sleep(5)
' and (select count(*) from tb_users) > 0 --
'; drop table tb_users
'; DROP TABLE tb_users;--
1; delete from tb_users
1;update tb_users set credit=1
x'; insert into tb_users values (1)
1; select * from tb_users
1; select password from tb_users
'; exec xp_cmdshell('dir')
'; exec master..xp_cmdshell 'dir'
'; shutdown; --
'; waitfor delay '0:0:5'
'; declare @x int
'; attach database 'x' as y
'; pragma writable_schema
x' union select 1
x' UNION ALL SELECT username, password FROM tb_users
1 union select 1
1 or 1=1
1 and 1=1
5 or '1'='1'
admin'--
admin' --
admin' #
admin'/*
admin') --
'/**/or/**/1=1
1/*x*/or/*y*/1
' having 1=1
' order by 9
' group by 1 --
x' and exists (select 1)
x' and substr(password,1,1)='a
select * from information_schema.tables
; select name from sqlite_master
""".strip().split("\n")


@pytest.mark.parametrize("text", FINE)
def test_ordinary_texts_pass(text):
    assert not looks_like_injection(text)


@pytest.mark.parametrize("text", ATTACKS)
def test_attacks_are_seen(text):
    assert looks_like_injection(text)


def disguised(text, chance):
    """The same attack to a database or browser: other case, other blanks, something in front."""
    text = "".join(chance.choice((c.upper(), c.lower())) for c in text)
    text = re.sub(" ", lambda _: chance.choice((" ", "  ", "\t", "\n", " \r\n ", "\0 ", " " * 50)), text)
    return chance.choice(("", "John", "12 ", "aaa ", "x" * 100)) + text


def joined(texts, chance):
    """Prose: sentences of harmless texts."""
    return chance.choice((". ", ", ", " / ")).join(chance.sample(texts, chance.randrange(1, 4)))


PROSE = [text for text in FINE if re.fullmatch(r"[\w ,.&éà+()%/-]*", text) or text in ("O'Brien", "D'Angelo")]


def test_20_000_mutations_keep_what_they_are():
    """Attacks stay attacks in any disguise, prose stays prose in any company: accept-all and refuse-all both fail."""
    chance = random.Random(7)
    plain = [text for text in ATTACKS if not text.startswith(("data:text/html;", "javascript", "vbscript", "data"))]
    for _ in range(10_000):
        attack = disguised(chance.choice(plain), chance)
        assert looks_like_injection(attack), repr(attack)
        fine = joined(PROSE, chance)
        assert not looks_like_injection(fine), repr(fine)


PIECES = ["'", "' or ", "' or x ", "' and (", "<", "< /", "on", "onload", "; select ", ";", "/*", "*/ /*", "' having ",
          "data:", "union ", "union all ", "1 or '", "' or x-", " ", "\t", "'\0", "a" * 9, "' or " + "a" * 30 + " ",
          "or 1 ", "; update a", "--", "'" + " " * 30]


def test_a_suspicious_text_that_is_too_long_is_refused_unread():
    assert looks_like_injection("'" + "a" * LONGEST) and not looks_like_injection("a" * 10 * LONGEST)


@pytest.mark.parametrize("piece", PIECES)
def test_the_time_is_linear_in_the_text(piece):
    """The longest text that is looked at; anything quadratic would take many seconds."""
    text = "'" + piece * (LONGEST // len(piece) - 1)
    begun = time.process_time()
    looks_like_injection(text)
    assert time.process_time() - begun < 1


# -- through the dispatcher ------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["O'Brien", "D'Angelo", "Rock 'n' roll", "5 < 6", "AT&T; Inc."])
def test_a_user_may_be_called_anything_harmless(house, name):
    answer = house.keyed("setuser", **bare("john", "johnpass"), u_displayname=name)
    assert answer.code == 200 and house.value("john", "displayname") == name


@pytest.mark.parametrize("entry, params", [
    ("setuser", {"u_displayname": "<script>"}), ("search", {"txt": "' or 1=1"}), ("search", {"param1": "' or 1=1"}),
    ("setfield", {"fieldname": "displayname", "fieldvalue": "x' union select 1"})])
def test_a_users_parameters_are_filtered(house, entry, params):
    answer = house.keyed(entry, **bare("john", "johnpass"), **params)
    assert answer.code == 400 and answer.message.endswith("was refused: it looks like SQL or script")


def test_an_administrators_are_not(house):
    answer = house.keyed("setuser", **bare("root", "rootpass"), u_username="john", u_displayname="<script>")
    assert answer.code == 200


def test_passwords_may_look_like_anything(house):
    evil = "' or 1=1 --<script>"
    answer = house.keyed("changepwd", **bare("john", "johnpass"), newpassword=evil, oldpassword="johnpass")
    assert answer.code == 200
    assert house.keyed("balance", authid="john", authpwd=evil).code == 200


def test_parameters_of_custom_commands_are_filtered_too(house):
    house.rule("mine", req_user=12, customsql="select '[SPARAM]' as x")
    assert house.keyed("mine", **bare("john", "johnpass"), sparam="O'Brien").data.rows == [("O'Brien",)]
    assert house.keyed("mine", **bare("john", "johnpass"), sparam="x' or 1=1").code == 400
    assert house.keyed("mine", **bare("root", "rootpass"), sparam="x' or 1=1").data.rows == [("x' or 1=1",)]
