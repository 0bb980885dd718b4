"""Forgotten passwords: the question, the answer, and links that are good once (tb_resetlinks).

Nothing here tells whether an address belongs to an account: to one that does not belongs a question, too, always the
same.  Of a link's token a hash is kept.
"""

import hmac
from hashlib import sha256

from ..base.clock import utc_text
from .notes import hidden_key

LIFETIME = 3600
"""Seconds that a link is good for."""

MOST_ACCOUNTS = 10
"""Accounts of one address that are looked at."""

INVENTED = (
    "What was the name of your first pet?", "In which city were you born?", "What is your mother's maiden name?",
    "What was the name of your first school?", "What is your favourite book?", "What was your first car?",
    "What is the name of your best friend?", "What is your favourite food?",
)

_ASKED = ("SELECT id, username, email, forgotpasswordquestion, forgotpasswordanswer FROM tb_users"
          " WHERE email = ? AND email <> '' AND forgotpasswordquestion <> '' AND forgotpasswordanswer <> ''"
          f" AND enabled <> 0 AND temporarydisabled = 0 ORDER BY id LIMIT {MOST_ACCOUNTS}")


class Resets:
    """db, clock, entropy."""

    def __init__(self, db, clock, entropy):
        self.db = db
        self.clock = clock
        self.entropy = entropy

    def question(self, email):
        """The question of the account with this address, or one that stands for it."""
        key = hidden_key(self.db, self.entropy)
        number = hmac.new(key, email.lower().encode("utf-8", "surrogatepass"), sha256).digest()[0]
        rows = self.db.rows(_ASKED, (email,))
        return rows[0][3] if rows else INVENTED[number % len(INVENTED)]

    def answered(self, email, answer):
        """[(id, username, email)] of the accounts with this address whose question this answers; case and blanks do
        not count."""
        given = _plain(answer)
        return [(id, username, address) for id, username, address, _, right in self.db.rows(_ASKED, (email,))
                if hmac.compare_digest(_plain(right), given)]

    def issue(self, unit, id):
        """A token that lets whoever has it set the account's password once; older ones end."""
        token = self.entropy.hex(16)
        unit.run("DELETE FROM tb_resetlinks WHERE userid = ? OR expires <= ?", (id, self.clock.utc()))
        unit.run("INSERT INTO tb_resetlinks (userid, tokenhash, expires) VALUES (?, ?, ?)",
                 (id, _hash(token), utc_text(self.clock.now() + LIFETIME)))
        return token

    def take(self, unit, token):
        """The account of a token, which is used up; None for one that is not good, or not any more."""
        row = self.db.row("SELECT userid FROM tb_resetlinks WHERE tokenhash = ? AND expires > ?",
                          (_hash(token), self.clock.utc()))
        if row is None:
            return None
        unit.run("DELETE FROM tb_resetlinks WHERE userid = ?", row)
        return row[0]


def _hash(token):
    return sha256(token.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()


def _plain(text):
    return " ".join(text.split()).casefold().encode("utf-8", "surrogatepass")
