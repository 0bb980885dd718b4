"""mizud: a complete VoIP softswitch in one Python process with no dependency at all.

The map of the house.  Imports only go down; `tests/test_house.py` holds the table.

    daemon      the process: arguments, signals, privileges, readiness
    firststart  the data folder, and what the first start puts into it
    importer    the programs import and export of price lists
    doctor      the program that looks at an installation
    server      class Server: builds every service in floor order; the one file that knows all of them
    switch      class Switch: its telephone switch, where agent, plan, bridge and bill come together
    base/       0  words and tools everybody uses: message, errors, task, clock, entropy, circles
    wire/       1  bytes <-> values, no sockets: sniff, http1, websocket, line, telnet, tls, dns, stun
    formats/    1  request formats in, answer formats out
    sip/        1  SIP as text and machines: message, parser, digest, sdp; transactions, their layer, dialogs; locate
    net/        1  the only sockets: reactor, stream, datagram, listen, connect, resolver, workers
    store/      2  SQLite: db, unit, group, schema, options, settings, T-SQL dialect
    records/    3  one file owns each table, its SQL and its rules: users, ledger, rates, cdrs, locations, routing …
    calls/      4  telephony without a word of SIP: plan, planner, bridge, hunt, transfer, meter, board, story
    api/        5  command (declaration), decode, auth, access, limits, dispatch, custom, actions, manual
    ua/         5  RFC 3261 transaction users: agent, gate, guard, digests, registrar, legs, offers, dialer, trunks
    commands/   6  the commands, one file a topic
    serve/      7  front (listen, sniff, hand over), httpd, websockets, lines, datagrams, SIP, STUN, console, HEP
"""

VERSION = "0.1"
