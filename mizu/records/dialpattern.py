r"""Patterns of the dial plan and of routes: what a number must look like, and what becomes of it.

    36301           these digits, nothing else        36*    what follows is any rest, or none
    9xxN            X 0-9, Z 1-9, N 2-9                36.    what follows is at least one more
    /^0([1-9].*)/   a regular expression

In a replacement X, Z and N stand for the digits that they met in the pattern, in their order; the rest follows, unless
the pattern is an expression, whose replacement has \1 … \9.  Python's engine goes back and forth without an end of its
own, so expressions are narrow: few repetitions, none of a group, none that looks back (bad ones: ApiError 422).
"""

import re

from ..base.errors import ApiError

LONGEST = 64
"""Characters of a number that is looked at; a longer one matches nothing."""

LONGEST_PATTERN = 128

_WILD = {"X": "[0-9]", "x": "[0-9]", "Z": "[1-9]", "z": "[1-9]", "N": "[2-9]", "n": "[2-9]"}
_LITERAL = re.compile(r"[0-9A-Za-z+*#_@-]*[*.]?", re.ASCII)
_REPLACEMENT = re.compile(r"[0-9A-Za-z+*#_.@-]*", re.ASCII)
_ATOMS = re.compile(r"\\.|\[\^?\]?[^\]]*\]|\((?:\?:)?|[*+?]|\{[0-9]*,?[0-9]*\}|.", re.ASCII | re.DOTALL)

REPETITIONS = 2
"""Of *, + and {m,n} in one expression: 64 characters squared are a millisecond at the most."""

OPTIONS = 4
"""Of ? and | in one expression."""


class Pattern:
    """A compiled pattern; `first` the characters that a number must begin with, "" if they are not known."""
    __slots__ = ("text", "regex", "first", "rest", "wild")

    def __init__(self, text):
        self.text = text = (text or "").strip()
        if len(text) > LONGEST_PATTERN:
            raise ApiError(422, f"a pattern has at most {LONGEST_PATTERN} characters")
        if len(text) > 1 and text[0] == text[-1] == "/":
            self.regex, self.first, self.rest, self.wild = _expression(text[1:-1]), "", False, None
            return
        if not text or not _LITERAL.fullmatch(text):
            raise ApiError(422, f"no pattern: {text[:40]!r}")
        self.rest = text[-1] in "*."
        body = text[:-1] if self.rest else text
        digits = is_digits(body)
        self.wild = sum([character in _WILD for character in body]) if digits else 0
        parts = [f"({_WILD[one]})" if digits and one in _WILD else re.escape(one) for one in body]
        tail = "" if not self.rest else "(.*)" if text[-1] == "*" else "(.+)"
        self.regex = re.compile("".join(parts) + tail, re.DOTALL)
        self.first = body if not self.wild else body[:next(at for at, one in enumerate(body) if one in _WILD)]

    def matches(self, number):
        """The match, or None."""
        if len(number) > LONGEST:
            return None
        return self.regex.search(number) if self.wild is None else self.regex.fullmatch(number)


class Replacement:
    """What takes the place of what a Pattern has met.  ApiError 422 if it names more than the pattern has."""
    __slots__ = ("pattern", "text", "pieces")

    def __init__(self, pattern, text):
        self.pattern = pattern
        self.text = text = (text or "").strip()
        self.pieces = None
        if pattern.wild is None:
            _judge_template(pattern.regex, text)
            return
        if not _REPLACEMENT.fullmatch(text) or len(text) > LONGEST:
            raise ApiError(422, f"no replacement: {text[:40]!r}")
        if pattern.rest and text[-1:] in ("*", "."):
            text = text[:-1]
        self.pieces = _pieces(text, pattern.wild) if pattern.wild and is_digits(text) else [text]

    def of(self, match):
        """The new number."""
        if self.pieces is None:
            return match.string[:match.start()] + match.expand(self.text) + match.string[match.end():]
        number = "".join([piece if piece.__class__ is str else match[piece] for piece in self.pieces])
        return number + match[self.pattern.wild + 1] if self.pattern.rest else number


def is_digits(text):
    """Whether X, Z and N in it are wildcards: a name has other letters, too."""
    return not re.search(r"[A-MO-WYa-mo-wy_@]", text)


def _pieces(text, wild):
    """Literal text and numbers of groups."""
    pieces, group = [], 0
    for one in text:
        if one in _WILD:
            group += 1
            pieces.append(group)
        else:
            pieces.append(one)
    if group > wild:
        raise ApiError(422, f"the replacement {text[:40]} names {group} digits, the pattern {wild}")
    return pieces


def _expression(text):
    """The compiled expression; ApiError 422 if it is none, or might take long."""
    atoms = _ATOMS.findall(text)
    repetitions = options = 0
    for before, atom in zip([""] + atoms, atoms):
        repeats = atom in ("*", "+") or atom[0] == "{" and "," in atom
        if before in ("*", "+", "?", "}") or before[:1] == "{":
            if repeats or atom == "?" or atom[0] == "{":
                raise ApiError(422, f"/{text[:40]}/: one repetition may not follow another")
        if before == ")" and (repeats or atom[0] == "{"):
            raise ApiError(422, f"/{text[:40]}/: a group may be optional, not repeated")
        if before == "(" and atom == "?" or atom[0] == "\\" and atom[1:] in tuple("123456789"):
            raise ApiError(422, f"/{text[:40]}/: no look-around and no back reference")
        repetitions += repeats
        options += atom in ("?", "|")
    if repetitions > REPETITIONS or options > OPTIONS:
        raise ApiError(422, f"/{text[:40]}/: at most {REPETITIONS} repetitions and {OPTIONS} options")
    try:
        return re.compile(text, re.ASCII)
    except (re.error, OverflowError) as error:
        raise ApiError(422, f"/{text[:40]}/: {error}") from None


def _judge_template(regex, text):
    groups = [int(number) for number in re.findall(r"\\([0-9]+)", text)]
    odd = re.search(r"\\(?![0-9])", text)
    if odd or any(number > regex.groups or number > 9 for number in groups):
        raise ApiError(422, f"the replacement {text[:40]} names a group that the expression does not have")
