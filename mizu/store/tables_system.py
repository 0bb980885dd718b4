"""The server's own tables: tb_api as the manual's chapter Authentication lists it, settings, bans, audit; first rows.
"""

SQL = """
CREATE TABLE tb_api (
    id INTEGER PRIMARY KEY,
    fname TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (fname <> ''),
    req_key INTEGER DEFAULT 1,
    req_ip INTEGER DEFAULT 0,
    req_user INTEGER DEFAULT 0,
    req_user_mode INTEGER DEFAULT 0,
    req_user_credit REAL DEFAULT 0,
    req_user_register INTEGER,
    req_user_login INTEGER,
    customsql TEXT DEFAULT '',
    custom_action INTEGER DEFAULT 0,
    custom_action_body TEXT DEFAULT '',
    enabled INTEGER DEFAULT 1
);

CREATE TABLE tb_settings (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (name <> ''),
    value TEXT DEFAULT '',
    changed TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    changedby TEXT DEFAULT 'sql'
);

CREATE TABLE tb_bans (
    id INTEGER PRIMARY KEY,
    ip TEXT NOT NULL UNIQUE,
    reason TEXT DEFAULT '',
    datum TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    until TEXT DEFAULT '',
    count INTEGER DEFAULT 0,
    addedby TEXT DEFAULT ''
);

CREATE TABLE tb_audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    datum TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    userid INTEGER DEFAULT 0,
    username TEXT DEFAULT '' COLLATE NOCASE,
    command TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
    params TEXT DEFAULT '',
    ip TEXT DEFAULT '',
    transport TEXT DEFAULT '',
    code INTEGER DEFAULT 0,
    message TEXT DEFAULT ''
);
CREATE INDEX ix_audit_datum ON tb_audit (datum);
CREATE INDEX ix_audit_userid ON tb_audit (userid);

CREATE TABLE tb_scheduled (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
    enabled INTEGER DEFAULT 1,
    interval INTEGER DEFAULT 0,
    attime TEXT DEFAULT '',
    day TEXT DEFAULT '',
    action INTEGER DEFAULT 0,
    body TEXT DEFAULT '',
    lastrun TEXT DEFAULT '',
    lastresult TEXT DEFAULT ''
);

-- The small write that ends a checkpoint and pays the sync of the log's new header.
CREATE TABLE tb_checkpoint (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL
);
INSERT INTO tb_checkpoint VALUES (1, 0);

INSERT INTO tb_api (fname, customsql, req_user) VALUES
    ('custom_get_user', 'select * from tb_users where username = ''[SPARAM]''', 6),
    ('custom_set_user_comment',
     '*update tb_users set comment = ''[SPARAM2]'' WHERE username = ''[SPARAM1]''', 6);

-- The rate of each is 1 until somebody sets it: units for 1 of the default currency.
INSERT INTO tb_currencies (name, sign) VALUES
    ('USD', '$'), ('EUR', '€'), ('GBP', '£'), ('HUF', 'Ft'), ('CHF', 'CHF'), ('JPY', '¥'),
    ('CNY', '¥'), ('INR', '₹'), ('AUD', 'A$'), ('CAD', 'C$'), ('NZD', 'NZ$'), ('BRL', 'R$'),
    ('RON', 'lei'), ('PLN', 'zł'), ('CZK', 'Kč'), ('SEK', 'kr'), ('NOK', 'kr'), ('DKK', 'kr'),
    ('RUB', '₽'), ('TRY', '₺'), ('UAH', '₴'), ('ZAR', 'R'), ('MXN', 'Mex$'), ('ILS', '₪'),
    ('KRW', '₩'), ('VND', '₫'), ('NGN', '₦'), ('AED', 'AED'), ('SAR', 'SAR'), ('SGD', 'S$'),
    ('HKD', 'HK$');
"""

OUTGOING = """
-- What a mail or SMS says is forgotten once it has left where that is a secret.
ALTER TABLE tb_mailqueue ADD COLUMN secret INTEGER DEFAULT 0;
ALTER TABLE tb_smsqueue ADD COLUMN secret INTEGER DEFAULT 0;

-- Sign-ups that wait for their code, which comes with the password.
CREATE TABLE tb_pendingusers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL COLLATE NOCASE,
    deviceid TEXT NOT NULL DEFAULT '',
    fields TEXT NOT NULL DEFAULT '',
    codehash TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    expires TEXT NOT NULL,
    UNIQUE (username, deviceid)
);
CREATE INDEX ix_pendingusers_expires ON tb_pendingusers (expires);

CREATE TABLE tb_resetlinks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    userid INTEGER NOT NULL,
    tokenhash TEXT NOT NULL UNIQUE,
    expires TEXT NOT NULL
);
CREATE INDEX ix_resetlinks_userid ON tb_resetlinks (userid);
CREATE INDEX ix_resetlinks_expires ON tb_resetlinks (expires);
"""
