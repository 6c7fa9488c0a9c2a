"""Names of people in the decision log: sealed in the chain, and erased by destroying a key.

The chain must show for ever that nothing in it was changed; a person's name must go when the law says so. So a link
holds a pseudonym and the name under a key of that person (AES-256-GCM, bound to the pseudonym). The hash covers what
is sealed. To erase a person, the row with name and key is overwritten: the link stays as it was, every hash still
holds, and nobody can read the name again. Copies in backups go with the backups; the key is in the journal's file.
"""

from __future__ import annotations

import base64
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.journal import Journal
from storage.row_checksum import row_checksum

__all__ = ["Person", "erase_person", "list_persons", "seal_name", "unseal_name"]

# A name cannot begin with it: `storage.decisions` takes no control characters.
_MARK: Final = "\x02"
_NONCE_BYTES: Final = 12
_KEY_BITS: Final = 256


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who decided something."""

    id: str
    name: str
    key: bytes


def seal_name(db: sqlite3.Connection, name: str) -> str:
    """Give what the chain holds instead of a name; a new person gets a pseudonym and a key, in this transaction."""
    row = db.execute("SELECT id, name, key FROM person WHERE name = ?", (name,)).fetchone()
    if row is None:
        row = (f"p-{secrets.token_hex(8)}", name, AESGCM.generate_key(_KEY_BITS))
        db.execute("INSERT INTO person (id, name, key, crc) VALUES (?, ?, ?, ?)", (*row, row_checksum(*row)))
    person = Person(*row)
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = nonce + AESGCM(person.key).encrypt(nonce, name.encode(), person.id.encode())
    return f"{_MARK}{person.id}:{base64.b64encode(sealed).decode()}"


def unseal_name(text: str, persons: Mapping[str, Person]) -> str:
    """Read a name in the chain; the pseudonym, where the person was erased. Older links hold plain names."""
    if not text.startswith(_MARK):
        return text
    pseudonym, _, sealed = text.removeprefix(_MARK).partition(":")
    person = persons.get(pseudonym)
    if person is None:
        return pseudonym
    raw = base64.b64decode(sealed)
    try:
        return AESGCM(person.key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], pseudonym.encode()).decode()
    except InvalidTag:
        return pseudonym  # the key is another's: `schouw audit verify` says what was altered


def list_persons(journal: Journal) -> dict[str, Person]:
    """Give everybody whose name can be read, by pseudonym."""
    with journal.reading() as db:
        return {row[0]: Person(*row) for row in db.execute("SELECT id, name, key FROM person ORDER BY id")}


def erase_person(journal: Journal, name: str) -> str | None:
    """Destroy a person's key and name, and give the pseudonym; None when nobody has this name.

    SQLite overwrites what is deleted, and the file beside it that held the page is emptied.
    """
    with journal.reading() as db:
        db.execute("PRAGMA secure_delete=ON")
    with journal.transaction() as db:
        row = db.execute("SELECT id FROM person WHERE name = ?", (name,)).fetchone()
        if row is not None:
            db.execute("DELETE FROM person WHERE id = ?", row)
    with journal.reading() as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return None if row is None else str(row[0])
