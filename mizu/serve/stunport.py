"""Binding requests of STUN over UDP (RFC 8489 6.3): who asks is told from where his datagram came.

It is the keep-alive of SIP over UDP (RFC 5626 4.4.2): a device learns that its flow is alive, and whether a NAT has
given it another address.  So it is answered on every port that speaks SIP, from the address that was asked.  Nothing
is kept, nobody has to prove anything, and what is no Binding request gets no answer: two servers never talk to each
other.  Streams keep alive by CRLF (4.4.1).
"""

from ..base.errors import RemoteProtocolError
from ..net.addresses import unmapped
from ..wire.stun import (BINDING, ERROR, ERROR_CODE, FINGERPRINT, REQUEST, SUCCESS, UNKNOWN_ATTRIBUTES,
                         XOR_MAPPED_ADDRESS, error_code, parse, render, unknown_attributes, xor_mapped)

MOST = 548
"""Bytes of a request (6.1: what every path carries); a Binding request has some 20 to 100."""


class StunPort:
    """admits(host, data): whether a datagram of an unproven sender may be answered now."""

    def __init__(self, admits):
        self.admits = admits
        self.answered = self.dropped = 0

    def datagram(self, data, addr, local):
        """A datagram that looks like STUN came from the kernel's address `addr` to `local`, which sends the answer."""
        host = unmapped(addr[0])
        answer = answer_to(data, host, addr[1]) if len(data) <= MOST and self.admits(host, data) else None
        if answer is None:
            self.dropped += 1
        else:
            self.answered += 1
            local.send(answer, addr)


def answer_to(data, host, port):
    """The answer to a Binding request from there, else None.

    It has no SOFTWARE and no reason: a sender can be forged, and STUN itself already needs 12 bytes more than a bare
    request of 20 (24 over IPv6).  It is never longer than that: a 420 takes two bytes for each type that took four.
    """
    try:
        request = parse(data)
    except RemoteProtocolError:
        return None
    if request.kind != REQUEST or request.method != BINDING:
        return None
    unknown = request.unknown()
    if unknown:
        kind, fields = ERROR, [(ERROR_CODE, error_code(420)), (UNKNOWN_ATTRIBUTES, unknown_attributes(unknown))]
    else:
        kind, fields = SUCCESS, [(XOR_MAPPED_ADDRESS, xor_mapped(host, port, request.id))]
    return render(kind, BINDING, request.id, fields, fingerprint=request.get(FINGERPRINT) is not None)
