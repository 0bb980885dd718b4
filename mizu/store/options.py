"""Every setting is one row: name, type, default, what it means.  The ini file, `--check-config`, the settings' page
and `showcfg` are made from these rows alone.

Defaults are written as in the ini file.  Money becomes whole micro-units, seconds and sizes integers, lists tuples.
"""

from .optiontypes import TYPES


class Option:
    """One setting.

    name      as DATA.md and the manual spell it; aliases are accepted in its place
    type      a row of TYPES
    default   as text
    section   of the ini file, and in the middle of MIZUD_<SECTION>_<NAME>
    help      one sentence
    low, high     limits of a number
    choices   the only texts (or integers) allowed
    reload    whether SIGHUP and `reload` apply it; else it takes a restart
    secret    never shown
    """
    __slots__ = ("name", "type", "default", "section", "help", "low", "high", "choices", "reload", "secret", "aliases")

    def __init__(self, name, type, default, section, help, low=None, high=None, choices=None, reload=True,
                 secret=False, aliases=()):
        self.name = name
        self.type = type
        self.default = default
        self.section = section
        self.help = help
        self.low = low
        self.high = high
        self.choices = choices
        self.reload = reload
        self.secret = secret
        self.aliases = aliases

    def __repr__(self):
        return f"Option({self.name})"

    @property
    def takes(self):
        """What a value may be, in words."""
        if self.choices is not None:
            return "one of " + ", ".join([str(choice) or "(empty)" for choice in self.choices])
        words = TYPES[self.type][1]
        if self.low is not None and self.high is not None:
            return f"{words} from {self.low} to {self.high}"
        return words if self.low is None else f"{words}, {self.low} or more"

    @property
    def environment(self):
        return f"MIZUD_{self.section}_{self.name}".upper()


_RESTART = {"reload": False}
_SECRET = {"secret": True}
_LEVELS = {"choices": (0, 1, 2, 3, 4, 5)}
_FORMATS = ("", "json", "xml", "text", "line", "html", "url", "soap", "jsonp", "cleartext", "csv")

_ROWS = {
    "network": (
        ("mainaport", "port", "80", "the port of everything, TCP and UDP; an ordinary user's server takes 8080 where"
         " nobody chose one", _RESTART),
        ("mainaportudp", "port", "", "another port for UDP; empty: that of mainaport", _RESTART),
        ("usemainaport", "flag", "1", "whether the main port is opened at all", _RESTART),
        ("sslportmain", "port", "443", "TLS for the API, once sslcert is set; 0: none", _RESTART),
        ("sslportweb", "port", "443", "TLS for the web pages; the same as sslportmain: one port for both", _RESTART),
        ("sslcert", "path", "", "certificate chain in PEM; read again when the file changes"),
        ("sslkey", "path", "", "its private key; empty: it is in sslcert"),
        ("sipports", "ports", "5060", "where phones expect SIP, UDP and TCP; auto: a free one; 0: none", _RESTART),
        ("localtlsport", "port", "5061", "SIP over TLS, once sslcert is set; 0: none", _RESTART),
        ("sipverifypeer", "flag", "0", "whether TLS towards trunks and phones asks for a certificate that this host"
         " trusts; trunks often show one of their own making, which still keeps listeners out"),
        ("sipudpmax", "integer", "1300", "bytes of an INVITE to a trunk beyond which TCP is tried before UDP, where"
         " somebody listens there (RFC 3261 18.1.1); 0: never", {"low": 0, "high": 65535}),
        ("dnsservers", "words", "", "name servers, as 9.9.9.9 or 10.0.0.1:5353; empty: those of /etc/resolv.conf"),
        ("adminport", "port", "8090", "the console; 0: none", _RESTART),
        ("remoteadmin", "integer", "5", "who may reach the console: 0 nobody, 1 loopback, 2 this machine, 3 trusted"
         " addresses, 4 the LAN, 5 everybody (with a login)", _LEVELS),
        ("httpserver", "port", "0", "port of the old API (/xmapi/COMMAND), 8084 on the original; 0: none", _RESTART),
        ("domain", "text", "", "the name of this server; empty: its addresses and host name"),
        ("realm", "text", "", "of SIP digests; empty: domain, else mizud"),
        ("externip", "text", "auto", "the address that others see, for media and contacts"),
        ("trustedproxies", "addresses", "", "whose X-Forwarded-For and Forwarded are believed"),
        ("maxconnections", "integer", "0", "connections at once; 0: what the file descriptors allow",
         {"low": 0, "high": 1_000_000, **_RESTART}),
        ("sniffwait", "seconds", "5", "for the first bytes of a connection", {"low": 1, "high": 60}),
        ("requesttimeout", "seconds", "30", "for a request that has begun to come", {"low": 1, "high": 600}),
        ("idletimeout", "seconds", "300", "without a request, then the connection is closed",
         {"low": 1, "high": 86400}),
        ("wspingtime", "seconds", "30", "of silence, then a WebSocket is pinged", {"low": 5, "high": 3600}),
        ("maxbody", "integer", "16777216", "bytes of a request's body", {"low": 1490, "high": 1 << 30}),
    ),
    "api": (
        ("apiv2key", "keys", "", "API keys, separated by commas; empty: none is needed (made at the first start)",
         _SECRET),
        ("httpapikey", "keys", "", "further API keys, those of the old API", _SECRET),
        ("apiv2md5salt", "text", "", "server salt of the digests (made at the first start)", _SECRET),
        ("apiv2ipauth", "addresses", "", "addresses allowed where a command checks them"),
        ("trustediplist", "addresses", "", "trusted addresses, such as that of your web server"),
        ("trustlanip", "flag", "1", "whether addresses of the same LAN are trusted"),
        ("allowtrustedip", "integer", "3", "which addresses count as trusted: 0 none, 1 this machine, 2 private ones,"
         " 3 all that are listed, 4 on the console too", {"choices": (0, 1, 2, 3, 4)}),
        ("apitrustediponly", "flag", "0", "requests from trusted addresses only"),
        ("apideftrustadmin", "integer", "1", "an administrator is known by: 0 nothing, no admin over the API, 1 login"
         " or trusted address with key, 2 address, 3 login, 4 both", {"choices": (0, 1, 2, 3, 4)}),
        ("apialtauth", "integer", "-1", "other proofs than user name with password or digest: 0 none, -1 also PIN,"
         " number, id and name, 1 also the old digests", {"choices": (-1, 0, 1)}),
        ("apitrustfromconsole", "integer", "0", "trust the console: 0 no, 1 yes, 2 as administrator",
         {"choices": (0, 1, 2)}),
        ("apidefneedregister", "integer", "0", "users must be registered: 0 no, 1 yes, 2 from the same address",
         {"choices": (0, 1, 2)}),
        ("apidefneedlogin", "integer", "0", "nonce needed: 0 no, 1 from untrusted addresses, 2 always, 3 also from the"
         " nonce's address", {"choices": (0, 1, 2, 3)}),
        ("apiv2auth", "integer", "2", "how users are known: 2 user and password or PIN, 4 one of them, 6 user name and"
         " password only", {"choices": (2, 4, 6)}),
        ("noncelifetime", "seconds", "300", "a nonce lives", {"low": 5, "high": 86400}),
        ("httpapiencryptkey", "text", "", "key of XOR-encoded requests; empty: none are accepted", _SECRET),
        ("enablejsonp", "integer", "0", "JSONP: 0 off, 1 as answer format, 2 also jppget", {"choices": (0, 1, 2)}),
        ("forcehttpcontenttype", "text", "", "one answer format for all requests that name none",
         {"choices": _FORMATS}),
        ("defhttpcontenttype", "text", "text", "answer format where the request does not show one",
         {"choices": _FORMATS}),
        ("httpstrictresponse", "flag", "0", "the answer's code as HTTP status, else always 200"),
        ("corsorigins", "words", "*", "origins whose pages may read answers"),
        ("wsorigins", "words", "*", "origins whose pages may open a WebSocket"),
        ("sipapi", "flag", "0", "requests in the header X-MAPI of SIP messages"),
    ),
    "limits": (
        ("maxauthfail", "integer", "10", "failed logins within authfailtime, then the address is banned; 0: never",
         {"low": 0, "high": 100_000}),
        ("authfailtime", "seconds", "600", "that failed logins count", {"low": 1, "high": 86400}),
        ("bantime", "seconds", "900", "a ban lasts", {"low": 1, "high": 31_536_000}),
        ("ratelimit_ip", "rate", "50/100", "requests of one address; 0: no limit"),
        ("ratelimit_user", "rate", "20/50", "requests of one account; 0: no limit"),
        ("ratelimit_sip", "rate", "50/100", "SIP requests of one address whose senders do not prove themselves, ten"
         " times as many where somebody lately did; not of trusted addresses and trunks; 0: no limit"),
        ("ratelimit_global", "rate", "0", "requests of all; 0: no limit"),
        ("maxrows", "integer", "1000", "rows of an answer that names no limit", {"low": 1, "high": 100_000}),
        ("maxcustomrows", "integer", "100", "rows of an answer of custom SQL", {"low": 1, "high": 100_000}),
        ("dbtimeout", "seconds", "30", "a query may take", {"low": 1, "high": 3600}),
    ),
    "accounts": (
        ("newusercredit", "money", "0", "credit of an account that signs up itself", {"low": 0, "high": 1_000_000}),
        ("newuserverify", "text", "0", "a sign-up is confirmed by a code: 0 no, mail, sms",
         {"choices": ("0", "mail", "sms")}),
        ("minpasswordlength", "integer", "8", "characters of a password at sign-up", {"low": 1, "high": 128}),
        ("passwordstore", "text", "plain", "plain: passwords can be read back, as the digests of the manual need;"
         " ha1: only SIP's HA1 and a scrypt hash are kept", {"choices": ("plain", "ha1"), **_RESTART}),
        ("userautoaddwithowner", "flag", "0", "adduser also makes the parent reseller"),
        ("numberlockseconds", "seconds", "900", "an offered number stays locked", {"low": 1, "high": 31_536_000}),
    ),
    "money": (
        ("yourcredittext", "text", "Your credit is", "in front of a balance"),
        ("yourcredittextprefix", "text", "CSIGN", "before the amount; CSIGN is the currency's sign"),
        ("yourcredittextsuffix", "text", "CURRENCY", "after the amount; CURRENCY is the currency's name"),
        ("mincreditonroute", "money", "0", "credit needed for a call", {"low": -1_000_000, "high": 1_000_000}),
        ("lowcredit", "money", "1", "a notice is due when a balance falls below it (tb_users.sendlowcreditemail)",
         {"low": -1_000_000, "high": 1_000_000}),
        ("defaultcurrency", "text", "USD", "of accounts that name none"),
        ("timezone", "zone", "", "of day borders and tariffs, as Europe/Budapest; empty: the system's"),
        ("country", "country", "", "two letters: the numbers' home"),
        ("peakhours", "hours", "08:00-18:00", "when timetype 2 holds on weekdays"),
        ("eveninghours", "hours", "18:00-22:00", "when timetype 7 holds"),
        ("nighthours", "hours", "22:00-06:00", "when timetype 8 holds"),
        ("paymenturl", "text", "", "payment gateway of cccharge (https); empty: there is none"),
        ("paymentkey", "text", "", "sent to paymenturl as bearer token", _SECRET),
        ("paymentmax", "money", "10000", "most of one card payment, in the currency of the account",
         {"low": 1, "high": 999_999_999}),
        ("paymenttimeout", "seconds", "15", "that paymenturl may take to answer once", {"low": 1, "high": 60}),
    ),
    "registrations": (
        ("sipdigest", "text", "md5", "digests that SIP devices are offered, in their order: many devices give up where"
         " the first or another is not MD5", {"choices": ("md5", "sha-256", "sha-256 md5", "md5 sha-256")}),
        ("regexpires", "seconds", "3600", "a registration lasts where the device names no time",
         {"low": 10, "high": 604_800}),
        ("regexpiresmin", "seconds", "30", "the shortest registration; less is refused (423)",
         {"low": 0, "high": 3600}),
        ("regexpiresmax", "seconds", "7200", "the longest registration; more is shortened",
         {"low": 10, "high": 604_800}),
        ("maxregistrations", "integer", "10", "devices of one account; one more takes the place of the one whose"
         " registration ends first", {"low": 1, "high": 100}),
        ("natkeepalive", "seconds", "25", "from one OPTIONS to the next to a device behind NAT (UDP); 0: none",
         {"low": 0, "high": 3600}),
    ),
    "calls": (
        ("brs_lcr", "integer", "4", "order of routes: 0 priority, 2 least cost, 4 best, 5 both; 1 and 3 without GSM",
         _LEVELS),
        ("normalizenumbers", "flag", "1", "bring numbers into normal form before routing and billing"),
        ("normalize_clean", "flag", "1", "drop characters that are no digits"),
        ("normalize_localpx", "text", "", "calling code in place of a national prefix: 36 (for a leading 0),"
         " 06=36, several with commas; empty: as country dials"),
        ("minnormalizelength", "integer", "6", "digits; shorter numbers stay as they are", {"low": 0, "high": 32}),
        ("maxcalls", "integer", "0", "calls at once; 0: no limit", {"low": 0, "high": 100_000}),
        ("maxcallduration", "seconds", "10800", "a call may last; 0: no limit", {"low": 0, "high": 604_800}),
        ("maxcps", "integer", "0", "new calls a second; 0: no limit", {"low": 0, "high": 100_000}),
        ("trunkping", "seconds", "60", "between two OPTIONS that ask a trunk whether it lives; 0: none",
         {"low": 0, "high": 86400}),
        ("sessiontimer", "seconds", "1800", "between proofs of life (RFC 4028); 0: off", {"low": 0, "high": 86400}),
        ("rtptimeout", "seconds", "60", "without a packet, then a call is ended; 0: never", {"low": 0, "high": 86400}),
        ("rtpports", "range", "20000-29999", "ports of media", _RESTART),
        ("rtpengine", "text", "", "host:port of an rtpengine to use instead of the built-in relay"),
        ("hepserver", "text", "", "host:port of a HEP3 collector (Homer), which gets a copy of every SIP message and of"
         " what is decided about calls; empty: there is none"),
        ("mp3encoder", "text", "", "program that turns WAV into MP3 on its standard input and output"),
        ("callbackaccessnumber", "text", "", "number that users ring to be called back"),
        ("callbackcallernumber", "text", "", "caller's number that a callback shows"),
        ("anumberhandling", "integer", "3", "recognition of callers by their number, as on the original server",
         {"low": 0, "high": 10}),
        ("callingcardauth", "integer", "12", "how callers with a calling card are known, as on the original server",
         {"low": 0, "high": 100}),
        ("ivrbilling", "integer", "5", "billing of menus, as on the original server",
         {"low": 0, "high": 100}),
        ("maxivrloop", "integer", "500", "steps of one menu", {"low": 1, "high": 100_000}),
        ("ivrtimeout2", "seconds", "2400", "a caller may stay in menus", {"low": 1, "high": 86400}),
        ("banivrauth", "integer", "2", "bans for wrong PINs in menus, as on the original server",
         {"low": 0, "high": 10}),
    ),
    "messages": (
        ("smsurl", "text", "", "URL that sends an SMS, with [FROM], [TO], [TEXT]; empty: there is none", _SECRET),
        ("smsfrom", "text", "", "sender of SMS that name none"),
        ("smswait", "seconds", "10", "that `sms` waits for the delivery", {"low": 0, "high": 300}),
        ("smppserver", "text", "", "host of an SMPP gateway; empty: there is none"),
        ("smppport", "port", "2775", "its port"),
        ("smppuser", "text", "", "system_id"),
        ("smpppassword", "text", "", "its password", _SECRET),
        ("smppsource", "text", "", "source address of messages that name none"),
        ("smtpserver", "text", "", "host of the mail server; empty: there is none"),
        ("smtpport", "port", "587", "its port"),
        ("smtptls", "text", "starttls", "how the connection is secured", {"choices": ("starttls", "tls", "none")}),
        ("smtpuser", "text", "", "login; empty: none"),
        ("smtppassword", "text", "", "its password", _SECRET),
        ("smtpfrom", "text", "", "sender of mails that name none"),
        ("reseturl", "text", "", "page that sends forgotpasswordreset, with [TOKEN]; empty: the mail tells the token"),
        ("adminemail", "text", "", "where notices to the administrator go"),
        ("adminphone", "text", "", "where SMS to the administrator go"),
        ("pushurl", "text", "", "push gateway; empty: there is none"),
        ("pushkey", "text", "", "its key", _SECRET),
    ),
    "system": (
        ("filequota", "integer", "1024", "MiB that files sent over the API may take, each for files/, filestorage and"
         " uploaded recordings; 0: no limit", {"low": 0, "high": 1 << 30}),
        ("loglevel", "text", "info", "what the log shows", {"choices": ("error", "warning", "info", "debug")}),
        ("allowcmd", "flag", "0", "`cmd` may run programs"),
        ("allowsystem", "flag", "0", "`setip` and `timezoneset` may change the host"),
        ("allowreboot", "flag", "0", "`restart server` may reboot the host"),
        ("allowupgrade", "flag", "0", "`upgradeall` may replace the program"),
    ),
}

SECTIONS = {
    "network": "Ports, addresses, connections", "api": "Who may send requests, and in which formats",
    "limits": "Limits and bans", "accounts": "Accounts", "money": "Money, time and place",
    "registrations": "SIP registrations", "calls": "Calls and media", "messages": "SMS, mail and push gateways",
    "system": "The host",
}
"""{section of the ini file: its title}"""

OPTIONS = tuple(Option(row[0], row[1], row[2], section, row[3], **(row[4] if len(row) > 4 else {}))
                for section, rows in _ROWS.items() for row in rows)

BY_NAME = {name: option for option in OPTIONS for name in (option.name, *option.aliases)}
"""{name or alias: Option}"""


def parse(option, text):
    """The value of a text; ValueError that says what the setting takes."""
    try:
        value = TYPES[option.type][0](text.strip() if option.type != "text" else text)
    except ValueError:
        raise ValueError(f"takes {option.takes}") from None
    unit = 1_000_000 if option.type == "money" else 1
    if (option.choices is not None and value not in option.choices or
            option.low is not None and value < option.low * unit or
            option.high is not None and value > option.high * unit or
            value is None and option.default):
        raise ValueError(f"takes {option.takes}")
    return value


def nearest(name):
    """The known name that resembles `name` most, or None."""
    from difflib import get_close_matches
    found = get_close_matches(name.lower(), list(BY_NAME), 1, 0.5)
    return BY_NAME[found[0]].name if found else None
