"""What is stored, why and how long, generated from the schemas themselves: a table without a purpose fails a test.

Personal data are marked by column: what stands under `personal` says something about a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import MetaData

from storage.access_tables import access_metadata
from storage.journal import Journal
from storage.tables import metadata

__all__ = ["UNEXPLAINED", "StoredTable", "stored_tables"]

UNEXPLAINED: Final = "not written down; say why in storage/purposes.py"


@dataclass(frozen=True, slots=True)
class StoredTable:
    """One table: where, what for, how long, and which columns say something about a person."""

    store: str
    table: str
    columns: tuple[str, ...]
    purpose: str
    kept: str
    personal: tuple[str, ...] = ()


_RESTS: Final = "as long as the service is used; made anew from the journal"
_LOG: Final = "for ever: it is the log that people rely on"
_WINDOW: Final = "until a snapshot and the projections cover it"
# Store and table to purpose, how long, and columns about persons.
_PURPOSES: Final[dict[tuple[str, str], tuple[str, str, tuple[str, ...]]]] = {
    ("journal", "meta"): ("positions of the journal itself", "always", ()),
    ("journal", "entry"): (
        "readings and closings, the register, and the chained log of decisions (names sealed, reasons in plain text)",
        f"readings {_WINDOW}; decisions {_LOG}",
        ("body",),
    ),
    ("journal", "channel"): ("lasting numbers of channels", "always", ()),
    ("journal", "hop"): ("readings of closed intervals, to know duplicates", "longer than the back-fill window", ()),
    ("journal", "late_hop"): ("which closed intervals were scored anew with late data", "the back-fill window", ()),
    ("journal", "checkpoint"): ("saved states to score late data from", "the back-fill window", ()),
    ("journal", "arrival"): ("hashes of messages refused or without a usable time", "the back-fill window", ()),
    ("journal", "held"): ("messages of unknown senders, until they are onboarded", "until onboarding", ()),
    ("journal", "part"): ("parts of waveforms that are not whole yet", "minutes", ()),
    ("journal", "refusal_hour"): ("counts of values refused for want of a channel", "until their hour is over", ()),
    ("journal", "snapshot"): ("state of the model per asset", "until the next save but one", ()),
    ("journal", "tally"): ("exact counts of messages and readings", "always", ()),
    ("journal", "person"): (
        "names of those who decided, with the key that unseals them in the log",
        "until the person is erased (`schouw privacy erase`)",
        ("id", "name", "key"),
    ),
    ("journal", "once"): ("hashes of requests, so that none is carried out twice", "always", ()),
    ("operational", "projection"): ("how far the rows are", _RESTS, ()),
    ("operational", "asset"): ("the register, for lists and pages", _RESTS, ()),
    ("operational", "channel"): ("channels and their newest readings", _RESTS, ()),
    ("operational", "assessment"): ("what was said about assets", _RESTS, ()),
    ("operational", "risk"): ("the newest assessment of each asset", _RESTS, ()),
    ("operational", "alarm"): ("calls to look", _RESTS, ()),
    ("operational", "dead_letter"): ("messages that were refused, with their first bytes", _RESTS, ()),
    ("operational", "quarantine"): ("unknown senders", _RESTS, ()),
    ("operational", "mode"): ("natural frequencies of each asset by day", _RESTS, ()),
    ("operational", "spectrum"): ("the newest averaged spectra of each asset", _RESTS, ()),
    ("operational", "gateway"): ("gateways that came and went", _RESTS, ()),
    ("access", "api_key"): ("keys of systems, as hashes, with their last use", "until removed by hand", ()),
    ("access", "session"): (
        "people who are logged in", "until the login ends, hours at most", ("person", "name", "role", "last_used_ns"),
    ),
    ("access", "audit"): (
        "who wrote what, and who was denied", "the setting access.audit_days", ("caller_id", "address", "at_ns"),
    ),
    ("access", "webhook"): ("where organisations want to be told", "until removed", ()),
    ("access", "delivery"): (
        "what was sent to whom, with what the receiver said; decisions carry the name of who decided",
        "30 days after it was made", ("body",),
    ),
}  # fmt: skip


def stored_tables(journal: Journal | None) -> list[StoredTable]:
    """List every table of every schema; the journal's as its file has them."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    if journal is not None:
        with journal.reading() as db:
            names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
            for name in names:
                if not name.startswith("sqlite_"):
                    rows = db.execute("SELECT name FROM pragma_table_info(?)", (name,)).fetchall()
                    found["journal", name] = tuple(str(row[0]) for row in rows)
    for store, schema in (("operational", metadata), ("access", access_metadata)):
        found |= _tables(store, schema)
    listed = []
    for (store, table), columns in found.items():
        purpose, kept, personal = _PURPOSES.get((store, table), (UNEXPLAINED, UNEXPLAINED, ()))
        listed.append(StoredTable(store, table, columns, purpose, kept, personal))
    return listed


def _tables(store: str, schema: MetaData) -> dict[tuple[str, str], tuple[str, ...]]:
    return {(store, table.name): tuple(column.name for column in table.columns) for table in schema.sorted_tables}
