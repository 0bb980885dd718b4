"""The commands, one file a topic; they see no socket, no SQL and no format."""


def load():
    """Import every file of commands, which fills the table."""
    from . import (accounts, cdr, cdrfiles, fields, files, logs, money, numbers, operate, profile, rates,  # noqa: F401
                   recharge, session, settings, signup, sql)
