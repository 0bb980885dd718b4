"""Which addresses are trusted, and how far (the manual's chapters Authentication and Hardened access).

An address is looked at once and remembered as a set of flags.  Whether a request may use the trust of its
address at all (no proxy, no foreign site, a proven return path) is `Request.direct`, decided by who received it.
"""

import ipaddress

LOOPBACK, OWN, LAN, LISTED, CLIENT = 1, 2, 4, 8, 16

_BY_LEVEL = {0: 0, 1: LOOPBACK | OWN, 2: LOOPBACK | OWN | LAN, 3: LOOPBACK | OWN | LAN | LISTED,
             4: LOOPBACK | OWN | LAN | LISTED}
"""allowtrustedip -> the flags that make an address trusted."""

_REMEMBERED = 20_000
"""Addresses whose flags are kept: 2 MiB; the table starts afresh when it is full."""


class Trust:
    """settings: trustediplist, apiv2ipauth, trustlanip, allowtrustedip; own(host), lan(host) come from net/."""

    def __init__(self, settings, own, lan):
        self.settings = settings
        self.own = own
        self.lan = lan
        self.reload()

    def reload(self):
        """After a change of settings or addresses."""
        settings = self.settings
        self.mask = _BY_LEVEL[settings.allowtrustedip]
        if not settings.trustlanip:
            self.mask &= ~LAN
        self.listed = Networks(settings.trustediplist)
        self.clients = Networks(settings.apiv2ipauth)
        self._flags = {}

    def flags(self, host):
        """What is known of an address, as a sum of LOOPBACK OWN LAN LISTED CLIENT."""
        flags = self._flags.get(host)
        if flags is None:
            if len(self._flags) >= _REMEMBERED:
                self._flags.clear()
            flags = self._flags[host] = self._look(host)
        return flags

    def _look(self, host):
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return 0
        return ((LOOPBACK if address.is_loopback else 0) | (OWN if self.own(host) else 0) |
                (LAN if self.lan(host) else 0) | (LISTED if address in self.listed else 0) |
                (CLIENT if address in self.clients else 0))

    def trusted(self, flags):
        """Whether the key is waived for these flags."""
        return flags & self.mask

    def unlimited(self, flags):
        """Whether rates are waived: for the own machine, the LAN, the list."""
        return flags & self.mask

    def administers(self, flags):
        """Whether the address may stand for an administrator's login: never by being in the LAN."""
        return flags & self.mask & (LOOPBACK | LISTED)

    def exempt(self, flags):
        """Whether neither a rate nor a ban holds, however little the address is trusted otherwise."""
        return flags & (LOOPBACK | LISTED)


class Networks:
    """A list of addresses and CIDR networks: `address in networks`."""

    def __init__(self, entries):
        self._networks = [ipaddress.ip_network(entry, strict=False) for entry in entries]

    def __contains__(self, address):
        return any(address in network for network in self._networks if network.version == address.version)
