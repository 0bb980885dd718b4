"""Money: the ledger and the triggers that make it agree with the balances, whatever path changes `credit`.

L(x) is the newest row's balance_u of account x, else 0.  The triggers use built-in functions only, so that a
foreign `sqlite3` shell keeps the books too.  A ledger row is a booking: it moves `credit` along, and a changed
`credit` leaves its row; whichever comes first, the other finds nothing left to do.
"""

SQL = """
-- No AUTOINCREMENT: rows are never deleted, so no id comes back, and a booking writes one page less.
CREATE TABLE tb_ledger (
    id INTEGER PRIMARY KEY CHECK (id > 0),
    userid INTEGER NOT NULL,
    datum TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    kind TEXT NOT NULL DEFAULT 'sql',
    amount_u INTEGER NOT NULL CHECK (typeof(amount_u) = 'integer'),
    balance_u INTEGER NOT NULL CHECK (typeof(balance_u) = 'integer'),
    amount REAL GENERATED ALWAYS AS (amount_u / 1000000.0) VIRTUAL,
    balance REAL GENERATED ALWAYS AS (balance_u / 1000000.0) VIRTUAL,
    cdrid INTEGER DEFAULT 0,
    refid TEXT DEFAULT '',
    actor TEXT DEFAULT '',
    comment TEXT DEFAULT ''
);
CREATE INDEX ix_ledger_userid ON tb_ledger (userid);

-- Who is at work: one row inside a transaction that said so, else none.
CREATE TABLE tb_actor (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    kind TEXT,
    actor TEXT,
    refid TEXT
);

CREATE TABLE tb_reservations (
    id INTEGER PRIMARY KEY,
    userid INTEGER NOT NULL,
    callid TEXT NOT NULL DEFAULT '',
    amount REAL NOT NULL DEFAULT 0,
    datum TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE INDEX ix_reservations_userid ON tb_reservations (userid);
CREATE INDEX ix_reservations_callid ON tb_reservations (callid);

CREATE TRIGGER tr_users_inserted AFTER INSERT ON tb_users
WHEN NEW.credit_u <> {L(NEW.id)} OR NEW.credit <> NEW.credit_u / 1000000.0
BEGIN {complete} END;

CREATE TRIGGER tr_users_credit AFTER UPDATE OF credit ON tb_users
WHEN NEW.credit_u <> {L(NEW.id)} OR NEW.credit <> NEW.credit_u / 1000000.0
BEGIN {complete} END;

CREATE TRIGGER tr_users_deleted AFTER DELETE ON tb_users
WHEN {L(OLD.id)} <> 0
BEGIN
    INSERT INTO tb_ledger (userid, kind, amount_u, balance_u, actor, refid)
    SELECT OLD.id, 'close', -{L(OLD.id)}, 0,
           coalesce((SELECT actor FROM tb_actor), 'sql'), coalesce((SELECT refid FROM tb_actor), '');
END;

-- Not OF id: SET rowid = … would pass by.
CREATE TRIGGER tr_users_id BEFORE UPDATE ON tb_users
WHEN NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'the id of an account cannot be changed'); END;

CREATE TRIGGER tr_ledger_insert BEFORE INSERT ON tb_ledger
BEGIN
    SELECT RAISE(ABORT, 'a ledger id cannot be used again')
    WHERE NEW.id > 0 AND NEW.id <= (SELECT max(id) FROM tb_ledger);
    SELECT RAISE(ABORT, 'balance_u of a ledger row must be the balance before plus amount_u')
    WHERE NEW.balance_u <> NEW.amount_u + {L(NEW.userid)};
    SELECT RAISE(ABORT, 'no such account')
    WHERE NEW.balance_u <> 0 AND NOT EXISTS (SELECT 1 FROM tb_users WHERE id = NEW.userid);
END;

CREATE TRIGGER tr_ledger_inserted AFTER INSERT ON tb_ledger
BEGIN
    UPDATE tb_users SET credit = NEW.balance_u / 1000000.0 WHERE id = NEW.userid AND credit_u <> NEW.balance_u;
END;

CREATE TRIGGER tr_ledger_update BEFORE UPDATE ON tb_ledger
BEGIN SELECT RAISE(ABORT, 'ledger rows are never changed'); END;

CREATE TRIGGER tr_ledger_delete BEFORE DELETE ON tb_ledger
BEGIN SELECT RAISE(ABORT, 'ledger rows are never deleted'); END;

CREATE TABLE tb_prepaidcodes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    pin TEXT NOT NULL UNIQUE,
    value REAL NOT NULL DEFAULT 0,
    currency TEXT DEFAULT '' COLLATE NOCASE,
    validfrom TEXT DEFAULT '',
    validto TEXT DEFAULT '',
    usedby INTEGER DEFAULT 0,
    useddate TEXT DEFAULT '',
    enabled INTEGER DEFAULT 1,
    batch TEXT DEFAULT ''
);

CREATE TABLE tb_currencies (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    sign TEXT NOT NULL DEFAULT '',
    rate REAL NOT NULL DEFAULT 1
);

CREATE TABLE tb_billentries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
    currency TEXT DEFAULT '' COLLATE NOCASE,
    type INTEGER DEFAULT 1,
    billingstep INTEGER DEFAULT 1,
    minammount INTEGER DEFAULT 0,
    freeammount INTEGER DEFAULT 0,
    freeafter INTEGER DEFAULT 0,
    connectfee REAL DEFAULT 0,
    vatincluded INTEGER DEFAULT 1,
    vatvalue REAL DEFAULT 0,
    packetid INTEGER DEFAULT 0,
    userid INTEGER DEFAULT 0,
    parentid INTEGER DEFAULT 0,
    validfrom TEXT DEFAULT '',
    validto TEXT DEFAULT ''
);
CREATE INDEX ix_billentries_packetid ON tb_billentries (packetid);
CREATE INDEX ix_billentries_userid ON tb_billentries (userid);

CREATE TABLE tb_billingtimes (
    id INTEGER PRIMARY KEY,
    entryid INTEGER NOT NULL,
    prefix TEXT NOT NULL DEFAULT '',
    destination TEXT DEFAULT '' COLLATE NOCASE,
    price REAL NOT NULL DEFAULT 0,
    timetype INTEGER DEFAULT 10,
    fromtime TEXT DEFAULT '',
    totime TEXT DEFAULT '',
    day TEXT DEFAULT ''
);
CREATE INDEX ix_billingtimes_entryid_prefix ON tb_billingtimes (entryid, prefix);

CREATE TABLE tb_holidays (
    id INTEGER PRIMARY KEY,
    day TEXT NOT NULL,
    name TEXT DEFAULT '' COLLATE NOCASE,
    country TEXT DEFAULT ''
);
CREATE INDEX ix_holidays_day ON tb_holidays (day);
"""

PAYMENTS = """
-- Card payments; of a card its last four digits.  An open one (new, asked, unclear) is asked again until it is settled.
CREATE TABLE tb_payments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    userid INTEGER NOT NULL,
    datum TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    idempotencykey TEXT NOT NULL UNIQUE,
    requestid TEXT,
    amount REAL NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
    lastfour TEXT NOT NULL DEFAULT '' CHECK (length(lastfour) <= 4),
    state TEXT NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'asked', 'unclear', 'approved', 'declined')),
    reference TEXT DEFAULT '',
    tries INTEGER DEFAULT 0,
    nexttry TEXT DEFAULT '',
    settled TEXT DEFAULT '',
    actor TEXT DEFAULT '',
    comment TEXT DEFAULT '',
    UNIQUE (userid, requestid)
);
CREATE INDEX ix_payments_userid_datum ON tb_payments (userid, datum);
CREATE INDEX ix_payments_open ON tb_payments (nexttry) WHERE state IN ('new', 'asked', 'unclear');

-- A payment is credited once, whoever tries.
CREATE UNIQUE INDEX ix_ledger_card ON tb_ledger (refid) WHERE kind = 'card' AND refid <> '';
"""

CHARGED = """
-- Who was charged for a call, which rebilling asks.
CREATE INDEX ix_ledger_cdrid ON tb_ledger (cdrid) WHERE cdrid <> 0;
"""

CURRENCIES = """
-- A rate that nobody has set is 0: until this step it was 1, which now means par.
CREATE TABLE tb_currencies_new (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    sign TEXT NOT NULL DEFAULT '',
    rate REAL NOT NULL DEFAULT 0
);
INSERT INTO tb_currencies_new SELECT id, name, sign, CASE rate WHEN 1 THEN 0 ELSE rate END FROM tb_currencies;
DROP TABLE tb_currencies;
ALTER TABLE tb_currencies_new RENAME TO tb_currencies;
"""

OPENCALLS = """
-- Checkpoints of calls under way: seconds talked so far; facts: what they are billed with, as JSON.
CREATE TABLE tb_opencalls (
    id INTEGER PRIMARY KEY,
    callid TEXT NOT NULL DEFAULT '',
    datum TEXT NOT NULL,
    seconds INTEGER NOT NULL DEFAULT 0,
    facts TEXT NOT NULL
);
"""


def newest(userid):
    """L(userid) as an expression."""
    return f"coalesce((SELECT balance_u FROM tb_ledger WHERE userid = {userid} ORDER BY id DESC LIMIT 1), 0)"


COMPLETE = """
    INSERT INTO tb_ledger (userid, kind, amount_u, balance_u, actor, refid)
    SELECT NEW.id, coalesce((SELECT kind FROM tb_actor), 'sql'), NEW.credit_u - {L(NEW.id)}, NEW.credit_u,
           coalesce((SELECT actor FROM tb_actor), 'sql'), coalesce((SELECT refid FROM tb_actor), '')
    WHERE NEW.credit_u <> {L(NEW.id)};
    UPDATE tb_users SET credit = NEW.credit_u / 1000000.0
    WHERE id = NEW.id AND credit <> NEW.credit_u / 1000000.0;
"""

SQL = SQL.replace("{complete}", COMPLETE)
for _userid in ("NEW.id", "OLD.id", "NEW.userid"):
    SQL = SQL.replace("{L(%s)}" % _userid, newest(_userid))

DIFFERENCES = """
SELECT u.id, u.credit_u, coalesce((SELECT balance_u FROM tb_ledger WHERE userid = u.id ORDER BY id DESC LIMIT 1), 0)
FROM tb_users u
WHERE u.credit_u <> coalesce((SELECT balance_u FROM tb_ledger WHERE userid = u.id ORDER BY id DESC LIMIT 1), 0)
"""
"""Accounts whose balance is not that of their newest ledger row: (id, credit_u, balance_u); quick, for the start."""

SUMS = """
SELECT l.userid, coalesce(u.credit_u, 0), sum(l.amount_u) FROM tb_ledger l LEFT JOIN tb_users u ON u.id = l.userid
GROUP BY l.userid HAVING sum(l.amount_u) <> coalesce(u.credit_u, 0)
UNION ALL SELECT id, credit_u, 0 FROM tb_users WHERE credit_u <> 0 AND id NOT IN (SELECT userid FROM tb_ledger)
"""
"""The full sum: (userid, balance, sum of the ledger) where they differ, closed accounts (balance 0) included."""
