"""Accounts and what belongs to them: the SQL of DATA.md's tb_users, its numbers and addresses.

Names are an interface (custom SQL, `u_field`); defaults are what a row gets that names nothing.
`credit` is exact to the micro-unit below 1e9: see tables_money for the triggers that keep it so.
"""

SQL = """
CREATE TABLE tb_users (
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id > 0),
    -- who
    username TEXT NOT NULL COLLATE NOCASE UNIQUE CHECK (username <> '' AND instr(username, ' ') = 0),
    password TEXT NOT NULL DEFAULT '',
    ha1 TEXT DEFAULT '',
    passwordhash TEXT DEFAULT '',
    pin TEXT DEFAULT '',
    type INTEGER NOT NULL DEFAULT 0,
    isoperator INTEGER DEFAULT 0,
    name TEXT DEFAULT '' COLLATE NOCASE,
    name2 TEXT DEFAULT '' COLLATE NOCASE,
    contactname TEXT DEFAULT '' COLLATE NOCASE,
    displayname TEXT DEFAULT '' COLLATE NOCASE,
    parentid INTEGER DEFAULT 0,
    billinguserid INTEGER DEFAULT 0,
    usergroup TEXT DEFAULT '',
    belongstocompany INTEGER DEFAULT 0,
    iscompany INTEGER DEFAULT 0,
    shorttelnumber TEXT DEFAULT '',
    telnumber TEXT DEFAULT '',
    phone TEXT DEFAULT '',
    email TEXT DEFAULT '' COLLATE NOCASE,
    email2 TEXT DEFAULT '' COLLATE NOCASE,
    fax TEXT DEFAULT '',
    address TEXT DEFAULT '',
    billaddress TEXT DEFAULT '',
    postaddress TEXT DEFAULT '',
    country TEXT DEFAULT '',
    regnumber TEXT DEFAULT '',
    euregnumber TEXT DEFAULT '',
    birthday TEXT DEFAULT '',
    gender TEXT DEFAULT '',
    language TEXT DEFAULT '',
    utc TEXT DEFAULT '',
    addedby INTEGER DEFAULT 0,
    adddate TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    comment TEXT DEFAULT '',
    deviceid TEXT DEFAULT '',
    rights INTEGER DEFAULT 0,
    brandname TEXT DEFAULT '',
    companyname TEXT DEFAULT '',
    upperserver TEXT DEFAULT '',
    upperserverdomain TEXT DEFAULT '',
    forgotpasswordquestion TEXT DEFAULT '',
    forgotpasswordanswer TEXT DEFAULT '',
    needauth INTEGER DEFAULT 4,
    -- money
    credit REAL NOT NULL DEFAULT 0 CHECK (typeof(credit) = 'real' AND abs(credit) < 1e9),
    credit_u INTEGER GENERATED ALWAYS AS (CAST(round(credit * 1000000) AS INTEGER)) VIRTUAL,
    postpaid INTEGER DEFAULT 0,
    currency TEXT DEFAULT '' COLLATE NOCASE,
    packetid INTEGER DEFAULT 0,
    commission REAL DEFAULT 0,
    reduction REAL DEFAULT 0,
    billingday INTEGER DEFAULT 1,
    paymentmode INTEGER DEFAULT 0,
    dailylimit REAL DEFAULT 0,
    monthlylimit REAL DEFAULT 0,
    maxlines INTEGER DEFAULT 0,
    -- state
    enabled INTEGER DEFAULT 1,
    temporarydisabled INTEGER DEFAULT 0,
    temporarilydisabled INTEGER GENERATED ALWAYS AS (temporarydisabled) VIRTUAL,
    status INTEGER DEFAULT 0,
    statusdate TEXT DEFAULT '',
    ip TEXT DEFAULT '',
    port INTEGER DEFAULT 0,
    equipment TEXT DEFAULT '',
    regival INTEGER DEFAULT 0,
    -- trunks
    authip TEXT DEFAULT '',
    domainname TEXT DEFAULT '',
    protocol INTEGER DEFAULT 0,
    techprefix TEXT DEFAULT '',
    transip TEXT DEFAULT '',
    proxy TEXT DEFAULT '',
    needregister INTEGER DEFAULT 0,
    upperusername TEXT DEFAULT '',
    upperpassword TEXT DEFAULT '',
    allowedpartners TEXT DEFAULT '',
    enabledprefixes TEXT DEFAULT '',
    blockprefixes TEXT DEFAULT '',
    -- media and caller id
    routertpcaller INTEGER DEFAULT 0,
    routertpcalled INTEGER DEFAULT 0,
    cli INTEGER DEFAULT 1,
    record INTEGER DEFAULT 0,
    choosecodecs TEXT DEFAULT '',
    needcodeconversion INTEGER DEFAULT 0,
    convertdtmf INTEGER DEFAULT 0,
    changesptoring INTEGER DEFAULT 0,
    musiconhold TEXT DEFAULT '',
    -- calls
    ringgroup TEXT DEFAULT '',
    rgmode INTEGER DEFAULT 0,
    candial INTEGER DEFAULT 1,
    usecallingcard INTEGER DEFAULT 0,
    ivrid INTEGER DEFAULT 0,
    iscallback INTEGER DEFAULT 0,
    anumberlookup INTEGER DEFAULT 0,
    ivrbilling INTEGER DEFAULT 0,
    forwardonbusy TEXT DEFAULT '',
    forwardonnoanswer TEXT DEFAULT '',
    forwardalways TEXT DEFAULT '',
    forwardearlystart INTEGER DEFAULT 0,
    noanswertimeout INTEGER DEFAULT 15,
    voicemail INTEGER DEFAULT 0,
    voicemailonbusy INTEGER DEFAULT 0,
    voicemailonnoansw INTEGER DEFAULT 0,
    voicemailalways INTEGER DEFAULT 0,
    playadv INTEGER DEFAULT 0,
    playdisc INTEGER DEFAULT 0,
    connectvoice TEXT DEFAULT '',
    discvoice TEXT DEFAULT '',
    -- notices
    sendsmsalert INTEGER DEFAULT 0,
    sendemailalert INTEGER DEFAULT 0,
    sendsmsreport INTEGER DEFAULT 0,
    senddailyemail INTEGER DEFAULT 0,
    sendlowcreditemail INTEGER DEFAULT 0,
    sendmonthlyemail INTEGER DEFAULT 0,
    sendotheremail INTEGER DEFAULT 0,
    notifymissedsms INTEGER DEFAULT 0,
    notifymissedemail INTEGER DEFAULT 0
);
CREATE INDEX ix_users_type ON tb_users (type);
CREATE INDEX ix_users_parentid ON tb_users (parentid) WHERE parentid <> 0;
CREATE INDEX ix_users_pin ON tb_users (pin) WHERE pin <> '';
CREATE INDEX ix_users_telnumber ON tb_users (telnumber) WHERE telnumber <> '';
CREATE INDEX ix_users_name ON tb_users (name) WHERE name <> '';
CREATE INDEX ix_users_email ON tb_users (email) WHERE email <> '';
CREATE INDEX ix_users_authip ON tb_users (authip) WHERE authip <> '';

CREATE TABLE tb_users_authip (
    id INTEGER PRIMARY KEY,
    userid INTEGER NOT NULL,
    authip TEXT NOT NULL COLLATE NOCASE,
    port INTEGER DEFAULT 0
);
CREATE INDEX ix_users_authip_userid ON tb_users_authip (userid);
CREATE INDEX ix_users_authip_authip ON tb_users_authip (authip);

CREATE TABLE tb_users_numbers (
    id INTEGER PRIMARY KEY,
    userid INTEGER NOT NULL,
    number TEXT NOT NULL,
    kind TEXT NOT NULL DEFAULT 'did'
);
CREATE INDEX ix_users_numbers_userid ON tb_users_numbers (userid);
CREATE INDEX ix_users_numbers_number ON tb_users_numbers (number);

CREATE TABLE tb_pushtokens (
    id INTEGER PRIMARY KEY,
    userid INTEGER NOT NULL,
    platform TEXT NOT NULL DEFAULT '',
    package TEXT DEFAULT '',
    token TEXT NOT NULL,
    deviceid TEXT DEFAULT '',
    datum TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    UNIQUE (userid, token)
);

CREATE TABLE tb_presence (
    id INTEGER PRIMARY KEY,
    userid INTEGER NOT NULL UNIQUE,
    status TEXT NOT NULL DEFAULT '',
    datum TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
"""

LISTS = """
-- A page of a long list is read along them; the usual filters of lists are in them, too.
CREATE INDEX ix_users_added ON tb_users (adddate, id, type, isoperator, enabled, temporarydisabled, parentid);
CREATE INDEX ix_users_used ON tb_users (statusdate DESC, id, type, isoperator, enabled, temporarydisabled, parentid);
CREATE INDEX ix_users_off ON tb_users (id) WHERE enabled = 0 OR temporarydisabled = 1;
CREATE INDEX ix_users_active ON tb_users (id) WHERE status > 0;
"""

CALLERS = """
CREATE INDEX ix_users_needauth ON tb_users (needauth);
CREATE INDEX ix_users_shorttelnumber ON tb_users (shorttelnumber) WHERE shorttelnumber <> '';
"""
