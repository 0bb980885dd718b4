"""What the example requests say where a type's own sample would be refused, and which of them do harm."""

_FILE = {"filename": "example.txt", "filedata": "SGVsbG8="}
_GONE = {"u_username": "example"}

SAMPLES = {
    "adduser": {"u_username": "example"}, "disableuser": _GONE, "deluser": _GONE,
    "newuseri": {"u_username": "example2", "u_password": "example-pw2"},
    "newuseru": {"u_username": "example3", "u_password": "example-pw3"},
    "newusercode": {"u_code": "123456", "u_username": "example3", "u_password": "example-pw3"},
    "addserver": {"u_name": "example-trunk", "u_ip": "192.0.2.1"},
    "setuser": {"u_displayname": "Example"},
    "setfield": {"fieldname": "displayname", "fieldvalue": "Example"},
    "getfield": {"retfieldname": "credit", "filterfieldvalue": "ACCOUNT"},
    "addrecord": {"table": "tb_holidays", "u_day": "2030-12-24"},
    "search": {"txt": "ACCOUNT"}, "verifyuser": {"userusername": "ACCOUNT"}, "transfercredit": {"username": "ACCOUNT"},
    "changepwd": {"newpassword": "NEWPASSWORD", "oldpassword": "OLDPASSWORD"},
    "forgotpasswordquestion": {"email": "john@example.com"}, "forgotpasswordanswer": {"email": "john@example.com"},
    "setcredit": {"u_credit": "10"}, "changecredit": {"u_credit": "1"}, "addcredit": {"credit": "1"},
    "putfile": _FILE, "pputfile": _FILE,
    "getfile": {"filename": "example.txt"}, "pgetfile": {"filename": "example.txt"}, "file": {"filename": "mizud.log"},
    "db": {"sql": "select top 1 id from tb_users"},
    "getini": {"section": "system", "key": "loglevel"},
    "setini": {"section": "system", "key": "loglevel", "value": "info"},
    "rebill": {"days": "1", "dryrun": "1"},
    "p2p": {"anum": "36201234567", "bnum": "36301234567"}, "callback": {"num": "36201234567", "bnum": "36301234567"},
    "call": {"telnum": "36201234567"}, "callrating": {"u_username": "ACCOUNT"},
    "routingtest": {"caller": "ACCOUNT", "called": "36201234567"}, "normalizechk": {"called": "+36 20 123-4567"},
    "setfastregpwd": {"u_username": "ACCOUNT"},
    "log": {"txt": "hello"}, "logsearch": {"pattern": "start"},
}
"""Command -> {parameter: value}; ACCOUNT is the account that the examples are for."""

HARMFUL = ("changepwd", "setfastregpwd", "setcredit", "revert", "delbanned", "disableuser", "deluser", "disccall",
           "unreg", "upperunreg", "willstop", "sipreset", "vsiprst", "gwrst", "logrename", "close", "restart")
"""Their examples are listed last: they stop something, or take it away."""
