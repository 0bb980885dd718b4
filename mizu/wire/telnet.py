"""The telnet protocol under the console: RFC 854 and 855, ECHO (857), SUPPRESS-GO-AHEAD (858), NAWS (1073).

Options are negotiated by RFC 1143 without its queues, since we ask for each option
once and never take it back: one table for both sides, at most one answer to a
change, so that no peer can make it talk in circles.  Knows no sockets and no
commands; who speaks no telnet at all (netcat) passes through unchanged but for
CR LF, which becomes one LF.
"""

import re

SE, NOP, DM, BRK, IP, AO, AYT, EC, EL, GA, SB, WILL, WONT, DO, DONT, IAC = range(240, 256)
ECHO, SGA, NAWS = 1, 3, 31

NO, WANTYES, YES, REFUSED = range(4)
US, HIM = 0, 1

SUPPORTED = {(US, ECHO), (US, SGA), (HIM, SGA), (HIM, NAWS)}

VERBS = {               # verb received: whose option it is about, whether it is to be on
    WILL: (HIM, True), WONT: (HIM, False), DO: (US, True), DONT: (US, False),
}
AGREE = {US: WILL, HIM: DO}
REFUSE = {US: WONT, HIM: DONT}

NEGOTIATION = {         # (state, on, supported): (next state, what answers)
    (NO, True, True): (YES, AGREE),
    (NO, True, False): (REFUSED, REFUSE),
    (NO, False, True): (NO, None),
    (NO, False, False): (NO, None),
    (WANTYES, True, True): (YES, None),
    (WANTYES, False, True): (NO, None),
    (YES, True, True): (YES, None),
    (YES, False, True): (NO, REFUSE),
    (REFUSED, True, False): (REFUSED, None),
    (REFUSED, False, False): (REFUSED, None),
}

KEYS = {IP: 0x03, BRK: 0x03, EC: 0x7F, EL: 0x15}        # command: the control character of the same meaning

SB_LIMIT = 64           # bytes of one subnegotiation; NAWS needs 5
SIZES = (20, 512)       # columns and lines that are believed; a list is laid out to them

_SPECIAL = re.compile(rb"[\r\xff]")
_LONE_CR = re.compile(rb"\r(?![\n\0])")


class Telnet:
    """One connection's filter; `width` and `height` of the far terminal, 80 by 24 until it says otherwise."""
    __slots__ = ("width", "height", "_options", "_state", "_verb", "_sub")

    def __init__(self):
        self.width = 80
        self.height = 24
        self._options = {}              # (side, option): state, NO where absent
        self._state = "data"
        self._verb = None
        self._sub = bytearray()

    @property
    def character_mode(self):
        """Whether the far end lets us echo and sends every key at once."""
        return self._options.get((US, ECHO)) == self._options.get((US, SGA)) == YES

    def offer(self):
        """The bytes that ask for character mode and the size of the window."""
        out = bytearray()
        for side, option in ((US, ECHO), (US, SGA), (HIM, SGA), (HIM, NAWS)):
            if self._options.get((side, option), NO) == NO:
                self._options[side, option] = WANTYES
                out += bytes((IAC, AGREE[side], option))
        return bytes(out)

    @staticmethod
    def escape(data):
        """Data as it travels: IAC twice, and a CR that begins no CR LF as CR NUL (RFC 854 page 11)."""
        return _LONE_CR.sub(b"\r\0", data).replace(b"\xff", b"\xff\xff")

    def feed(self, data):
        """(data without telnet in it, bytes to answer); CR LF, CR NUL and a lone CR are one LF."""
        clean, reply, position = bytearray(), bytearray(), 0
        while position < len(data):
            if self._state == "data":
                special = _SPECIAL.search(data, position)
                end = special.start() if special else len(data)
                clean += data[position:end]
                position = end
                if not special:
                    break
            self._state = _STATES[self._state](self, data[position], clean, reply)
            position += 1
        return bytes(clean), bytes(reply)

    def _in_data(self, byte, clean, reply):
        if byte == IAC:
            return "iac"
        if byte == 0x0D:
            clean.append(0x0A)
            return "cr"
        clean.append(byte)
        return "data"

    def _after_cr(self, byte, clean, reply):
        return "data" if byte in (0x00, 0x0A) else self._in_data(byte, clean, reply)

    def _after_iac(self, byte, clean, reply):
        if byte in VERBS:
            self._verb = byte
            return "option"
        if byte == SB:
            self._sub.clear()
            return "sub"
        if byte == IAC:
            clean.append(IAC)
        elif byte in KEYS:
            clean.append(KEYS[byte])
        elif byte == AYT and not reply.endswith(b"[yes]\r\n"):      # a burst of questions is answered once
            reply += b"[yes]\r\n"
        return "data"

    def _in_option(self, option, clean, reply):
        side, on = VERBS[self._verb]
        state = self._options.get((side, option), NO)
        self._options[side, option], answer = NEGOTIATION[state, on, (side, option) in SUPPORTED]
        if answer:
            reply += bytes((IAC, answer[side], option))
        return "data"

    def _in_sub(self, byte, clean, reply):
        if byte == IAC:
            return "sub iac"
        if len(self._sub) < SB_LIMIT:                               # the rest is dropped and makes it unknown
            self._sub.append(byte)
        return "sub"

    def _in_sub_iac(self, byte, clean, reply):
        if byte == IAC:
            if len(self._sub) < SB_LIMIT:
                self._sub.append(IAC)
            return "sub"
        if byte == SE:
            self._subnegotiation()
            return "data"
        return self._after_iac(byte, clean, reply)                  # its SE is missing: the command counts

    def _subnegotiation(self):
        if len(self._sub) == 5 and self._sub[0] == NAWS:
            low, high = SIZES
            width, height = int.from_bytes(self._sub[1:3], "big"), int.from_bytes(self._sub[3:5], "big")
            self.width = min(max(width, low), high) if width else 80        # 0: the terminal does not know
            self.height = min(max(height, 1), high) if height else 24


_STATES = {
    "data": Telnet._in_data,
    "cr": Telnet._after_cr,
    "iac": Telnet._after_iac,
    "option": Telnet._in_option,
    "sub": Telnet._in_sub,
    "sub iac": Telnet._in_sub_iac,
}
