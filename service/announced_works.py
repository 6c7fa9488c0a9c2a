"""Works of the register for the pages, kept in memory until the register changes."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from domain.identifiers import AssetId
from domain.register import Works
from service.register_commands import current_register
from storage.journal import Journal

__all__ = ["AnnouncedWorks"]


class AnnouncedWorks:
    """The works of the register, read from the journal again only when the register has changed."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._seq = -1
        self._works: dict[AssetId, list[Works]] = {}

    def of(self, asset: AssetId) -> Sequence[Works]:
        """Give the announced works of one asset, in the order of the register."""
        with self._lock:
            seq = self._journal.newest_seq("register")
            if seq != self._seq:
                self._read()
                self._seq = seq
            return self._works.get(asset, ())

    def _read(self) -> None:
        works: dict[AssetId, list[Works]] = {}
        for item in current_register(self._journal).works:
            works.setdefault(item.asset, []).append(item)
        self._works = works
