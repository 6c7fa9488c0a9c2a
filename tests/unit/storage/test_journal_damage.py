"""What keeps a journal from being looked into is no damage of it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from domain.errors import StorageUnavailable
from storage.journal import Journal
from storage.journal_damage import find_damage


def test_a_folder_that_cannot_be_written_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`schouw doctor` ended in a traceback: SQLite keeps an index beside the file, also for who only reads.

    Root may write everywhere, so SQLite's own word is put in its place.
    """
    path = tmp_path / "journal.sqlite"
    Journal(path).close()

    class Refusing(sqlite3.Connection):
        def execute(self, *_: object) -> sqlite3.Cursor:
            raise sqlite3.OperationalError("attempt to write a readonly database")

    def connect(name: str, *, uri: bool) -> Refusing:
        return Refusing(name, uri=uri)

    monkeypatch.setattr("storage.journal_damage.sqlite3.connect", connect)
    with pytest.raises(StorageUnavailable, match=r"cannot be looked into \(SQLite: attempt to write.*; run this as"):
        find_damage(path)


def test_a_file_that_cannot_be_opened_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match=r"cannot be looked into \(SQLite: unable to open"):
        find_damage(tmp_path / "nowhere.sqlite")
