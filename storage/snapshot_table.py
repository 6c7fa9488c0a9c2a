"""Snapshots in the journal's file: saved state, from which a start goes on instead of applying all entries.

A save is written in parts, so that messages need not wait for all of it, and comes into force with its last: until
then a start finds the save before it. So each row has at most two generations, and all rows in force tell of the
same entry, or of assets that did not change since theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from domain.identifiers import AssetId
from storage.journal_file import JournalFile
from storage.row_checksum import check_row, row_checksum

__all__ = ["SnapshotPart", "SnapshotRow", "SnapshotTable"]

# `readings` stands for what changes with every reading, and `whole` for both in rows of journals before version 6.
SnapshotPart: TypeAlias = Literal["clock", "fleet", "models", "readings", "whole"]

_IN_FORCE: Final = "snapshot_seq"


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """One part of the state: of an asset, or with an empty name what belongs to none of them."""

    asset: AssetId
    part: SnapshotPart
    body: bytes


class SnapshotTable(JournalFile):
    """Rows of the table `snapshot`."""

    def snapshot_seq(self) -> int:
        """Give the entry that the save in force covers: what has no newer row had not changed."""
        return self.read_number(_IN_FORCE)

    def snapshots(self) -> tuple[int, list[SnapshotRow]]:
        """Read the save in force: the entry that it covers, and its rows.

        Raises
        ------
        StorageCorrupt
            If a row is not what was written.
        """
        with self.reading() as db:
            # Ingest may be writing another save meanwhile.
            db.execute("BEGIN")
            try:
                in_force = self.snapshot_seq()
                rows = db.execute(
                    "SELECT asset, part, max(seq), body, crc FROM snapshot WHERE seq <= ? GROUP BY asset, part",
                    (in_force,),
                ).fetchall()
            finally:
                db.execute("COMMIT")
        for asset, part, seq, body, crc in rows:
            check_row(crc, f"snapshot of asset {asset!r}, {part}", asset, part, seq, body)
        return in_force, [SnapshotRow(AssetId(asset), part, body) for asset, part, _, body, _ in rows]

    def add_snapshots(self, rows: Sequence[SnapshotRow], *, seq: int) -> None:
        """Store some rows of a save as of entry `seq`; it counts from `use_snapshots` on.

        Raises
        ------
        ValueError
            If `seq` is not behind the entry of the save in force: the rows would count one by one.
        StorageUnavailable
            If the journal cannot be written; what is in force stays so.
        """
        in_force = self.snapshot_seq()
        if seq <= in_force:
            msg = f"got a save as of entry {seq}, expected one behind entry {in_force}, which is in force"
            raise ValueError(msg)
        with self.transaction() as db:
            # Earlier generations leave here, row by row, and with them what a save left that was broken off.
            db.executemany(
                "DELETE FROM snapshot WHERE asset = :asset AND part = :part AND seq <> "
                "(SELECT coalesce(max(kept.seq), -1) FROM snapshot AS kept "
                "WHERE kept.asset = :asset AND kept.part = :part AND kept.seq <= :in_force)",
                [{"asset": row.asset, "part": row.part, "in_force": in_force} for row in rows],
            )
            db.executemany(
                "INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?, ?, ?)",
                (
                    (row.asset, row.part, seq, row.body, row_checksum(row.asset, row.part, seq, row.body))
                    for row in rows
                ),
            )

    def clear_checkpoints(self) -> None:
        """Remove all checkpoints: the models that wrote them are not those of now.

        Raises
        ------
        StorageUnavailable
            If the journal cannot be written; all are there still.
        """
        with self.transaction() as db:
            db.execute("DELETE FROM checkpoint")

    def use_snapshots(self, *, seq: int, horizons: Iterable[tuple[AssetId, int]] = ()) -> None:
        """Let the save as of entry `seq` count, of which every row has been added.

        Parameters
        ----------
        horizons : sequence of (asset, event time)
            Checkpoints of these assets go that are older than the newest at or before the time, and those that a
            later entry up to `seq` replaced: no entry that may have to be applied again looks back so far.

        Raises
        ------
        StorageUnavailable
            If the journal cannot be written; what is in force stays so.
        """
        horizons = list(horizons)
        with self.transaction() as db:
            # A save that was broken off must not come into force behind this one.
            db.execute("DELETE FROM snapshot WHERE seq > ? AND seq < ?", (self.snapshot_seq(), seq))
            db.execute(
                "DELETE FROM snapshot WHERE part = 'whole' AND EXISTS (SELECT 1 FROM snapshot AS newer "
                "WHERE newer.asset = snapshot.asset AND newer.part = 'readings')"
            )
            db.executemany(
                "DELETE FROM checkpoint WHERE asset = ? AND at_ns < (SELECT max(kept.at_ns) FROM checkpoint AS kept "
                "WHERE kept.asset = ? AND kept.at_ns <= ? AND kept.seq <= ?)",
                [(asset, asset, before_ns, seq) for asset, before_ns in horizons],
            )
            db.executemany(
                "DELETE FROM checkpoint WHERE asset = ? AND seq < (SELECT max(newer.seq) FROM checkpoint AS newer "
                "WHERE newer.asset = ? AND newer.at_ns = checkpoint.at_ns AND newer.seq <= ?)",
                [(asset, asset, seq) for asset, _ in horizons],
            )
            self.write_number(db, _IN_FORCE, seq)
