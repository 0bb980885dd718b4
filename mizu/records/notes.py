"""Notes of the server itself among the settings: rows of tb_settings whose names begin with `_`."""


def note(db, name):
    """The text of a note, or None."""
    return db.value("SELECT value FROM tb_settings WHERE name = ?", (name,))


def take_note(unit, name, text, when):
    unit.run("DELETE FROM tb_settings WHERE name = ?", (name,))
    unit.run("INSERT INTO tb_settings (name, value, changed, changedby) VALUES (?, ?, ?, 'server')", (name, text, when))


def hidden_key(db, entropy):
    """32 octets that no client knows, unlike apiv2md5salt; made when first needed, behind the gate or in a unit."""
    text = note(db, "_hidden_key")
    if text is None:
        text = entropy.hex(32)
        with db.unit() as unit:
            take_note(unit, "_hidden_key", text, db.now())
    return bytes.fromhex(text)
