"""The commands, one file a topic; they see no socket, no SQL and no format."""


def load():
    """Import every file of commands, which fills the table."""
    from . import (accounts, calls, cdr, cdrfiles, doctor, fields, files, forgotten, history, logs, money,  # noqa: F401
                   numbers, operate, payments, phones, profile, rates, rebill, recharge, registrations, session,
                   settings, signup, sql, trunks)
