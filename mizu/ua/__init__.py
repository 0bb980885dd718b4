"""User agents of ours: who registers, who calls, whom we call (RFC 3261 8, 10, 13-15); no sockets."""
