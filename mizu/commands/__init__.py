"""The commands, one file a topic; they see no socket, no SQL and no format."""


def load():
    """Import every file of commands, which fills the table."""
    from . import (accounts, cdr, fields, logs, money, numbers, operate, profile, rates, recharge,  # noqa: F401
                   session, settings, signup, sql)
