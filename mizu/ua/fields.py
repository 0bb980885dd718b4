"""Header fields that pass from one side of a call to the other; all others tell of one side alone, and stay there."""

from ..base.errors import RemoteProtocolError

PASSED = frozenset(("Alert-Info", "Call-Info", "Diversion", "History-Info", "Subject", "Priority", "User-To-User",
                    "Geolocation", "Reason", "Answer-Mode", "Priv-Answer-Mode", "Organization"))
OWN = frozenset(("X-MAPI", "X-MPUSH"))
"""Fields of a message that go to the other side with every X- field; those of the X- that are meant for us."""

TELLING = frozenset(("Call-Info", "Organization", "Subject"))
"""RFC 3323 5.1: fields of the user's own that stay here where he asks for privacy."""

MOST_PASSED = 30
"""Fields that are passed on: a message of 64 KiB could bring a thousand, and every leg would send them."""


def words(message, name):
    """The values of a field in lower case, [] if it is broken: a response cannot be refused."""
    if name not in message.fields:
        return []
    try:
        return [item.strip().lower() for item in message.items(name)]
    except RemoteProtocolError:
        return []


def passed_fields(message):
    """[(name, value)] of a message that go to the other side."""
    names = [name for name in message.fields if name in PASSED or name[:2] == "X-"]
    if not names:
        return names
    kept = OWN if message.get("Privacy", "none").strip().lower() == "none" else OWN | TELLING
    return [(name, value) for name in names if name not in kept for value in message.fields[name]][:MOST_PASSED]
