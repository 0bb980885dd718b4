"""The types of settings: what a text means, or ValueError where it means nothing."""

import ipaddress
import re

from ..base.errors import ConfigError
from ..base.zone import Zone

_INTEGER = re.compile(r"[+-]?[0-9]{1,12}", re.A)
_MONEY = re.compile(r"([+-]?)([0-9]{1,9})(?:\.([0-9]{1,6}))?", re.A)
_HOURS = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])", re.A)
_COUNTRY = re.compile("[A-Za-z]{2}")
_FLAGS = {"1": 1, "true": 1, "yes": 1, "on": 1, "0": 0, "false": 0, "no": 0, "off": 0}


def _integer(text):
    if not _INTEGER.fullmatch(text):
        raise ValueError
    return int(text)


def _money(text):
    """Micro-units."""
    found = _MONEY.fullmatch(text)
    if not found:
        raise ValueError
    amount = int(found[2] + (found[3] or "").ljust(6, "0"))
    return -amount if found[1] == "-" else amount


def _flag(text):
    if text.lower() not in _FLAGS:
        raise ValueError
    return _FLAGS[text.lower()]


def _text(text):
    if not text.replace("\xa0", " ").isprintable():
        raise ValueError
    return text


def _port(text):
    """0-65535, "auto", or None for the empty text."""
    if text in ("", "auto"):
        return text or None
    port = _integer(text)
    if not 0 <= port <= 65535:
        raise ValueError
    return port


def _list(text):
    return [word for word in re.split(r"[\s,;]+", text) if word]


def _ports(text):
    ports = tuple(_port(word) for word in _list(text))
    return () if ports == (0,) else ports


def _range(text):
    low, _, high = text.partition("-")
    low, high = _integer(low), _integer(high)
    if not 1024 <= low <= high <= 65535:
        raise ValueError
    return low, high


def _addresses(text):
    """CIDR texts without host bits; IPv4 inside IPv6 becomes IPv4."""
    networks = []
    for word in _list(text):
        network = ipaddress.ip_network(word, strict=False)
        mapped = getattr(network.network_address, "ipv4_mapped", None)
        if mapped is not None and network.prefixlen >= 96:
            network = ipaddress.ip_network(f"{mapped}/{network.prefixlen - 96}")
        networks.append(str(network))
    return tuple(networks)


def _rate(text):
    """(a second, burst); the burst is twice the rate where it is not named."""
    rate, _, burst = text.partition("/")
    rate = _integer(rate)
    burst = _integer(burst) if burst else rate * 2
    if not 0 <= rate <= 10_000_000 or not rate <= burst <= 10_000_000:
        raise ValueError
    return rate, burst


def _hours(text):
    """(minute of the day it begins, minute it ends); over midnight where the end is smaller."""
    found = _HOURS.fullmatch(text)
    if not found:
        raise ValueError
    start, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    if start > 1440 or end > 1440:
        raise ValueError
    return start, end


def _country(text):
    """Two letters of ISO 3166, upper case; "" for none."""
    if text and not _COUNTRY.fullmatch(text):
        raise ValueError
    return text.upper()


def _words(text):
    return tuple(_list(_text(text)))


def _zone(text):
    try:
        return Zone(text).name
    except ConfigError:
        raise ValueError from None


TYPES = {
    "integer": (_integer, "a whole number"),
    "seconds": (_integer, "seconds"),
    "money": (_money, "an amount with at most six decimals"),
    "flag": (_flag, "0 or 1 (true, false, yes, no, on, off)"),
    "text": (_text, "a text in one line"),
    "path": (_text, "the name of a file"),
    "port": (_port, "a port from 0 to 65535, or auto"),
    "ports": (_ports, "ports from 0 to 65535 or auto, separated by commas"),
    "range": (_range, "two ports from 1024 on, as 20000-29999"),
    "addresses": (_addresses, "addresses or networks such as 10.0.0.0/8, separated by commas"),
    "rate": (_rate, "requests a second, or requests/burst as 50/100"),
    "hours": (_hours, "two times of the day, as 08:00-18:00"),
    "keys": (_words, "keys separated by commas"),
    "words": (_words, "words separated by commas"),
    "country": (_country, "a country's two letters, as HU"),
    "zone": (_zone, "a time zone that this host knows, as Europe/Budapest"),
}
"""{type: (text -> value or ValueError, what it takes)}"""
