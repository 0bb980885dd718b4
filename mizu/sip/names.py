"""The registries of SIP: methods, header names with their compact forms, reason phrases (RFC 3261 20 and 21, IANA).

Knows no values.  `canonical` gives the one spelling under which a header is filed, whatever the peer wrote.
"""

import re

METHODS = frozenset("INVITE ACK BYE CANCEL REGISTER OPTIONS PRACK SUBSCRIBE NOTIFY PUBLISH INFO REFER MESSAGE UPDATE"
                    .split())

HEADERS = """
Accept Accept-Contact Accept-Encoding Accept-Language Accept-Resource-Priority Alert-Info Allow Allow-Events
Answer-Mode Authentication-Info Authorization Call-ID Call-Info Contact Content-Disposition Content-Encoding
Content-Language Content-Length Content-Type CSeq Date Diversion Encryption Error-Info Event Expires Feature-Caps
Flow-Timer From Geolocation Geolocation-Error Geolocation-Routing Hide History-Info Identity Identity-Info
In-Reply-To Info-Package Join Max-Breadth Max-Forwards Max-Expires MIME-Version Min-Expires Min-SE Organization
P-Access-Network-Info P-Answer-State P-Asserted-Identity P-Asserted-Service P-Associated-URI P-Called-Party-ID
P-Charging-Function-Addresses P-Charging-Vector P-Early-Media P-Media-Authorization P-Preferred-Identity
P-Preferred-Service P-Profile-Key P-Served-User P-User-Database P-Visited-Network-ID Path Permission-Missing Priority
Priv-Answer-Mode Privacy Proxy-Authenticate Proxy-Authentication-Info Proxy-Authorization Proxy-Require RAck Reason
Record-Route Recv-Info Refer-Events-At Refer-Sub Refer-To Referred-By Reject-Contact Remote-Party-ID Replaces Reply-To
Request-Disposition Require Resource-Priority Response-Key Retry-After Route RSeq Security-Client Security-Server
Security-Verify Server Service-Route Session-Expires Session-ID SIP-ETag SIP-If-Match Subject Subscription-State
Supported Suppress-If-Match Target-Dialog Timestamp To Trigger-Consent Unsupported User-Agent User-To-User Via
Warning WWW-Authenticate X-MAPI X-MPUSH
""".split()

COMPACT = {"a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "d": "Request-Disposition",
           "e": "Content-Encoding", "f": "From", "i": "Call-ID", "j": "Reject-Contact", "k": "Supported",
           "l": "Content-Length", "m": "Contact", "n": "Identity-Info", "o": "Event", "r": "Refer-To", "s": "Subject",
           "t": "To", "u": "Allow-Events", "v": "Via", "x": "Session-Expires", "y": "Identity"}

# A second one makes the message mean two things: refused (RFC 3261 7.3.1)
SINGLE = frozenset("""Call-ID Content-Disposition Content-Length Content-Type CSeq Date Event Expires From Max-Forwards
Min-Expires Min-SE RAck Refer-To Referred-By Replaces Retry-After RSeq Session-Expires SIP-ETag SIP-If-Match
Subscription-State To""".split())

REASONS = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
    199: "Early Dialog Terminated",
    200: "OK", 202: "Accepted", 204: "No Notification",
    300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily", 305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required",
    408: "Request Timeout", 410: "Gone", 412: "Conditional Request Failed", 413: "Request Entity Too Large",
    414: "Request-URI Too Long", 415: "Unsupported Media Type", 416: "Unsupported URI Scheme",
    417: "Unknown Resource-Priority", 420: "Bad Extension", 421: "Extension Required",
    422: "Session Interval Too Small", 423: "Interval Too Brief", 424: "Bad Location Information",
    425: "Bad Alert Message", 428: "Use Identity Header", 429: "Provide Referrer Identity", 430: "Flow Failed",
    433: "Anonymity Disallowed", 436: "Bad Identity Info", 437: "Unsupported Credential",
    438: "Invalid Identity Header", 439: "First Hop Lacks Outbound Support", 440: "Max-Breadth Exceeded",
    469: "Bad Info Package", 470: "Consent Needed", 480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops",
    484: "Address Incomplete", 485: "Ambiguous", 486: "Busy Here", 487: "Request Terminated",
    488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending", 493: "Undecipherable",
    494: "Security Agreement Required",
    500: "Server Internal Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large",
    555: "Push Notification Service Not Supported",
    580: "Precondition Failed",
    600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable", 607: "Unwanted",
    608: "Rejected",
}
CLASSES = ("", "Trying", "OK", "Multiple Choices", "Bad Request", "Server Internal Error", "Busy Everywhere")

TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+").fullmatch
MAX_KNOWN = 2048        # spellings remembered, so that one look-up is enough; a peer cannot fill the memory with names
MAX_NAME = 64           # longer ones are not worth remembering

_LOWER = {name.lower(): name for name in HEADERS} | COMPACT
KNOWN = {spelling: name for lower, name in _LOWER.items()
         for spelling in (lower, lower.upper(), "-".join(map(str.capitalize, lower.split("-"))), name)}


def canonical(name):
    """The spelling a header is filed under, "" if `name` is no token: `v` -> Via, `x-foo` -> X-Foo."""
    found = KNOWN.get(name)
    if found is None:
        found = _LOWER.get(name.lower()) or "-".join(map(str.capitalize, name.split("-"))) if TOKEN(name) else ""
        if found and len(name) <= MAX_NAME and len(KNOWN) < MAX_KNOWN:
            KNOWN[name] = found
    return found


def reason_phrase(status):
    """The registered phrase, else that of x00 of its class (RFC 3261 8.1.3.2)."""
    return REASONS.get(status) or CLASSES[status // 100 if 100 <= status < 700 else 0]
