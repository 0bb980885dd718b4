"""The only room with sockets, selectors and threads; knows no protocol.

reactor (the loop), selector (what it waits with), stream (one TCP connection),
streams (all of them: limits, deadlines, TLS handshakes), listen, datagram,
bind (getting a port, or saying who has it), addresses (our own, the LAN's),
workers (threads for calls that block), notify (the service manager).
"""
