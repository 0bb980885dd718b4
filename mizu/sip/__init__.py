"""SIP as text: messages, headers, URIs, digests, transactions, dialogs.  Pure: no sockets, clocks, chance."""
