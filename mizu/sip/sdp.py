"""Session descriptions (RFC 4566) as far as a B2BUA looks into them (RFC 3264): addresses, ports, formats, direction.

A description is kept as the lines it came in, so that a correction touches its words and nothing else: unknown lines,
their order and their line ends stay.  Lenient: what is not understood is carried along.  Knows no codecs beyond
their registered numbers, and negotiates nothing.
"""

import re

from ..base.errors import RemoteProtocolError

MAX_MEDIA = 64          # streams of one description; a telephone has one to three
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
NOWHERE = ("0.0.0.0", "::", "0:0:0:0:0:0:0:0")          # the hold of RFC 2543

# Payload types with a fixed meaning (RFC 3551 6)
STATIC = {"0": "PCMU/8000", "3": "GSM/8000", "4": "G723/8000", "5": "DVI4/8000", "6": "DVI4/16000", "7": "LPC/8000",
          "8": "PCMA/8000", "9": "G722/8000", "10": "L16/44100/2", "11": "L16/44100", "12": "QCELP/8000",
          "13": "CN/8000", "14": "MPA/90000", "15": "G728/8000", "16": "DVI4/11025", "17": "DVI4/22050",
          "18": "G729/8000", "25": "CelB/90000", "26": "JPEG/90000", "28": "nv/90000", "31": "H261/90000",
          "32": "MPV/90000", "33": "MP2T/90000", "34": "H263/90000"}

_MEDIA = re.compile(r"m=(\S+) ([0-9]{1,5})(/[0-9]+)? (\S+)(?: (.*))?\r?", re.S).fullmatch
_CONNECTION = re.compile(r"c=(IN IP[46] )([^\s/]++)(\S*+\s*)").fullmatch
_ORIGIN = re.compile(r"o=(.* )(IP[46]) (\S+)(\s*)").fullmatch
_RTCP = re.compile(r"a=rtcp:([0-9]+)(?: (IN IP[46] )(\S+))?(\s*)").fullmatch


class Media:
    """One stream.

    kind        "audio", "video" …
    port        0: refused or ended (RFC 3264 6)
    proto       "RTP/AVP" …
    formats     payload types as text, in order of preference
    connection  address the stream is to be sent to, "" if none is given
    direction   one of DIRECTIONS, as the sender of the description sees it
    attributes  [(name, value or None)] of the a= lines
    lines       as received, the m= line first
    """
    __slots__ = ("kind", "port", "proto", "formats", "connection", "direction", "attributes", "lines")

    def __init__(self, line):
        match = _MEDIA(line)
        if match is None or int(match[2]) > 65535:
            raise RemoteProtocolError(400, "Bad media line")
        self.kind = match[1]
        self.port = int(match[2])
        self.proto = match[4]
        self.formats = match[5].split() if match[5] else []
        self.connection = self.direction = ""
        self.attributes = []
        self.lines = [line]

    def values(self, name):
        return [value for one, value in self.attributes if one == name]

    @property
    def rtpmap(self):
        """{payload type: "PCMU/8000"} of the formats that have a meaning."""
        told = dict(value.split(None, 1) for value in self.values("rtpmap") if value and len(value.split(None, 1)) == 2)
        return {one: name for one in self.formats if (name := told.get(one) or STATIC.get(one))}

    @property
    def held(self):
        return self.direction in ("sendonly", "inactive") or self.connection in NOWHERE


class Session:
    """A description: connection (address of the session level, "" if none) · direction of the session level ·
    origin, the text of o= · media · lines of the session level · attributes of the session level."""
    __slots__ = ("connection", "direction", "origin", "media", "attributes", "lines")

    def __init__(self):
        self.connection = self.direction = self.origin = ""
        self.media = []
        self.attributes = []
        self.lines = []


def parse(body):
    """Session; RemoteProtocolError 400 if it does not begin with v= or has a media line that is none."""
    text = body.decode("utf-8", "surrogateescape")
    if not text.startswith("v="):
        raise RemoteProtocolError(400, "Bad session description")
    session = part = Session()
    for line in text.split("\n"):
        kind = line[:2]
        if kind == "m=":
            part = Media(line)
            session.media.append(part)
            if len(session.media) > MAX_MEDIA:
                raise RemoteProtocolError(400, "Too many media")
            continue
        part.lines.append(line)
        if kind == "a=":
            _attribute(part, line[2:].rstrip())
        elif kind == "c=" and (match := _CONNECTION(line)):
            part.connection = match[2]
        elif kind == "o=" and part is session:
            session.origin = line[2:].rstrip()
    for media in session.media:
        media.connection = media.connection or session.connection
        media.direction = media.direction or session.direction or "sendrecv"
    return session


def _attribute(part, text):
    name, colon, value = text.partition(":")
    part.attributes.append((name, value if colon else None))
    if name in DIRECTIONS and not colon:
        part.direction = name


def render(session):
    """The lines as they are now; of an untouched description what it came from."""
    lines = session.lines + [line for media in session.media for line in media.lines]
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def with_address(body, host, ports=()):
    """The description with `host` in o= and every c= (but not where 0.0.0.0 holds the stream), and the port of the
    n-th stream replaced by ports[n] unless that is None or the stream is refused; its a=rtcp follows."""
    session = parse(body)
    session.lines = [_move(line, host) for line in session.lines]
    for number, media in enumerate(session.media):
        port = ports[number] if number < len(ports) and media.port else None
        media.lines = [_move(line, host, port) for line in media.lines]
    return render(session)


def _move(line, host, port=None):
    """The line with another address and port."""
    kind = line[:2]
    family = "IP6" if ":" in host else "IP4"
    if kind == "c=" and (match := _CONNECTION(line)) and match[2] not in NOWHERE:
        return f"c=IN {family} {host}{match[3]}"
    if kind == "o=" and (match := _ORIGIN(line)):
        return f"o={match[1]}{family} {host}{match[4]}"
    if kind == "m=" and port is not None:
        head, _, rest = line.partition(" ")
        old, space, rest = rest.partition(" ")
        _, slash, count = old.partition("/")
        return f"{head} {port}{slash}{count}{space}{rest}"
    if kind == "a=" and (match := _RTCP(line)):
        place = f" IN {family} {host}" if match[2] and match[3] not in NOWHERE else ""
        return f"a=rtcp:{match[1] if port is None else port + 1}{place}{match[4]}"
    return line


def is_hold(session):
    """Does the sender of this description put the call on hold (RFC 3264 8.4)?  Every stream that lives is held."""
    living = [media for media in session.media if media.port]
    return bool(living) and all(media.held for media in living)


def address_of(body):
    """Where the first living stream is to be sent to; "" if the description does not say."""
    media = _first(body)
    return media.connection if media else ""


def codec(body):
    """The name of the first format of the first living stream ("PCMU"), "" if there is none."""
    media = _first(body)
    names = list(media.rtpmap.values()) if media else ()
    return names[0].partition("/")[0] if names else ""


def _first(body):
    try:
        return next((media for media in parse(body).media if media.port), None)
    except RemoteProtocolError:
        return None
