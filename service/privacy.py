"""A person's data: what there is, all of it for them, and gone when they ask, with the decision log still whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, delete, select, update

from api.times import rfc3339
from domain.errors import ConfigurationError
from service.folder import check_installed
from service.operator_trail import note_operator
from service.settings import Settings
from storage.access_tables import audit_table, delivery_table, session_table
from storage.database import open_database, translated, upgrade_access_schema
from storage.decisions import JournalDecisionLog
from storage.journal import Journal
from storage.persons import erase_person
from storage.purposes import StoredTable, stored_tables

__all__ = ["erase", "export_person", "list_stored"]

_SCAN = 500


def list_stored(settings: Settings) -> list[StoredTable]:
    """List what is stored, why and how long."""
    journal = _journal(settings)
    try:
        return stored_tables(journal)
    finally:
        journal.close()


def export_person(settings: Settings, name: str, known_as: Sequence[str] = ()) -> dict[str, Any]:
    """Give all that is stored about a person: decisions, sessions, and the trail of what they did.

    Parameters
    ----------
    known_as : sequence of str
        Identifiers that a login gave them. The trail holds these and no names; those of a session that stands are
        known, and with the others it is found after the last session has ended.

    Raises
    ------
    ConfigurationError
        If nobody has this name.
    """
    journal = _journal(settings)
    try:
        decisions = [
            {
                "id": link.id,
                "asset": link.asset,
                "verb": link.verb.value,
                "reason": link.reason,
                "at": rfc3339(link.decided_at_ns),
            }
            for link in _decisions(journal)
            if link.decided_by == name
        ]
    finally:
        journal.close()
    engine = _access(settings)
    with translated(engine), engine.connect() as db:
        subjects = _subjects(db, name, known_as)
        sessions = [
            {"person": row.person, "role": row.role, "since": rfc3339(row.created_at_ns)}
            for row in db.execute(select(session_table).where(session_table.c.name == name))
        ]
        trail = [
            {
                "at": rfc3339(row.at_ns),
                "address": row.address,
                "method": row.method,
                "path": row.path,
                "status": row.status,
            }
            for row in db.execute(select(audit_table).where(audit_table.c.caller_id.in_(subjects)))
        ]
    engine.dispose()
    note_operator(settings, "privacy/export")
    if not (decisions or sessions or trail):
        raise ConfigurationError(f"got {name!r}, expected the name of somebody who decided something or is logged in")
    return {"name": name, "decisions": decisions, "sessions": sessions, "trail": trail}


def erase(settings: Settings, name: str, known_as: Sequence[str] = ()) -> tuple[str | None, list[str]]:
    """Erase a person: the key of their name, their sessions, their part in the trail and in what was sent.

    Parameters
    ----------
    known_as : sequence of str
        As for `export_person`.

    Returns
    -------
    pseudonym : str or None
        Under which their decisions stand from now on; None when they decided nothing.
    mentioned : list of str
        Decisions whose reason still holds the name: text that the chain covers and that cannot be taken out.

    Raises
    ------
    ConfigurationError
        If there is no installation.
    """
    check_installed(settings)
    engine = _access(settings)
    with translated(engine), engine.begin() as db:
        subjects = _subjects(db, name, known_as)
        db.execute(delete(session_table).where(session_table.c.name == name))
        db.execute(
            update(audit_table).where(audit_table.c.caller_id.in_(subjects)).values(caller_id="erased", address="")
        )
        db.execute(delete(delivery_table).where(delivery_table.c.body.contains(name, autoescape=True)))
    engine.dispose()
    journal = _journal(settings)
    try:
        pseudonym = erase_person(journal, name)
        mentioned = [link.id for link in _decisions(journal) if name.casefold() in link.reason.casefold()]
    finally:
        journal.close()
    note_operator(settings, f"privacy/erase/{pseudonym or 'nobody'}")
    return pseudonym, mentioned


def _subjects(db: Connection, name: str, known_as: Sequence[str]) -> set[str]:
    """Give the identifiers that logins gave a person."""
    rows = db.execute(select(session_table.c.person).where(session_table.c.name == name))
    return {row.person for row in rows} | set(known_as)


def _decisions(journal: Journal) -> list[Any]:
    log = JournalDecisionLog(journal, lambda _: None)
    found: list[Any] = []
    after = 0
    while links := log.decisions_after(after, limit=_SCAN):
        found.extend(links)
        after = links[-1].seq
    return found


def _journal(settings: Settings) -> Journal:
    check_installed(settings)
    return Journal(settings.journal_path)


def _access(settings: Settings) -> Engine:
    engine = open_database(settings.access_address)
    upgrade_access_schema(engine)  # there are no tables where nobody logged in or made a key
    return engine
