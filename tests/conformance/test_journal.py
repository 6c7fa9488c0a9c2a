"""What the journal promises: all or nothing, in order, once."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from domain.arrays import ReadingColumns
from domain.errors import DecisionError, DecisionRepeated, StorageCorrupt, StorageUnavailable
from domain.identifiers import AssetId, ChannelKey, ChannelName, SensorId
from domain.records import DecisionVerb
from storage.decisions import JournalDecisionLog, chain_faults
from storage.entries import BatchBody, Outcome, decode_readings, encode_readings
from storage.journal import (
    CheckpointRow,
    HeldMessage,
    HopRow,
    Journal,
    JournalCommit,
    JournalMovedError,
    RefusalHour,
    SnapshotRow,
)
from storage.journal_damage import find_damage
from storage.protocols import DecisionDraft, OnceKey
from storage.row_checksum import row_checksum

BRUG = AssetId("brug-1")


def columns(count: int, start: int = 0) -> ReadingColumns:
    number = np.arange(start, start + count)
    return ReadingColumns(
        number.astype(np.int32), number.astype(np.int64) * 10**9, number / 7.0, np.zeros(count, np.uint8)
    )


def commit_of(journal: Journal, count: int = 3, **more: object) -> JournalCommit:
    body = BatchBody(readings=encode_readings(columns(count)))
    return JournalCommit(body=body, kind="batch", outcome=Outcome(), applied_seq=journal.applied_seq(), **more)  # type: ignore[arg-type]  # fields by name


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite")


def test_an_entry_comes_back_as_it_was_written(journal: Journal) -> None:
    seq = journal.commit(commit_of(journal, tally={"readings_stored": 3}))
    entry = journal.entries(after=0)[0]
    assert (entry.seq, entry.kind, journal.applied_seq()) == (seq, "batch", seq)
    assert isinstance(entry.body, BatchBody)
    read, written = decode_readings(entry.body.readings), columns(3)
    assert read.value.tobytes() == written.value.tobytes()
    assert read.time_ns.tolist() == written.time_ns.tolist()
    assert journal.tally() == {"readings_stored": 3}


def test_counts_add_up_over_commits(journal: Journal) -> None:
    for _ in range(3):
        journal.commit(commit_of(journal, tally={"a": 2, "b": 0}))
    assert journal.tally() == {"a": 6}


def test_what_others_appended_must_be_applied_first(tmp_path: Path, journal: Journal) -> None:
    other = JournalDecisionLog(Journal(tmp_path / "journal.sqlite"), lambda _: None)
    planned = commit_of(journal)
    other.append(DecisionDraft(BRUG, DecisionVerb.INSPECT, "A. Planner", "noise heard"), decided_at_ns=1)
    with pytest.raises(JournalMovedError):
        journal.commit(planned)
    assert [entry.kind for entry in journal.entries(after=0)] == ["decision"]
    assert journal.applied_seq() == 0


def test_a_full_disk_writes_nothing_and_says_so(journal: Journal) -> None:
    journal.commit(commit_of(journal))
    pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
    journal._db.execute(f"PRAGMA max_page_count={pages}")
    held = [HeldMessage("gw", "a", "s", bytes([n]), "t", b"x" * 4000, n) for n in range(20)]
    with pytest.raises(StorageUnavailable, match="full"):
        journal.commit(commit_of(journal, held=held, tally={"a": 1}))
    assert (journal.last_seq(), journal.tally(), journal.held_senders()) == (1, {}, [])
    journal._db.execute("PRAGMA max_page_count=1000000")
    assert journal.commit(commit_of(journal, held=held)) == 2


def test_a_damaged_page_is_noticed(tmp_path: Path, journal: Journal) -> None:
    for _ in range(40):
        journal.commit(commit_of(journal, 200))
    assert journal.check() == []
    journal.close()
    path = tmp_path / "journal.sqlite"
    with path.open("r+b") as file:
        file.seek(4096 * 12)
        file.write(b"\xff" * 4096)
    assert faults_of(path)


def test_a_brief_check_ends_when_its_time_is_up(journal: Journal) -> None:
    for _ in range(40):
        journal.commit(commit_of(journal, 2000))
    assert journal.check(seconds=-1.0) == []
    assert journal.check(seconds=60.0) == []
    journal.commit(commit_of(journal))  # the limit holds for the check alone


def faults_of(path: Path) -> list[str]:
    try:
        return Journal(path).check()
    except StorageCorrupt as error:
        return [str(error)]


def go_back_to_version_5(db: sqlite3.Connection) -> None:
    """Put the table of snapshots in the place that it had before."""
    db.executescript(
        "DROP TABLE snapshot; CREATE TABLE snapshot (asset TEXT PRIMARY KEY, seq INTEGER NOT NULL, "
        "body BLOB NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID; PRAGMA user_version=5;"
    )


def test_snapshots_of_version_five_go_on_as_they_are(tmp_path: Path, journal: Journal) -> None:
    journal.commit(commit_of(journal))
    go_back_to_version_5(journal._db)
    rows = [("", 1, b"clock"), (" ", 1, b"fleet"), ("brug-1", 1, b"state"), ("brug-2", 1, b"damaged")]
    sums = [row_checksum(*row) for row in rows]
    journal._db.executemany(
        "INSERT INTO snapshot VALUES (?, ?, ?, ?)", [(*row, crc) for row, crc in zip(rows, sums, strict=True)]
    )
    journal._db.execute("UPDATE snapshot SET body = ? WHERE asset = 'brug-2'", (b"DAMAGED",))
    journal._db.execute("INSERT OR REPLACE INTO meta VALUES ('snapshot_seq', 1, ?)", (row_checksum("snapshot_seq", 1),))
    journal.close()
    assert find_damage(tmp_path / "journal.sqlite") == ["saved states of assets: 1 of 4 rows are not what was written"]
    again = Journal(tmp_path / "journal.sqlite")
    with pytest.raises(StorageCorrupt, match="brug-2"):
        again.snapshots()
    again._db.execute("DELETE FROM snapshot WHERE asset = 'brug-2'")
    assert again.snapshots()[1] == [
        SnapshotRow(AssetId(""), "clock", b"clock"),
        SnapshotRow(AssetId(""), "fleet", b"fleet"),
        SnapshotRow(BRUG, "whole", b"state"),
    ]
    again.add_snapshots([SnapshotRow(BRUG, "models", b"m"), SnapshotRow(BRUG, "readings", b"r")], seq=2)
    again.use_snapshots(seq=2)
    assert [row.part for row in again.snapshots()[1]] == ["clock", "fleet", "models", "readings"]
    again.close()
    assert find_damage(tmp_path / "journal.sqlite") == []


def test_a_journal_of_version_six_keeps_its_snapshots_and_counts_refusals(tmp_path: Path, journal: Journal) -> None:
    journal.add_snapshots([SnapshotRow(BRUG, "models", b"m")], seq=journal.commit(commit_of(journal)))
    journal._db.executescript("DROP TABLE refusal_hour; PRAGMA user_version=6;")
    before = journal._db.execute("SELECT * FROM snapshot").fetchall()
    journal.close()
    assert find_damage(tmp_path / "journal.sqlite") == []
    again = Journal(tmp_path / "journal.sqlite")
    assert again._db.execute("SELECT * FROM snapshot").fetchall() == before
    assert again.refusal_hours([b"name"]) == []
    again.close()


def test_counts_of_refusals_are_replaced_and_go_with_the_commit_that_says_so(journal: Journal) -> None:
    hour = RefusalHour(b"a", "topic", "unknown_channel", "no such channel", start_ns=100, told=3, more=1, last_ns=150)
    other = hour._replace(hash=b"b", start_ns=50)
    journal.commit(replace(commit_of(journal), refusal_hours=[hour, other]))
    journal.commit(replace(commit_of(journal), refusal_hours=[hour._replace(more=7)]))
    assert journal.refusal_hours([b"a", b"c"]) == [hour._replace(more=7)]
    assert journal.refusal_hours_before(100) == [other]
    assert journal.refusal_hours_before(101, limit=1) == [other]
    journal.commit(replace(commit_of(journal), ended_hours=[b"b"]))
    assert journal.refusal_hours_before(101) == [hour._replace(more=7)]
    journal._db.execute("UPDATE refusal_hour SET more = 8")
    with pytest.raises(StorageCorrupt, match="count of refusals on topic 'topic'"):
        journal.refusal_hours([b"a"])


def test_a_journal_of_version_one_goes_on_without_its_checksums(tmp_path: Path, journal: Journal) -> None:
    journal.commit(commit_of(journal))
    go_back_to_version_5(journal._db)
    for table in ("hop", "snapshot", "meta", "channel", "arrival", "held", "part", "tally", "person", "once"):
        journal._db.execute(f"ALTER TABLE {table} DROP COLUMN crc")
    journal._db.executescript(
        "CREATE TABLE old (seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, body BLOB NOT NULL, "
        "outcome BLOB NOT NULL); INSERT INTO old SELECT seq, kind, body, outcome FROM entry; DROP TABLE entry; "
        "ALTER TABLE old RENAME TO entry; PRAGMA user_version=1;"
    )
    before = journal._db.execute("SELECT body, outcome FROM entry").fetchall()
    journal.close()
    again = Journal(tmp_path / "journal.sqlite")
    assert again.commit(commit_of(again)) == 2
    assert [entry.seq for entry in again.entries(after=0)] == [1, 2]
    rows = again._db.execute("SELECT body, outcome, crc IS NULL FROM entry").fetchall()
    assert ([row[:2] for row in rows[:1]], [row[2] for row in rows]) == (before, [1, 0])
    again.close()
    assert find_damage(tmp_path / "journal.sqlite") == []


def test_a_journal_of_a_newer_program_is_not_touched(tmp_path: Path, journal: Journal) -> None:
    journal._db.execute("PRAGMA user_version=99")
    journal.close()
    with pytest.raises(StorageCorrupt, match="newer Schouw"):
        Journal(tmp_path / "journal.sqlite")


def test_pruning_leaves_decisions_and_sequences_alone(journal: Journal) -> None:
    journal.commit(commit_of(journal))
    log = JournalDecisionLog(journal, lambda _: None)
    log.append(DecisionDraft(BRUG, DecisionVerb.INSPECT, "A. Planner", "noise heard"), decided_at_ns=1)
    assert journal.prune(upto=2) == 1
    assert [entry.kind for entry in journal.entries(after=0)] == ["decision"]
    journal.record_outcome(2, Outcome())
    assert journal.commit(commit_of(journal)) == 3


def test_a_channel_keeps_its_number(journal: Journal) -> None:
    keys = [ChannelKey(BRUG, SensorId("s"), ChannelName(name)) for name in ("b", "a")]
    first = journal.number_channels(keys)
    more = journal.number_channels([*keys, ChannelKey(BRUG, SensorId("s"), ChannelName("0"))])
    assert {key: more[key] for key in keys} == first
    assert len(set(more.values())) == 3


def test_held_messages_wait_once_each_until_released(journal: Journal) -> None:
    held = [HeldMessage("gw", "a", "s", bytes([n % 2]), "t", b"p", n) for n in range(4)]
    journal.commit(commit_of(journal, held=held))
    waiting = journal.held([("a", "s")])
    assert [message.received_ns for message in waiting] == [0, 1]
    assert journal.held_hashes([b"\x00", b"\x07"]) == {b"\x00"}
    journal.commit(commit_of(journal, released=[waiting[0].id]))
    assert [message.received_ns for message in journal.held([("a", "s")])] == [1]


def test_parts_wait_until_they_are_used_or_too_old_or_too_many(journal: Journal) -> None:
    rows = [("t", block, place, bytes(100), at) for block, place, at in [("b", 1, 5), ("b", 2, 9), ("a", 1, 7)]]
    journal.commit(commit_of(journal, parts=rows))
    assert journal.parts("t", "b") == [(1, bytes(100), 5), (2, bytes(100), 9)]
    assert journal.stale_bursts(received_before_ns=5, keep_bytes=300) == []
    assert journal.stale_bursts(received_before_ns=6, keep_bytes=300) == [("t", "b")]
    assert journal.stale_bursts(received_before_ns=0, keep_bytes=299) == [("t", "b")]
    assert journal.stale_bursts(received_before_ns=9, keep_bytes=300) == [("t", "b"), ("t", "a")]
    journal.commit(commit_of(journal, used_parts=[("t", "b")], parts=[("t", "b", 2, b"new", 11)]))
    assert journal.parts("t", "b") == [(2, b"new", 11)]


def test_held_messages_come_in_pieces_that_fit_in_memory(journal: Journal) -> None:
    held = [HeldMessage("gw", "a", "s", bytes([n]), "t", bytes(9 * 2**20), n) for n in range(3)]
    journal.commit(commit_of(journal, held=held))
    assert len(journal.held([("a", "s")])) == 1
    assert len(journal.held([("a", "s")], limit=0)) == 0


def test_two_processes_that_make_the_file_at_once_agree(tmp_path: Path) -> None:
    """One of them was refused at once, because SQLite does not wait while a new file changes its mode."""
    for trial in range(10):
        path = tmp_path / f"journal-{trial}.sqlite"
        with ThreadPoolExecutor(4) as openers:
            made = list(openers.map(Journal, [path] * 4))
        assert [journal.last_seq() for journal in made] == [0] * 4
        for journal in made:
            journal.close()


def test_hops_and_snapshots_are_replaced_by_newer_ones(journal: Journal) -> None:
    for body in (b"one", b"two", b"three"):
        journal.commit(commit_of(journal, hops=[HopRow(BRUG, 5, body)]))
        journal.add_snapshots([SnapshotRow(BRUG, "readings", body)], seq=journal.applied_seq())
        journal.use_snapshots(seq=journal.applied_seq())
    assert [row.body for row in journal.hops([(BRUG, 5), (BRUG, 6)])] == [b"three"]
    assert journal.snapshots() == (3, [SnapshotRow(BRUG, "readings", b"three")])
    with journal.reading() as db:
        assert db.execute("SELECT seq FROM snapshot").fetchall() == [(2,), (3,)]  # the next save takes the first out


def test_a_save_counts_when_all_of_it_is_there(tmp_path: Path, journal: Journal) -> None:
    old, new = ([SnapshotRow(BRUG, part, body) for part in ("models", "readings")] for body in (b"old", b"new"))
    journal.commit(commit_of(journal))
    journal.add_snapshots(old, seq=1)
    assert journal.snapshots() == (0, [])
    journal.use_snapshots(seq=1)
    journal.commit(commit_of(journal))
    journal.add_snapshots(new[1:], seq=2)
    journal.close()
    again = Journal(tmp_path / "journal.sqlite")
    assert again.snapshots() == (1, old)
    again.commit(commit_of(again))
    with pytest.raises(ValueError, match="behind entry 1"):
        again.add_snapshots(new, seq=1)
    again.add_snapshots(new[:1], seq=3)
    again.use_snapshots(seq=3)
    assert again.snapshots() == (3, [new[0], old[1]]), "what was broken off at entry two never counts"
    again.close()


class TestDecisionLog:
    def log(self, journal: Journal, count: int = 4) -> JournalDecisionLog:
        log = JournalDecisionLog(journal, lambda alarm: f"condition.{alarm}")
        for number in range(count):
            draft = DecisionDraft(BRUG, DecisionVerb.CONFIRM, "A. Planner", f"reason {number}", alarm_id="x")
            log.append(draft, decided_at_ns=number)
        return log

    def test_links_are_chained_and_listed_newest_first(self, journal: Journal) -> None:
        found = self.log(journal).decisions()
        assert [item.reason for item in found] == ["reason 3", "reason 2", "reason 1", "reason 0"]
        assert [item.previous_hash for item in found] == [item.hash for item in found[1:]] + [""]
        assert chain_faults(journal) == []

    def test_an_altered_row_is_found(self, journal: Journal) -> None:
        self.log(journal)
        body = journal._db.execute("SELECT body FROM entry WHERE seq = 2").fetchone()[0]
        altered = body.replace(b"reason 1", b"reason 7")
        journal._db.execute(
            "UPDATE entry SET body = ?, crc = ? WHERE seq = 2", (altered, row_checksum(2, "decision", altered, b""))
        )
        assert "d2: its content was altered" in chain_faults(journal)[0]

    def test_a_missing_row_is_found(self, journal: Journal) -> None:
        self.log(journal)
        journal._db.execute("DELETE FROM entry WHERE seq = 3")
        assert "d4: the link before it is missing" in chain_faults(journal)[0]

    def test_the_newest_row_cannot_be_taken_away_unseen(self, journal: Journal) -> None:
        """A chain only shows what stands behind a gap; behind the newest link nothing does."""
        self.log(journal)
        journal._db.execute("DELETE FROM entry WHERE seq = 4")
        assert chain_faults(journal) == ["got 3 decisions, expected the 4 that were written"]

    def test_an_inserted_row_is_found(self, journal: Journal) -> None:
        self.log(journal)
        journal._db.execute(
            "INSERT INTO entry SELECT 5, kind, body, x'', row_checksum(5, kind, body, x'') FROM entry WHERE seq = 4"
        )
        faults = chain_faults(journal)
        assert faults[0] == "decision d4: the link before it is missing or was altered"
        assert faults[-1] == "got 5 decisions, expected the 4 that were written"

    def test_decisions_about_an_event_are_links_in_a_row_all_or_none(self, journal: Journal) -> None:
        log, once = self.log(journal, 1), OnceKey(b"k" * 32, b"a" * 32)
        drafts = [
            DecisionDraft(AssetId(f"brug-{number}"), DecisionVerb.DISMISS, "A", "storm", f"x{number}", event_id="x0")
            for number in range(3)
        ]
        written = log.append_all(drafts, decided_at_ns=7, once=once)
        log.append(DecisionDraft(BRUG, DecisionVerb.INSPECT, "B", "seen"), decided_at_ns=7)
        log.append_all([replace(draft, reason="again") for draft in drafts], decided_at_ns=7)
        assert [(link.seq, link.asset, link.event_id) for link in written] == [
            (2, "brug-0", "x0"), (3, "brug-1", "x0"), (4, "brug-2", "x0")
        ]  # fmt: skip
        assert {link.alarm_kind for link in written} == {"condition.x0", "condition.x1", "condition.x2"}
        assert log.append_all(drafts[:1], decided_at_ns=9, once=once) == written == log.repeated(once)
        assert log.repeated(OnceKey(b"n" * 32, b"a" * 32)) == []
        with pytest.raises(DecisionRepeated):
            log.repeated(OnceKey(once.key, b"b" * 32))
        with pytest.raises(DecisionError, match="no reason"):
            log.append_all([drafts[0], replace(drafts[1], reason=" ")], decided_at_ns=9)
        with pytest.raises(DecisionError, match="no decision"):
            log.append_all([], decided_at_ns=9)
        assert len(log.decisions()) == 8
        assert chain_faults(journal) == []

    def test_people_deciding_side_by_side_do_not_fork_the_chain(self, tmp_path: Path, journal: Journal) -> None:
        def decide(person: int) -> None:
            own = Journal(tmp_path / "journal.sqlite")
            log = JournalDecisionLog(own, lambda _: None)
            for number in range(8):
                draft = DecisionDraft(BRUG, DecisionVerb.INSPECT, f"person {person}", f"reason {number}")
                log.append(draft, decided_at_ns=number)
            own.close()

        with ThreadPoolExecutor(3) as people:
            list(people.map(decide, range(3)))
        assert len(JournalDecisionLog(journal, lambda _: None).decisions()) == 24
        assert chain_faults(journal) == []

    def test_decisions_of_one_asset_are_found_among_others(self, journal: Journal) -> None:
        log = self.log(journal, 2)
        log.append(DecisionDraft(AssetId("sluis-1"), DecisionVerb.INSPECT, "B", "seen"), decided_at_ns=9)
        log.append(DecisionDraft(BRUG, DecisionVerb.REPAIR, "B", "done"), decided_at_ns=10)
        assert [item.seq for item in log.decisions(asset=BRUG)] == [4, 2, 1]
        assert [item.seq for item in log.decisions(asset=BRUG, limit=1)] == [4]
        assert [item.seq for item in log.decisions(before_seq=3)] == [2, 1]

    def test_two_people_at_once_do_not_fork_the_chain(self, tmp_path: Path, journal: Journal) -> None:
        logs = [self.log(journal, 1), JournalDecisionLog(Journal(tmp_path / "journal.sqlite"), lambda _: None)]
        for number in range(6):
            draft = DecisionDraft(BRUG, DecisionVerb.INSPECT, f"person {number}", "seen")
            logs[number % 2].append(draft, decided_at_ns=number)
        assert len(logs[0].decisions()) == 7
        assert chain_faults(journal) == []

    @pytest.mark.parametrize(
        ("draft", "why"),
        [
            (DecisionDraft(BRUG, DecisionVerb.INSPECT, " ", "seen"), "no name"),
            (DecisionDraft(BRUG, DecisionVerb.INSPECT, "A. Planner", ""), "no reason"),
            (DecisionDraft(BRUG, DecisionVerb.PLAN, "A. Planner", "soon"), "without a date"),
            (DecisionDraft(BRUG, DecisionVerb.CORRECT_CONDITION, "A. Planner", "seen"), "without a condition"),
            (DecisionDraft(BRUG, DecisionVerb.PLAN, "A", "x", due_on="next week"), "due date 'next week'"),
            (DecisionDraft(BRUG, DecisionVerb.PLAN, "A", "x", due_on="9999-12-31"), "a year from 1700 to 2199"),
            (DecisionDraft(BRUG, DecisionVerb.REPAIR, "A", "x", failed_on="0026-02-11"), "a year from 1700 to 2199"),
            (DecisionDraft(BRUG, DecisionVerb.CORRECT_CONDITION, "A", "x", condition=7), "from 1 to 6"),
        ],
    )
    def test_a_decision_lacking_something_is_refused(self, journal: Journal, draft: DecisionDraft, why: str) -> None:
        with pytest.raises(DecisionError, match=why):
            self.log(journal, 0).append(draft, decided_at_ns=0)
        assert journal.last_seq() == 0


def test_a_file_that_is_no_journal_is_told(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"not a database, but long enough to be read as one" * 100)
    with pytest.raises(StorageCorrupt, match=r"journal\.sqlite"):
        Journal(tmp_path / "journal.sqlite")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match=r"journal\.sqlite"):
        Journal(tmp_path / "nowhere" / "journal.sqlite")


def test_what_came_late_and_checkpoints_are_read_as_of_an_entry(journal: Journal) -> None:
    """An entry that is applied again, after whatever came later, must read what it read then."""
    journal.commit(commit_of(journal, hops=[HopRow(BRUG, 10, b"closed"), HopRow(BRUG, 20, b"next")]))
    first = journal.commit(
        commit_of(journal, late=[HopRow(BRUG, 10, b"late")], checkpoints=[CheckpointRow(BRUG, 15, b"old")])
    )
    second = journal.commit(
        commit_of(
            journal,
            late=[HopRow(BRUG, 10, b"later"), HopRow(BRUG, 12, b"silent")],
            checkpoints=[CheckpointRow(BRUG, 15, b"new"), CheckpointRow(BRUG, 25, b"last")],
        )
    )

    def bodies(before_seq: int, from_ns: int = 0, to_ns: int = 100) -> list[bytes]:
        return [row.body for row in journal.hop_range(BRUG, from_ns=from_ns, to_ns=to_ns, before_seq=before_seq)]

    assert bodies(first) == [b"closed", b"next"]
    assert bodies(second) == [b"closed", b"next", b"late"]
    assert bodies(second + 1, 10, 20) == [b"closed", b"late", b"later", b"silent"]
    assert [row.body for row in journal.hops([(BRUG, 10), (BRUG, 12)])] == [b"closed", b"late", b"later", b"silent"]
    assert journal.checkpoint(BRUG, at_most_ns=14, before_seq=100) is None
    assert journal.checkpoint(BRUG, at_most_ns=30, before_seq=first) is None
    for before_seq, expected in ((second, (15, b"old")), (second + 1, (25, b"last"))):
        found = journal.checkpoint(BRUG, at_most_ns=30, before_seq=before_seq)
        assert found is not None
        assert (found.at_ns, found.body) == expected
    found = journal.checkpoint(BRUG, at_most_ns=24, before_seq=second + 1)
    assert found is not None
    assert found.body == b"new"


def test_checkpoints_that_nothing_looks_back_to_go_with_a_snapshot(journal: Journal) -> None:
    rows = [CheckpointRow(BRUG, at_ns, b"%d" % at_ns) for at_ns in (10, 20, 30)]
    first = journal.commit(commit_of(journal, checkpoints=rows))
    second = journal.commit(commit_of(journal, checkpoints=[CheckpointRow(BRUG, 30, b"again")]))
    journal.use_snapshots(seq=first, horizons=[(BRUG, 20), (AssetId("other"), 100)])
    with journal.reading() as db:
        left = db.execute("SELECT at_ns, body FROM checkpoint ORDER BY at_ns, seq").fetchall()
    assert left == [(20, b"20"), (30, b"30"), (30, b"again")]  # entry two may have to be applied again
    journal.use_snapshots(seq=second, horizons=[(BRUG, 20)])
    with journal.reading() as db:
        left = db.execute("SELECT at_ns, body FROM checkpoint ORDER BY at_ns, seq").fetchall()
    assert left == [(20, b"20"), (30, b"again")]


def test_a_journal_of_the_version_before_gets_its_new_tables(tmp_path: Path) -> None:
    Journal(tmp_path / "journal.sqlite").close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as db:
        go_back_to_version_5(db)
        db.executescript("DROP TABLE late_hop; DROP TABLE checkpoint; PRAGMA user_version=3;")
    journal = Journal(tmp_path / "journal.sqlite")
    assert journal.hops([(BRUG, 1)]) == []
    assert journal.checkpoint(BRUG, at_most_ns=1, before_seq=1) is None
    journal.close()
