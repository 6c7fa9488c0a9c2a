from __future__ import annotations

import zlib

import pytest

from storage.row_checksum import is_as_written, row_checksum


def test_each_column_its_kind_and_its_length_count() -> None:
    rows: list[tuple[object, ...]] = [
        ("brug-1", 5, b"body"),
        ("brug-2", 5, b"body"),
        ("brug-1", 6, b"body"),
        ("brug-1", -5, b"body"),
        ("brug-1", 5, b"bodz"),
        ("brug-1", "5", b"body"),
        (b"brug-1", 5, b"body"),
        ("brug-15", b"body"),
        ("brug-1", 5, b"bod", b"y"),
        ("brug-1", 5, None),
        ("brug-1", 5.0, b"body"),
    ]
    assert len({row_checksum(*row) for row in rows}) == len(rows)
    for row in rows[1:]:
        assert not is_as_written(row_checksum(*rows[0]), *row)
    assert is_as_written(row_checksum(*rows[0]), *rows[0])


def test_rows_of_older_versions_are_compared_by_their_blobs_or_not_at_all() -> None:
    old = zlib.crc32(b"outcome", zlib.crc32(b"body"))
    assert is_as_written(old, 7, "batch", b"body", b"outcome")
    assert not is_as_written(old, 7, "batch", b"body", b"outcom3")
    assert is_as_written(None, 7, "batch", b"anything")


@pytest.mark.parametrize("crc", ["text", b"bytes", 1.5])
def test_a_checksum_that_is_no_number_is_damage(crc: object) -> None:
    assert not is_as_written(crc, "brug-1", b"body")
