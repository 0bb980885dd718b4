"""A second, plain reader of SIP messages, octet by octet and slow: what the mutation tests compare with."""

LONG = {b"v": b"via", b"f": b"from", b"t": b"to", b"i": b"call-id", b"l": b"content-length", b"m": b"contact",
        b"c": b"content-type", b"k": b"supported", b"x": b"session-expires", b"s": b"subject", b"r": b"refer-to",
        b"b": b"referred-by", b"o": b"event", b"u": b"allow-events", b"e": b"content-encoding", b"a": b"accept-contact",
        b"d": b"request-disposition", b"j": b"reject-contact", b"n": b"identity-info", b"y": b"identity"}
ONCE = b"from to call-id cseq max-forwards content-length content-type session-expires expires date".split()
TOKEN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~"


def read(data):
    """(start line, {name: [value]}, body), or None for what must be refused whatever its values mean."""
    while data[:1] in (b"\r", b"\n"):
        data = data[1:]
    head, empty, body = data.partition(b"\r\n\r\n")
    if not empty or len(data) > 65536:
        return None
    if controls(head.replace(b"\r\n", b"  ")):
        return None
    lines = []
    for number, line in enumerate(head.split(b"\r\n")):
        if number > 1 and line[:1] in (b" ", b"\t") and b":" in lines[-1]:
            lines[-1] = (lines[-1].rstrip(b" \t") + b" " + line.strip(b" \t")).rstrip(b" ")
        else:
            lines.append(line)
    fields = {}
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        name = name.rstrip(b" \t").lower()
        if not colon or not name or any(octet not in TOKEN for octet in name):
            return None
        fields.setdefault(LONG.get(name, name), []).append(value.strip(b" \t"))
    if any(len(fields.get(name, ())) > 1 for name in ONCE):
        return None
    if any(not fields.get(name) for name in (b"via", b"from", b"to", b"call-id", b"cseq")):
        return None
    if not sound(lines[0], fields):
        return None
    length = fields.pop(b"content-length", [b"%d" % len(body)])[0]
    if not number_of(length, len(body)):
        return None
    return lines[0], fields, body[:int(length)]


def controls(text):
    """Is there a control character without a backslash before it, or a bare line break?"""
    quoted = False
    for octet in text:
        if octet in b"\r\n" or (octet < 32 and octet != 9 or octet == 127) and not quoted:
            return True
        quoted = octet == 92 and not quoted
    return False


def number_of(text, top):
    return len(text) > 0 and all(octet in b"0123456789" for octet in text) and int(text) <= top


def sound(start, fields):
    """The start line and the numbers."""
    pieces = start.split(b" ")
    cseq = fields[b"cseq"][0].split()
    if len(cseq) != 2 or not number_of(cseq[0], 2**31 - 1) or any(octet not in TOKEN for octet in cseq[1]):
        return False
    if start[:4].upper() == b"SIP/":
        return pieces[0].upper() == b"SIP/2.0" and len(pieces) > 1 and len(pieces[1]) == 3 and number_of(pieces[1],
            699) \
            and int(pieces[1]) > 99
    if len(pieces) != 3 or pieces[2].upper() != b"SIP/2.0" or pieces[0] != cseq[1]:
        return False
    return not fields.get(b"max-forwards") or number_of(fields[b"max-forwards"][0], 255)
