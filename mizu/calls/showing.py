"""What the other side is shown of a caller: tb_users.cli of who calls and of who is called (RFC 3323, RFC 3325).

    0 always forward: shown although the caller asks for privacy   3 asserted to trunks, which are trusted
    1 normal                                                       4 hide; trunks hear it asserted
    2 asserted identity always                                     5 hide all

The stricter of both sides hides, and either may want it asserted; of a caller who hides himself only trunks, and a
called side whose own row says "always", hear it asserted.
"""

ALWAYS, NORMAL, ASSERT, ASSERT_TRUSTED, HIDE, HIDE_ALL = range(6)


def shown(to, caller, own, profile, trunk):
    """Fill in a Destination: caller, display, hidden, asserted.

    own, profile   Profiles of the caller's account and of the called one
    trunk          whether it goes to another network: a user name is no number there
    """
    account, policies = caller.account, (profile.cli, own.cli)
    number = caller.number or account.telnumber or account.username
    if trunk and account.telnumber and number == account.username:
        number = account.telnumber
    hide = HIDE_ALL in policies or HIDE in policies or caller.private and ALWAYS not in policies
    to.hidden = hide
    to.caller, to.display = number, "" if hide else caller.display or own.displayname
    wanted = trunk if hide else ASSERT in policies or trunk and ASSERT_TRUSTED in policies
    if HIDE_ALL not in policies and (wanted or profile.cli == ASSERT):
        to.asserted = number
    return to
