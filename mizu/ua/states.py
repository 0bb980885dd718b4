"""How far a leg has come."""

CALLING, EARLY, ANSWERED, TALKING, LEAVING, ENDED = range(6)
"""Nothing yet · a provisional answer · 200 sent or received, no ACK yet · confirmed · hung up, but the BYE has to wait,
for the ACK of our 200 (15) or the answer to our last news · silent for ever."""

GONE = (408, 481)
"""RFC 3261 12.2.1.2: a request of the dialog that is answered so ends it; 0 stands for a broken transport."""
