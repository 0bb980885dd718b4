"""What the other side is shown of a caller: tb_users.cli of who calls and of who is called (RFC 3323, RFC 3325).

    0 always forward: shown although the caller asks for privacy   3 asserted to trunks, which are trusted
    1 normal                                                       4 hide; trunks hear it asserted
    2 asserted identity always                                     5 hide all

The stricter of both sides hides; whether it is asserted is the called side's.
"""

ALWAYS, NORMAL, ASSERT, ASSERT_TRUSTED, HIDE, HIDE_ALL = range(6)


def shown(to, caller, own, profile, trunk):
    """Fill in a Destination: caller, display, hidden, asserted.

    own, profile   Profiles of the caller's account and of the called one
    trunk          whether it goes to another network: a user name is no number there
    """
    account, policy = caller.account, profile.cli
    number = caller.number or account.telnumber or account.username
    if trunk and account.telnumber and number == account.username:
        number = account.telnumber
    hide = HIDE_ALL if HIDE_ALL in (policy, own.cli) else HIDE if HIDE in (policy, own.cli) or (
        caller.private and ALWAYS not in (policy, own.cli)) else 0
    to.caller, to.display = number, "" if hide else caller.display or own.displayname
    to.hidden = bool(hide)
    if hide != HIDE_ALL and (policy == ASSERT or trunk and (hide or policy == ASSERT_TRUSTED)):
        to.asserted = number
    return to
