"""The journal against a plain dictionary: whatever is committed, fails, is pruned or comes from elsewhere."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.errors import StorageCorrupt, StorageUnavailable
from domain.identifiers import AssetId
from domain.records import DecisionVerb
from storage.decisions import JournalDecisionLog, chain_faults
from storage.entries import ClosingBody, Outcome
from storage.journal import HeldMessage, HopRow, Journal, JournalCommit, JournalMovedError, SnapshotRow
from storage.protocols import DecisionDraft

names = st.sampled_from(["a", "b", "c"])
hashes = st.binary(min_size=1, max_size=1)
few = st.integers(0, 3)


class JournalMachine(RuleBasedStateMachine):
    """Two connections to one file, and what should be in it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.entries: dict[int, tuple[str, int | None]] = {}
        self.last = 0
        self.applied = 0
        self.tally: dict[str, int] = {}
        self.hops: dict[tuple[str, int], bytes] = {}
        self.held: dict[bytes, str] = {}
        self.arrivals: set[bytes] = set()
        self.parts: dict[tuple[str, str], dict[int, bytes]] = {}
        self.snapshots: dict[str, bytes] = {}
        self.added: dict[int, dict[str, bytes]] = {}

    @initialize()
    def open(self) -> None:
        self.journal = Journal(self.folder / "journal.sqlite")
        self.other = Journal(self.folder / "journal.sqlite")
        self.log = JournalDecisionLog(self.other, lambda _: None)

    def teardown(self) -> None:
        self.journal.close()
        self.other.close()
        shutil.rmtree(self.folder)

    def commit(self, number: int, **rows: Any) -> JournalCommit:
        body = ClosingBody(clock_ns=number, lateness_ns=0, idle_ns=0)
        return JournalCommit(body=body, kind="closing", outcome=Outcome(), applied_seq=self.applied, **rows)

    @rule(
        number=st.integers(0, 99),
        hops=st.lists(st.tuples(names, few, st.binary(max_size=3)), max_size=2),
        held=st.lists(st.tuples(names, hashes), max_size=2),
        arrivals=st.lists(hashes, max_size=2),
        parts=st.lists(st.tuples(names, few), max_size=2, unique=True),
        used=st.lists(names, max_size=1),
        counts=st.dictionaries(names, st.integers(-3, 3), max_size=2),
    )
    def commit_something(
        self,
        number: int,
        hops: list[tuple[str, int, bytes]],
        held: list[tuple[str, bytes]],
        arrivals: list[bytes],
        parts: list[tuple[str, int]],
        used: list[str],
        counts: dict[str, int],
    ) -> None:
        fresh = [(n, p) for n, p in parts if n in used or p not in self.parts.get(("t", n), {})]
        commit = self.commit(
            number,
            hops=[HopRow(AssetId(asset), start, body) for asset, start, body in hops],
            held=[HeldMessage("gw", sender, "s", digest, "t", b"p", number) for sender, digest in held],
            arrivals=[(digest, number) for digest in arrivals],
            parts=[("t", name, place, b"x", number) for name, place in fresh],
            used_parts=[("t", name) for name in used],
            tally=counts,
        )
        if self.last != self.applied:
            with pytest.raises(JournalMovedError):
                self.journal.commit(commit)
            return
        self.last += 1
        assert self.journal.commit(commit) == self.last
        self.applied = self.last
        self.entries[self.last] = ("closing", number)
        self.hops |= {(asset, start): body for asset, start, body in hops}
        for sender, digest in held:
            self.held.setdefault(digest, sender)
        self.arrivals |= set(arrivals)
        for name in used:
            self.parts.pop(("t", name), None)
        for name, place in fresh:
            self.parts.setdefault(("t", name), {})[place] = b"x"
        for name, count in counts.items():
            if count:
                self.tally[name] = self.tally.get(name, 0) + count

    @rule(number=st.integers(0, 99))
    def fail_in_the_middle(self, number: int) -> None:
        doubled = [("t", "z", 1, b"x", number)] * 2  # the second breaks the key, after much was written
        commit = self.commit(number, hops=[HopRow(AssetId("z"), 0, b"")], parts=doubled, tally={"z": 1})
        with pytest.raises((JournalMovedError, StorageCorrupt)):
            self.journal.commit(commit)

    @rule()
    def run_out_of_disk(self) -> None:
        db = self.journal._db
        db.execute(f"PRAGMA max_page_count={db.execute('PRAGMA page_count').fetchone()[0]}")
        large = [HeldMessage("gw", "z", "s", b"zz", "t", bytes(200_000), 0)]
        with pytest.raises((StorageUnavailable, JournalMovedError)):
            self.journal.commit(self.commit(0, held=large, tally={"z": 1}))
        db.execute("PRAGMA max_page_count=1000000")

    @rule()
    def decide_elsewhere(self) -> None:
        draft = DecisionDraft(AssetId("a"), DecisionVerb.INSPECT, "A. Planner", "seen")
        self.last += 1
        assert self.log.append(draft, decided_at_ns=0).seq == self.last
        self.entries[self.last] = ("decision", None)

    @rule()
    def apply_what_came(self) -> None:
        for entry in self.journal.entries(after=self.applied):
            self.journal.record_outcome(entry.seq, Outcome())
            self.applied = entry.seq

    @rule(body=st.binary(max_size=3), name=names, is_whole=st.booleans())
    def save(self, *, body: bytes, name: str, is_whole: bool) -> None:
        if self.applied <= self.journal.snapshot_seq():
            return
        self.journal.add_snapshots([SnapshotRow(AssetId(name), "models", body)], seq=self.applied)
        self.added.setdefault(self.applied, {})[name] = body
        if is_whole:
            self.journal.use_snapshots(seq=self.applied)
            self.snapshots |= self.added[self.applied]

    @rule(back=few)
    def prune(self, back: int) -> None:
        self.journal.prune(upto=self.last - back)
        self.entries = {
            seq: entry for seq, entry in self.entries.items() if seq > self.last - back or entry[0] == "decision"
        }

    @rule(name=names)
    def release(self, name: str) -> None:
        if self.last != self.applied:
            return
        rows = self.journal.held([(name, "s")])
        self.last = self.applied = self.journal.commit(self.commit(0, released=[row.id for row in rows]))
        self.entries[self.last] = ("closing", 0)
        self.held = {digest: sender for digest, sender in self.held.items() if sender != name}

    @rule()
    def restart(self) -> None:
        self.journal.close()
        self.journal = Journal(self.folder / "journal.sqlite")

    @invariant()
    def all_is_as_it_should_be(self) -> None:
        journal = self.journal
        assert (journal.last_seq(), journal.applied_seq()) == (self.last, self.applied)
        found = {
            entry.seq: (entry.kind, entry.body.clock_ns if isinstance(entry.body, ClosingBody) else None)
            for entry in journal.entries(after=0)
        }
        assert found == self.entries
        assert journal.tally() == self.tally
        keys = [(AssetId(name), start) for name in "abcz" for start in range(4)]
        assert {(row.asset, row.start_ns): row.body for row in journal.hops(keys)} == self.hops
        every = [bytes([number]) for number in range(256)] + [b"zz"]
        assert journal.known_arrivals(every) == self.arrivals
        assert journal.held_hashes(every) == set(self.held)
        assert {row.hash for row in journal.held([(name, "s") for name in "abcz"])} == set(self.held)
        stale = set(journal.stale_bursts(received_before_ns=10**6, keep_bytes=10**6))
        assert stale == {key for key, parts in self.parts.items() if parts}
        for key, parts in self.parts.items():
            assert {place: payload for place, payload, _ in journal.parts(*key)} == parts
        assert {row.asset: row.body for row in journal.snapshots()[1]} == self.snapshots
        assert chain_faults(journal) == []


TestJournalMachine = JournalMachine.TestCase
TestJournalMachine.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
