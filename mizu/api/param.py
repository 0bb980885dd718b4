"""Parameters of commands: their names, their types, and what is said when a value does not fit."""

import re

from ..base.errors import ApiError


class Type:
    """How the text of one parameter becomes a value.

    parse   text -> value; raises ValueError when it does not fit
    takes   completes the sentence "… takes <takes>"
    schema  the JSON schema of the value, for OpenAPI
    sample  a value for the example requests
    """
    __slots__ = ("name", "parse", "takes", "schema", "sample")

    def __init__(self, name, parse, takes, schema, sample):
        self.name = name
        self.parse = parse
        self.takes = takes
        self.schema = schema
        self.sample = sample


def choice(*words):
    """A type that takes one of the words, case ignored."""
    known = {word.lower(): word for word in words}

    def parse(text):
        try:
            return known[text.lower()]
        except KeyError:
            raise ValueError from None

    return Type("choice", parse, "one of " + ", ".join(words), {"type": "string", "enum": list(words)}, words[0])


def _integer(text):
    if not re.fullmatch(r"\s*[-+]?[0-9]{1,18}\s*", text):
        raise ValueError
    return int(text)


def _decimal(text):
    if not re.fullmatch(r"\s*[-+]?[0-9]{1,12}(\.[0-9]{0,12})?\s*|\s*[-+]?\.[0-9]{1,12}\s*", text):
        raise ValueError
    return float(text)


MAX_MONEY = 10**9 * 10**6
"""Doubles hold every micro-unit below this (the CHECK on tb_users.credit says the same)."""


def parse_money(text):
    """Decimal text -> integer micro-units; at most six decimals, magnitude below 10^9."""
    match = re.fullmatch(r"\s*([-+]?)([0-9]{0,10})(?:[.]([0-9]{0,6})0*)?\s*", text, re.ASCII)
    if not match or not (match[2] or match[3]):
        raise ValueError
    micros = int(match[2] or 0) * 10**6 + int((match[3] or "").ljust(6, "0"))
    if micros >= MAX_MONEY:
        raise ValueError
    return -micros if match[1] == "-" else micros


def _flag(text):
    word = text.strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError


def _phone(text):
    text = text.strip()
    if not re.fullmatch(r"[0-9A-Za-z+*#_.@:() /-]{1,64}", text):
        raise ValueError
    return text


_USERNAME = re.compile(r"[0-9A-Za-z_.+@-]{1,64}")


def _username(text):
    text = text.strip()
    if not _USERNAME.fullmatch(text):
        raise ValueError
    return text


text = Type("text", lambda value: value, "a text", {"type": "string"}, "TEXT")
secret = Type("secret", lambda value: value, "a text", {"type": "string", "format": "password"}, "SECRET")
integer = Type("integer", _integer, "a whole number", {"type": "integer"}, "1")
decimal = Type("decimal", _decimal, "a number", {"type": "number"}, "1")
money = Type("money", parse_money, "an amount below 1000000000 with at most 6 decimals", {"type": "number"}, "10")
flag = Type("flag", _flag, "0 or 1 (also true, false, yes, no)", {"type": "boolean"}, "1")
phone = Type("phone", _phone, "a telephone number or a user name", {"type": "string"}, "3612345678")
username = Type("username", _username, "1 to 64 of the characters 0-9 A-Z a-z _ . + @ -", {"type": "string"}, "john")

ALIASES = {
    "anum": ("phone1", "from", "num"),
    "bnum": ("phone2", "to", "called"),
    "num": ("anum", "phone1"),
    "from": ("anum", "phone1", "num"),
    "to": ("bnum", "phone2", "called"),
    "txt": ("text", "message", "msg", "sql"),
    "sql": ("txt",),
    "message": ("txt", "text", "msg"),
    "u_id": ("userid",),
    "u_username": ("usr", "username"),
    "usr": ("u_username", "username"),
    "limit": ("maxcount", "u_maxcount", "count"),
    "u_maxcount": ("maxcount", "limit", "count"),
    "stats": ("statistics",),
    "fields": ("u_extended",),
}
"""Other names of a parameter, wherever the command has no parameter of that name itself."""


class Param:
    """One parameter of a command: name, Type, what it means, other names it goes by here."""
    __slots__ = ("name", "type", "help", "aliases")

    def __init__(self, name, type, help, aliases=()):
        self.name = name
        self.type = type
        self.help = help
        self.aliases = tuple(aliases)

    def value(self, text):
        """The text as a value, or ApiError 400 that names the parameter and what it takes."""
        try:
            return self.type.parse(text)
        except ValueError:
            raise ApiError(400, f"parameter {self.name} takes {self.type.takes}, not {text[:40]!r}") from None
