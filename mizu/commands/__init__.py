"""The commands, one file a topic; they see no socket, no SQL and no format."""


def load():
    """Import every file of commands, which fills the table."""
    from . import (accounts, calls, cdr, cdrfiles, clicktocall, doctor, fields, files, forgotten, forward,  # noqa: F401
                   history, logs, money, numbers, operate, payments, phones, profile, rates, rebill, recharge,
                   registrations, routing, session, settings, signup, sql, story, trunks, upstream)
