"""Calls, routes, numbers and messages: the SQL of DATA.md's tables from tb_cdrs to tb_recordings.

Columns that users of the original server know come first, ours after them.
"""

SQL = """
CREATE TABLE tb_cdrs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    datum TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    callstartdate TEXT DEFAULT '',
    connectdate TEXT DEFAULT '',
    callerid INTEGER DEFAULT 0,
    calledid INTEGER DEFAULT 0,
    callernumber TEXT DEFAULT '',
    callednumber TEXT DEFAULT '',
    origcallerid TEXT DEFAULT '',
    realduration INTEGER DEFAULT 0,
    origduration INTEGER DEFAULT 0,
    alegduration INTEGER DEFAULT 0,
    blegduration INTEGER DEFAULT 0,
    sipcallid TEXT DEFAULT '',
    discreason INTEGER DEFAULT 0,
    disctext TEXT DEFAULT '',
    discside TEXT DEFAULT '',
    mark TEXT DEFAULT '',
    unitprice REAL DEFAULT 0,
    billingstep INTEGER DEFAULT 0,
    billingentry INTEGER DEFAULT 0,
    costenduser REAL DEFAULT 0,
    costprovider REAL DEFAULT 0,
    costcompany REAL DEFAULT 0,
    costsales REAL DEFAULT 0,
    costother REAL DEFAULT 0,
    currency TEXT DEFAULT '' COLLATE NOCASE,
    resellerid INTEGER DEFAULT 0,
    accessnumber TEXT DEFAULT '',
    dirid INTEGER DEFAULT 0,
    callerip TEXT DEFAULT '',
    calledip TEXT DEFAULT '',
    codec TEXT DEFAULT '',
    callerpackets INTEGER DEFAULT 0,
    callerlost INTEGER DEFAULT 0,
    callerjitter INTEGER DEFAULT 0,
    calledpackets INTEGER DEFAULT 0,
    calledlost INTEGER DEFAULT 0,
    calledjitter INTEGER DEFAULT 0,
    recordfile TEXT DEFAULT '',
    comment TEXT DEFAULT ''
);
CREATE INDEX ix_cdrs_datum ON tb_cdrs (datum);
CREATE INDEX ix_cdrs_callerid_datum ON tb_cdrs (callerid, datum);
CREATE INDEX ix_cdrs_calledid_datum ON tb_cdrs (calledid, datum);
CREATE INDEX ix_cdrs_sipcallid ON tb_cdrs (sipcallid) WHERE sipcallid <> '';

CREATE TABLE tb_cdrresellers (
    id INTEGER PRIMARY KEY,
    cdrid INTEGER NOT NULL,
    resellerid INTEGER NOT NULL,
    level INTEGER DEFAULT 0,
    datum TEXT DEFAULT '',
    unitprice REAL DEFAULT 0,
    billingentry INTEGER DEFAULT 0,
    cost REAL DEFAULT 0,
    currency TEXT DEFAULT '' COLLATE NOCASE
);
CREATE INDEX ix_cdrresellers_cdrid ON tb_cdrresellers (cdrid);
CREATE INDEX ix_cdrresellers_resellerid_datum ON tb_cdrresellers (resellerid, datum);
CREATE INDEX ix_cdrresellers_datum ON tb_cdrresellers (datum);

CREATE TABLE tb_cdrinfo (
    id INTEGER PRIMARY KEY,
    day TEXT NOT NULL UNIQUE,
    cdrc INTEGER DEFAULT 0,
    succ INTEGER DEFAULT 0,
    sl INTEGER DEFAULT 0,
    endusercost REAL DEFAULT 0,
    providercost REAL DEFAULT 0,
    salescost REAL DEFAULT 0,
    companycost REAL DEFAULT 0,
    othercost REAL DEFAULT 0
);

CREATE TABLE tb_cdrlines (
    id INTEGER PRIMARY KEY,
    cdrid INTEGER NOT NULL
);

CREATE TABLE tb_routing (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
    enabled INTEGER DEFAULT 1,
    callerpattern TEXT DEFAULT '',
    callertype INTEGER DEFAULT -1,
    prefix TEXT DEFAULT '',
    timetype INTEGER DEFAULT 10,
    serverid INTEGER DEFAULT 0,
    priority INTEGER DEFAULT 7,
    weight INTEGER DEFAULT 1,
    techprefix TEXT DEFAULT '',
    rewrite TEXT DEFAULT ''
);
CREATE INDEX ix_routing_serverid ON tb_routing (serverid);

CREATE TABLE tb_dialplan (
    id INTEGER PRIMARY KEY,
    pattern TEXT NOT NULL DEFAULT '',
    replacement TEXT DEFAULT '',
    direction INTEGER DEFAULT 0,
    priority INTEGER DEFAULT 7
);

CREATE TABLE tb_portednumbers (
    id INTEGER PRIMARY KEY,
    number TEXT NOT NULL,
    providerpx TEXT DEFAULT '',
    newnumber TEXT DEFAULT '',
    newdomain TEXT DEFAULT '',
    newport INTEGER DEFAULT 0,
    priority INTEGER DEFAULT 7
);
CREATE INDEX ix_portednumbers_number ON tb_portednumbers (number);

CREATE TABLE tb_telnumbers (
    id INTEGER PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    ttype INTEGER DEFAULT 0,
    free INTEGER DEFAULT 1,
    location INTEGER DEFAULT 0,
    lockedby INTEGER DEFAULT 0,
    lockeduntil TEXT DEFAULT '',
    country TEXT DEFAULT '',
    price REAL DEFAULT 0
);
CREATE INDEX ix_telnumbers_ttype_free ON tb_telnumbers (ttype, free);
CREATE INDEX ix_telnumbers_location ON tb_telnumbers (location) WHERE location <> 0;

CREATE TABLE tb_smsqueue (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    userid INTEGER DEFAULT 0,
    datum TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    fromnumber TEXT DEFAULT '',
    tonumber TEXT NOT NULL DEFAULT '',
    message TEXT DEFAULT '',
    unicode INTEGER DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'queued',
    tries INTEGER DEFAULT 0,
    nexttry TEXT DEFAULT '',
    cost REAL DEFAULT 0,
    ledgerid INTEGER DEFAULT 0,
    gatewayid TEXT DEFAULT '',
    error TEXT DEFAULT ''
);
CREATE INDEX ix_smsqueue_state_nexttry ON tb_smsqueue (state, nexttry);
CREATE INDEX ix_smsqueue_gatewayid ON tb_smsqueue (gatewayid) WHERE gatewayid <> '';

CREATE TABLE tb_mailqueue (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    userid INTEGER DEFAULT 0,
    datum TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    fromaddress TEXT DEFAULT '',
    toaddress TEXT NOT NULL DEFAULT '',
    subject TEXT DEFAULT '',
    message TEXT DEFAULT '',
    state TEXT NOT NULL DEFAULT 'queued',
    tries INTEGER DEFAULT 0,
    nexttry TEXT DEFAULT '',
    error TEXT DEFAULT ''
);
CREATE INDEX ix_mailqueue_state_nexttry ON tb_mailqueue (state, nexttry);

CREATE TABLE tb_offlinemessages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    userid INTEGER NOT NULL,
    datum TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    fromuser TEXT NOT NULL DEFAULT '',
    contenttype TEXT DEFAULT 'text/plain',
    message TEXT DEFAULT ''
);
CREATE INDEX ix_offlinemessages_userid ON tb_offlinemessages (userid);

CREATE TABLE tb_voicemail (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    userid INTEGER NOT NULL,
    datum TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    callernumber TEXT DEFAULT '',
    duration INTEGER DEFAULT 0,
    filename TEXT NOT NULL DEFAULT '',
    heard INTEGER DEFAULT 0
);
CREATE INDEX ix_voicemail_userid ON tb_voicemail (userid);

CREATE TABLE tb_conferences (
    id INTEGER PRIMARY KEY,
    userid INTEGER NOT NULL,
    room TEXT NOT NULL UNIQUE,
    pin TEXT DEFAULT '',
    maxmembers INTEGER DEFAULT 0,
    enabled INTEGER DEFAULT 1
);
CREATE INDEX ix_conferences_userid ON tb_conferences (userid);

CREATE TABLE tb_recordings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    cdrid INTEGER DEFAULT 0,
    userid INTEGER DEFAULT 0,
    sipcallid TEXT DEFAULT '',
    datum TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    callernumber TEXT DEFAULT '',
    callednumber TEXT DEFAULT '',
    duration INTEGER DEFAULT 0,
    filename TEXT NOT NULL DEFAULT ''
);
CREATE INDEX ix_recordings_cdrid ON tb_recordings (cdrid);
CREATE INDEX ix_recordings_userid_datum ON tb_recordings (userid, datum);
CREATE INDEX ix_recordings_sipcallid ON tb_recordings (sipcallid) WHERE sipcallid <> '';
"""

LOCKED_NUMBERS = """
CREATE INDEX ix_telnumbers_lockedby ON tb_telnumbers (lockedby) WHERE lockedby <> 0;
"""

LOCATIONS = """
-- ip, port: the far end of the flow; localip, localport: ours; expires, registered: unix seconds; path: one a line.
CREATE TABLE tb_locations (
    id INTEGER PRIMARY KEY,
    userid INTEGER NOT NULL,
    contact TEXT NOT NULL,
    instance TEXT DEFAULT '',
    regid INTEGER DEFAULT 0,
    q REAL DEFAULT 1,
    expires INTEGER NOT NULL,
    callid TEXT DEFAULT '',
    cseq INTEGER DEFAULT 0,
    useragent TEXT DEFAULT '',
    path TEXT DEFAULT '',
    ip TEXT DEFAULT '',
    port INTEGER DEFAULT 0,
    transport TEXT DEFAULT '',
    localip TEXT DEFAULT '',
    localport INTEGER DEFAULT 0,
    natted INTEGER DEFAULT 0,
    push TEXT DEFAULT '',
    methods TEXT DEFAULT '',
    registered INTEGER DEFAULT 0
);
CREATE INDEX ix_users_status ON tb_users (status) WHERE status > 0;
"""

SUMMARY_CURRENCY = "ALTER TABLE tb_cdrinfo ADD COLUMN currency TEXT DEFAULT '' COLLATE NOCASE;\n"
