"""`mizud.py doctor`: looks at an installation, beside a server that runs or without one."""

import os

from .base.clock import Clock
from .base.errors import ConfigError
from .records.doctor import ERROR, Case, Finding, diagnose

SOCK_STREAM = 1
"""As everywhere: socket.SOCK_STREAM without the module, which is net's."""


def told(findings):
    """Two lines a finding, and how many there are."""
    lines = [f"{each.severity:7}  {each.subject}: {each.text}\n{'':9}-> {each.remedy}" for each in findings]
    end = "all is well" if not findings else "1 finding" if len(findings) == 1 else f"{len(findings)} findings"
    return "\n".join([*lines, end])


def examined(folders, ini, sets, environ):
    """[Finding] of a data folder (firststart.Folders) under the settings that a start would have."""
    from .net.addresses import own_addresses
    from .store.settings import check
    if not os.path.exists(folders.database):
        return [Finding(ERROR, "data", f"there is no database in {folders.data}",
                        "start the server once, or name its folder by --data")]
    try:
        settings = check(sets, environ, ini, folders.database)
    except ConfigError as error:
        return [Finding(ERROR, "settings", "; ".join(str(error).split("\n")), "mend them: the server does not start")]
    return diagnose(Case(folders, settings, Clock().now(), own_addresses(), taken=_taken(folders, settings)))


def _taken(folders, settings):
    """Sentences about chosen ports that others have, or that cannot be opened."""
    from .net.bind import PortTaken, bound_socket
    ours, sentences = f"(pid {_running(folders)})", []
    for name in ("mainaport", "sslportmain", "adminport"):
        port = getattr(settings, name)
        if not settings.was_chosen(name) or not isinstance(port, int) or not port:
            continue
        try:
            bound_socket(SOCK_STREAM, "", port).close()
        except PortTaken as error:
            if ours not in str(error):
                sentences.append(f"{error} (setting {name})")
    return sentences


def _running(folders):
    """The number of the process that holds the folder, or held it last; "" without one."""
    try:
        with open(folders.lock, encoding="ascii", errors="replace") as file:
            return file.read(20).strip()
    except OSError:
        return ""
