"""The commands, one file a topic; they see no socket, no SQL and no format."""


def load():
    """Import every file of commands, which fills the table."""
    from . import (accounts, cdr, cdrfiles, fields, files, history, logs, money, numbers, operate, profile,  # noqa: F401
                   rates, recharge, session, settings, signup, sql)
