"""The decision log: journal entries chained by hashes (design.md D11).

Each link's hash covers all its fields and the hash before it, as SHA-256 over canonical JSON, so an
altered, removed or inserted row breaks the chain from there on; how many links there are is counted
beside it, so that the newest ones cannot go unnoticed either. The link is made under the journal's
write lock, so two people deciding at once cannot fork the chain.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import date
from typing import Final

from domain.errors import DecisionError, DecisionRepeated, StorageCorrupt
from domain.identifiers import AssetId
from domain.records import YEARS, Decision, DecisionVerb
from storage.entries import DecisionBody, decode_body, encode_body
from storage.journal import Entry, Journal
from storage.persons import list_persons, seal_name, unseal_name
from storage.protocols import DecisionDraft, OnceKey
from storage.row_checksum import row_checksum

__all__ = [
    "JournalDecisionLog",
    "assessments_decided_on",
    "chain_faults",
    "chain_hashes",
    "chain_head",
    "decision_entries",
    "decision_hash",
    "decisions_written",
]

_SCAN: Final = 1000
_LINKS_WRITTEN: Final = "decisions_written"
_LATER_FIELDS: Final = ("organisation", "alarm_kind", "failed_on", "event_id")
_CONDITIONS: Final = range(1, 7)
_EXPECTED_DAY: Final = f"expected an ISO date such as 2026-09-15, in a year from {YEARS[0]} to {YEARS[-1]}"


class JournalDecisionLog:
    """The decision log of one journal.

    Parameters
    ----------
    journal : Journal
        A connection of its own.
    alarm_kind : callable
        Gives the kind of an alarm by its identifier, None for an unknown alarm.
    """

    def __init__(self, journal: Journal, alarm_kind: Callable[[str], str | None]) -> None:
        self._journal = journal
        self._alarm_kind = alarm_kind

    def append(self, draft: DecisionDraft, *, decided_at_ns: int, once: OnceKey | None = None) -> Decision:
        """Write one decision as the next link; with a key that came before, give what it led to.

        Raises
        ------
        DecisionRepeated
            If the key came before with another decision.
        DecisionError
            If the name or reason is empty, or the verb lacks what it needs.
        StorageUnavailable
            If the journal cannot be written now.
        """
        return self.append_all([draft], decided_at_ns=decided_at_ns, once=once)[0]

    def append_all(
        self, drafts: Sequence[DecisionDraft], *, decided_at_ns: int, once: OnceKey | None = None
    ) -> Sequence[Decision]:
        """Write decisions as links one after the other, all or none; with a key that came before, give those.

        Parameters
        ----------
        drafts : sequence of DecisionDraft
            One, or one for each alarm of an event, all with its `event_id`.

        Raises
        ------
        DecisionRepeated
            If the key came before with another decision.
        DecisionError
            If there is none, a name or reason is empty, or a verb lacks what it needs.
        StorageUnavailable
            If the journal cannot be written now.
        """
        if not drafts:
            raise DecisionError("got no decision, expected at least one")
        for draft in drafts:
            _check(draft)
        kinds = [self._alarm_kind(draft.alarm_id) if draft.alarm_id else None for draft in drafts]
        with self._journal.transaction() as db:
            if once is not None and (earlier := _earlier(db, once)):
                return self._readable(earlier)
            row = db.execute("SELECT body FROM entry WHERE kind = 'decision' ORDER BY seq DESC LIMIT 1").fetchone()
            previous = _decision(row[0]).hash if row else ""
            sequence = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'entry'").fetchone()
            first = (int(sequence[0]) if sequence else 0) + 1
            links: list[Decision] = []
            for seq, (draft, kind) in enumerate(zip(drafts, kinds, strict=True), first):
                sealed = seal_name(db, draft.decided_by.strip())
                link = _link(draft, seq, sealed, decided_at_ns=decided_at_ns, kind=kind, previous=previous)
                _write_link(db, link, kind)
                previous = link.hash
                links.append(replace(link, decided_by=draft.decided_by.strip()))
            if once is not None:
                row = (once.key, once.asked, first)
                db.execute("INSERT INTO once VALUES (?, ?, ?, ?)", (*row, row_checksum(*row)))
        return links

    def repeated(self, once: OnceKey) -> Sequence[Decision]:
        """Give what a key led to before; empty for a new one.

        Raises
        ------
        DecisionRepeated
            If the key came before with another decision.
        """
        with self._journal.transaction() as db:
            return self._readable(_earlier(db, once))

    def decisions(
        self, *, asset: AssetId | None = None, before_seq: int | None = None, limit: int = 100
    ) -> Sequence[Decision]:
        """List decisions newest first."""
        links = (body.decision for _, body in _newest_first(self._journal, before=before_seq))
        own = (link for link in links if asset in {None, link.asset})
        return self._readable(list(itertools.islice(own, limit)))

    def decisions_after(self, seq: int, *, asset: AssetId | None = None, limit: int = 100) -> Sequence[Decision]:
        """List decisions oldest first."""
        entries = decision_entries(self._journal, after=seq)
        links = (entry.body.decision for entry in entries if isinstance(entry.body, DecisionBody))
        own = (link for link in links if asset in {None, link.asset})
        return self._readable(list(itertools.islice(own, limit)))

    def _readable(self, links: Sequence[Decision]) -> list[Decision]:
        """Give links with the names that can still be read; their hashes are of what is stored."""
        persons = list_persons(self._journal)
        return [replace(link, decided_by=unseal_name(link.decided_by, persons)) for link in links]


def decision_hash(decision: Decision) -> str:
    """Compute the hash of a link: SHA-256 in hex over all fields but the hash itself.

    Fields that links did not always have are left out while they are empty, so that older links keep their hash.
    """
    fields = asdict(decision)
    del fields["hash"]
    for name in _LATER_FIELDS:
        if not fields[name]:
            del fields[name]
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def chain_faults(journal: Journal) -> list[str]:
    """Walk the chain from its first link; an empty list means that it is whole."""
    faults: list[str] = []
    links = list(_newest_first(journal))
    previous = ""
    for seq, body in reversed(links):
        link = body.decision
        if link.previous_hash != previous:
            faults.append(f"decision {link.id}: the link before it is missing or was altered")
        relabelled = link.alarm_kind and body.alarm_kind != link.alarm_kind
        if decision_hash(link) != link.hash or link.seq != seq or relabelled:
            faults.append(f"decision {link.id}: its content was altered after it was written")
        previous = link.hash
    written = decisions_written(journal)
    if len(links) != written:
        faults.append(f"got {len(links)} decisions, expected the {written} that were written")
    return faults


def decision_entries(journal: Journal, *, after: int = 0, upto: int | None = None) -> Iterator[Entry]:
    """Walk the entries of decisions behind one and up to another, oldest first, each with what it led to."""
    while page := journal.oldest("decision", after=after, limit=_SCAN):
        for entry in page:
            if upto is not None and entry.seq > upto:
                return
            yield entry
        if len(page) < _SCAN:
            return
        after = page[-1].seq


def assessments_decided_on(journal: Journal) -> frozenset[str]:
    """Give the identifiers of all assessments that a decision rests on."""
    assessments = (body.decision.assessment_id for _, body in _newest_first(journal))
    return frozenset(assessment for assessment in assessments if assessment is not None)


def decisions_written(journal: Journal) -> int:
    """Give how many links were ever written."""
    return journal.read_number(_LINKS_WRITTEN)


def chain_head(journal: Journal) -> tuple[int, str]:
    """Give how many links there are, and the hash of the newest: to be written down elsewhere, and compared later."""
    newest = journal.newest("decision")
    body = newest[0].body if newest else None
    return decisions_written(journal), body.decision.hash if isinstance(body, DecisionBody) else ""


def chain_hashes(journal: Journal) -> set[str]:
    """Give the hash of every link."""
    return {body.decision.hash for _, body in _newest_first(journal)}


def _newest_first(journal: Journal, *, before: int | None = None) -> Iterator[tuple[int, DecisionBody]]:
    """Walk the log from its newest link, or from before an entry, to its first: the entry's number and its body."""
    while page := journal.newest("decision", before=before, limit=_SCAN):
        yield from ((entry.seq, entry.body) for entry in page if isinstance(entry.body, DecisionBody))
        if len(page) < _SCAN:
            return
        before = page[-1].seq


def _link(
    draft: DecisionDraft, seq: int, sealed: str, *, decided_at_ns: int, kind: str | None, previous: str
) -> Decision:
    decision = Decision(
        id=f"d{seq}",
        seq=seq,
        asset=draft.asset,
        verb=draft.verb,
        decided_by=sealed,
        reason=draft.reason.strip(),
        decided_at_ns=decided_at_ns,
        alarm_id=draft.alarm_id,
        assessment_id=draft.assessment_id,
        due_on=draft.due_on,
        condition=draft.condition,
        previous_hash=previous,
        organisation=draft.organisation,
        alarm_kind=kind or "",
        failed_on=draft.failed_on,
        event_id=draft.event_id,
    )
    return replace(decision, hash=decision_hash(decision))


def _write_link(db: sqlite3.Connection, decision: Decision, kind: str | None) -> None:
    body = encode_body(DecisionBody(decision=decision, alarm_kind=kind))
    db.execute(
        "INSERT INTO entry (seq, kind, body, outcome, crc) VALUES (?, 'decision', ?, x'', ?)",
        (decision.seq, body, row_checksum(decision.seq, "decision", body, b"")),
    )
    db.execute(
        "INSERT INTO meta VALUES (?, 1, row_checksum(?, 1)) ON CONFLICT (key) DO UPDATE SET "
        "value = value + 1, crc = row_checksum(key, value + 1)",
        (_LINKS_WRITTEN, _LINKS_WRITTEN),
    )


def _earlier(db: sqlite3.Connection, once: OnceKey) -> list[Decision]:
    """Give what a key led to: one link, or the links of one event, which follow each other without a gap."""
    row = db.execute("SELECT asked, seq FROM once WHERE key = ?", (once.key,)).fetchone()
    if row is None:
        return []
    if row[0] != once.asked:
        raise DecisionRepeated("got a key that came before with another decision; choose a new one for each")
    (body,) = db.execute("SELECT body FROM entry WHERE seq = ?", (row[1],)).fetchone()
    links = [_decision(body)]
    rows = db.execute("SELECT body FROM entry WHERE kind = 'decision' AND seq > ? ORDER BY seq", (row[1],))
    for (body,) in rows:
        link = _decision(body)
        same = (link.event_id, link.decided_at_ns, link.seq)
        if not link.event_id or same != (links[0].event_id, links[0].decided_at_ns, links[-1].seq + 1):
            break
        links.append(link)
    return links


def _decision(body: bytes) -> Decision:
    decoded = decode_body(body)
    if not isinstance(decoded, DecisionBody):
        raise StorageCorrupt(f"journal entry of kind decision holds {type(decoded).__name__}; restore a backup")
    return decoded.decision


def _check(draft: DecisionDraft) -> None:
    if not draft.decided_by.strip():
        raise DecisionError("got no name, expected who decides; a decision always has a person")
    if not draft.decided_by.isprintable():
        raise DecisionError("got a name with control characters, expected readable text")
    if not draft.reason.strip():
        raise DecisionError("got no reason, expected why; an auditor will ask")
    if draft.verb is DecisionVerb.PLAN and not draft.due_on:
        raise DecisionError("got `plan` without a date, expected the date of the planned work")
    if draft.due_on is not None and not _is_day(draft.due_on):
        raise DecisionError(f"got due date {draft.due_on!r}, {_EXPECTED_DAY}")
    if draft.failed_on is not None and not _is_day(draft.failed_on):
        raise DecisionError(f"got day of failure {draft.failed_on!r}, {_EXPECTED_DAY}")
    if draft.verb is DecisionVerb.CORRECT_CONDITION and draft.condition is None:
        raise DecisionError("got `correct-condition` without a condition, expected a score from 1 to 6")
    if draft.condition is not None and draft.condition not in _CONDITIONS:
        raise DecisionError(f"got condition {draft.condition}, expected a score from 1 to 6")


def _is_day(text: str) -> bool:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return False
    return day.isoformat() == text and day.year in YEARS
