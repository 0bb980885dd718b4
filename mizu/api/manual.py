"""Everything that is said about the commands, read from their rows: help, OpenAPI 3.1, the man page, examples.

Pure text; knows the table and the options, and nothing of a running server.
"""

import json
from urllib.parse import quote

from .. import VERSION
from ..base.message import Rows
from ..store.options import OPTIONS
from .command import ADMIN, ANYBODY, GROUPS, NAMED, OPEN, PUBLIC, SENSITIVE, TABLE, USER
from .samples import HARMFUL, SAMPLES

WHO = {OPEN: "anybody", ANYBODY: "anybody", PUBLIC: "anybody with the key", NAMED: "anybody with the key",
       USER: "users", ADMIN: "administrators", SENSITIVE: "administrators from a trusted address"}

_PLAIN = frozenset((OPEN, ANYBODY, PUBLIC, NAMED, USER))

COMMON = (
    ("authkey", "API key, the setting apiv2key"),
    ("authid", "user name (also id, name, PIN or DID)"),
    ("authpwd", "password; rather send authmd5"),
    ("authmd5", "digest of id, password and salts"),
    ("authsalt", "the client's salt of the digest"),
    ("nonce", "the first 10 characters of a nonce from preauth"),
    ("format", "json, xml, text, line, html, url, soap, jsonp, cleartext, csv or pcap (story)"),
    ("targetuser", "administrators: act as this account"),
)
"""Parameters that every command takes."""

CONSOLE = {
    "watch": ("watch [seconds?, command]", "On the console: shows what a command answers again, every two seconds or as"
              " often as is said, until a key is pressed"),
    "calls": ("calls [seconds?]", "On the console: the calls in progress, watched"),
}
"""Words of the console that are no commands of the API."""


def commands(everything=True):
    """The rows of the table, each once, in the order of the groups; without `everything` those that users may send."""
    rows = {id(row): row for row in TABLE.values() if everything or row.access in _PLAIN}.values()
    order = list(GROUPS)
    return sorted(rows, key=lambda row: order.index(row.group))


def signature(command):
    """`[num, u_id|u_username?]`: the parameters in their places, optional ones with a question mark."""
    places = {}
    for keys, param, _ in command.keys:
        places.setdefault(keys[-1], []).append(param)
    words = ["|".join([param.name for param in here]) + ("" if command.required(here[0]) else "?")
             for here in places.values()]
    if command.fields:
        words.append("u_…")
    return f"[{', '.join(words)}]" if words else ""


def overview(everything, console=False):
    """help: Rows of command, parameters, who may, what it does; on the console of two columns."""
    if console:
        return Rows(("command", "summary"), [*[(f"{', '.join(row.names)} {signature(row)}".rstrip(), row.summary)
                                               for row in commands(everything)], *CONSOLE.values()])
    return Rows(("command", "parameters", "who", "summary"),
                [(", ".join(row.names), signature(row), WHO[row.access], row.summary) for row in commands(everything)])


def describe(command, console=False):
    """help NAME: the whole declaration and a ready request, as text; on the console as it is typed there."""
    lines = [f"{', '.join(command.names)}  {signature(command)}", command.summary,
             f"For {WHO[command.access]}. {GROUPS[command.group]}."]
    for keys, param, _ in command.keys:
        also = f" (also {', '.join(keys[1:-1])})" if keys[1:-1] else ""
        need = "required" if command.required(param) else "optional"
        lines.append(f"  {param.name:<17} {need}: {param.help}; takes {param.type.takes}{also}")
    if command.fields:
        lines.append(f"  {'u_NAME':<17} optional: a field by its name in the table")
    lines.append("Example: " + (typed(command) if console else
                                example(command, "KEY", "USERNAME", "authmd5=MD5&authsalt=SALT")))
    return "\n".join(lines)


def examples(admin, key, authid, proof):
    """[(command, a ready request)] for an account, those that do harm at the end."""
    rows = [row for row in commands() if admin or row.access not in (ADMIN, SENSITIVE)]
    rows.sort(key=lambda row: HARMFUL.index(row.name) if row.name in HARMFUL else -1)
    return [(row.name, example(row, key, authid, proof, authid)) for row in rows]


def example(command, key, authid, proof, account="john"):
    """A request for a command as it stands behind the server's address; `account` is the one it is about."""
    words = [f"/mvapireq/?apientry={command.name}"]
    if command.access not in (OPEN, ANYBODY):
        words.append(f"authkey={quote(key)}")
    if command.access in (USER, ADMIN, SENSITIVE, NAMED):
        words.append(f"authid={quote(authid)}")
    if command.access in (USER, ADMIN, SENSITIVE):
        words.append(proof)
    words += [f"{name}={quote(value)}" for name, value in samples(command, account).items()]
    return "&".join(words)


def typed(command):
    """The same as it is typed on the console."""
    return " ".join([command.name] + [f'{name}="{value}"' if " " in value else f"{name}={value}"
                                      for name, value in samples(command).items()])


def samples(command, account="john"):
    """{parameter: value} of an example: what has to be sent and what makes it useful."""
    values = {param.name: param.type.sample for param in command.params if command.required(param)}
    if command.either and "u_id" not in values:
        values["u_username"] = account
    return {**values, **{name: value.replace("ACCOUNT", account) for name, value in
                         SAMPLES.get(command.name, {}).items()}}


# -- OpenAPI 3.1 -----------------------------------------------------------------------------------

def openapi():
    """The OpenAPI 3.1 document as JSON text."""
    return json.dumps({
        "openapi": "3.1.0",
        "info": {"title": "mizud", "version": VERSION,
                 "summary": "The API of the Mizutech VoIP server, spoken by mizud",
                 "description": "Every command takes its parameters in the query, as a form, as JSON or as XML, over "
                                "HTTP, WebSocket, TCP lines or UDP datagrams."},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in GROUPS.items()],
        "paths": {f"/mvapireq/{row.name}": _path(row) for row in commands()},
        "components": {"schemas": {"Answer": _ANSWER}, "securitySchemes": _SCHEMES, "parameters": _common()},
    }, indent=1)


_SCHEMES = {name: {"type": "apiKey", "in": "query", "name": name, "description": text}
            for name, text in COMMON if name.startswith("auth") and name != "authsalt"}

_ANSWER = {
    "type": "object",
    "required": ["code", "status", "message", "data", "frequest"],
    "properties": {
        "code": {"type": "integer", "description": "2xx success, 4xx the asker's fault, 5xx the server's"},
        "status": {"enum": ["success", "error"]},
        "success": {"const": True},
        "error": {"const": True},
        "message": {"type": "string"},
        "data": {"description": "the answer's data, or null"},
        "warning": {"type": "string", "description": "a sub-task failed although the request succeeded"},
        "frequest": {"type": "string", "description": "the command as it was asked for"},
    },
}


def _common():
    return {name: {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
            for name, text in COMMON if name not in _SCHEMES}


def _path(row):
    security = []
    if row.access in (PUBLIC, NAMED):
        security = [{"authkey": []}]
    elif row.access not in (OPEN, ANYBODY):
        security = [{"authkey": [], "authid": [], proof: []} for proof in ("authmd5", "authpwd")]
    described = {
        "tags": [row.group], "summary": row.summary, "security": security,
        "responses": {"200": {"description": "The answer; its code is in the body unless httpstrictresponse is 1",
                              "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}}}},
    }
    params = [{"name": param.name, "in": "query", "required": row.required(param), "description": param.help,
               "schema": param.type.schema} for param in row.params]
    shared = [{"$ref": f"#/components/parameters/{name}"} for name in _common()]
    form = {"type": "object", "properties": {param.name: {**param.type.schema, "description": param.help}
                                             for param in row.params}}
    needed = [param.name for param in row.params if row.required(param)]
    if needed:
        form["required"] = needed
    if row.fields:
        form["patternProperties"] = {"^u_": {"type": "string"}}
    return {"get": {"operationId": f"get_{row.name}", **described, "parameters": params + shared},
            "post": {"operationId": f"post_{row.name}", **described, "parameters": shared,
                     "requestBody": {"content": {kind: {"schema": form} for kind in (
                         "application/json", "application/x-www-form-urlencoded")}}}}


# -- man page --------------------------------------------------------------------------------------

def man_page():
    """mizud(8) as roff."""
    lines = [f'.TH MIZUD 8 "" "mizud {VERSION}" "System administration"', ".SH NAME",
             "mizud \\- VoIP softswitch with the API of the Mizutech VoIP server", ".SH SYNOPSIS",
             ".B python3 mizud.py\n[\\fB\\-\\-config\\fR FILE] [\\fB\\-\\-data\\fR DIR] [\\fB\\-\\-port\\fR N] "
             "[\\fB\\-\\-set\\fR name=value] [\\fB\\-\\-check\\-config\\fR] [\\fB\\-\\-ini\\fR] "
             "[\\fB\\-\\-openapi\\fR] [\\fB\\-\\-manual\\fR] [\\fB\\-\\-version\\fR]\n.br\n"
             ".B python3 mizud.py console\n[HOST[:PORT]] [\\fB\\-c\\fR COMMAND]", ".SH DESCRIPTION",
             "One process serves the API, its console and its files on one port.  The first start makes the data "
             "folder, the database, keys and the administrator, and prints how to make the first request.",
             ".SH COMMANDS"]
    group = None
    for row in commands():
        if row.group != group:
            group = row.group
            lines.append(f".SS {_roff(GROUPS[group])}")
        lines += [".TP", f"\\fB{_roff(', '.join(row.names))}\\fR {_roff(signature(row))}",
                  _roff(f"{row.summary}. For {WHO[row.access]}.".replace("..", "."))]
        lines += [f".br\n{_roff(f'{param.name}: {param.help}')}" for param in row.params]
    lines.append(".SH SETTINGS")
    for option in OPTIONS:
        default = _roff(option.default or "none")
        lines += [".TP", f"\\fB{_roff(option.name)}\\fR ({option.section}, default {default})", _roff(option.help)]
    lines += [".SH EXIT STATUS", "0 success, 64 usage, 69 a port cannot be had, 74 the database cannot be written, "
              "78 configuration."]
    return "\n".join(lines) + "\n"


def _roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in (".", "'") else text
