"""Natural frequencies and spectra in the operational store: written from outcomes, read by the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Connection, Engine, Row, Select, and_, delete, func, select

from domain.identifiers import AssetId
from domain.modes import AveragedSpectrum, ModePoint
from storage.database import translated
from storage.modal_entries import ModePeriod
from storage.rows import upsert
from storage.tables import mode_table, spectrum_table

__all__ = ["SqlModes", "forget_modes", "project_modes"]


def project_modes(db: Connection, seq: int, periods: Sequence[ModePeriod]) -> None:
    """Write what periods showed; of spectra only the newest stays."""
    points: list[dict[str, Any]] = []
    spectra: list[dict[str, Any]] = []
    for period in periods:
        sampling = f"{period.sampling_rate_hz:g}"
        common = {
            "start_ns": period.start_ns,
            "blocks": period.blocks,
            "temperature_degc": period.temperature_degc,
        }
        points += [
            {
                "asset": period.asset,
                "mode": f"{sampling}-{mode.number}",
                "end_ns": period.end_ns,
                "detail": common | msgspec.to_builtins(mode),
                "revision": seq,
            }
            for mode in period.modes
        ]
        more = {
            "sampling_rate_hz": period.sampling_rate_hz,
            "bin_hz": period.bin_hz,
            "reference_periods": period.reference_periods,
            "tones_hz": period.tones_hz,
        }
        spectra.append(
            {
                "asset": period.asset,
                "sampling": sampling,
                "end_ns": period.end_ns,
                "detail": common | more,
                "density": period.density,
                "reference": period.reference,
                "revision": seq,
            }
        )
    upsert(db, mode_table, points)
    upsert(db, spectrum_table, spectra)


def forget_modes(db: Connection, asset: AssetId) -> None:
    """Take out what is shown of an asset that left the register: if it comes back, its modes are numbered anew."""
    db.execute(delete(mode_table).where(mode_table.c.asset == asset))
    db.execute(delete(spectrum_table).where(spectrum_table.c.asset == asset))


class SqlModes:
    """Natural frequencies and spectra, read from SQL; implements `ModalStore`.

    Parameters
    ----------
    engine : Engine
        Of the database that `OperationalProjection` writes.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def newest(self, asset: AssetId) -> Sequence[ModePoint]:
        """Give the newest point of every mode of an asset, by name."""
        table = mode_table.c
        last = (
            select(table.mode, func.max(table.end_ns).label("end_ns"))
            .where(table.asset == asset)
            .group_by(table.mode)
            .subquery()
        )
        query = (
            select(mode_table)
            .join(last, and_(table.mode == last.c.mode, table.end_ns == last.c.end_ns))
            .where(table.asset == asset)
            .order_by(table.mode)
        )
        return [_point(row) for row in self._all(query)]

    def points(
        self,
        asset: AssetId,
        mode: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        after_ns: int | None = None,
        limit: int = 100,
    ) -> Sequence[ModePoint]:
        """Give the points of one mode whose period ended in [start, end), oldest first.

        Parameters
        ----------
        after_ns : int or None
            Only those that ended after this.
        """
        table = mode_table.c
        query = select(mode_table).where(table.asset == asset, table.mode == mode)
        if start_ns is not None:
            query = query.where(table.end_ns >= start_ns)
        if end_ns is not None:
            query = query.where(table.end_ns < end_ns)
        if after_ns is not None:
            query = query.where(table.end_ns > after_ns)
        return [_point(row) for row in self._all(query.order_by(table.end_ns).limit(limit))]

    def spectra(self, asset: AssetId) -> Sequence[AveragedSpectrum]:
        """Give the newest averaged spectrum of each sampling rate of an asset, lowest rate first."""
        query = select(spectrum_table).where(spectrum_table.c.asset == asset)
        found = [_spectrum(row) for row in self._all(query)]
        return sorted(found, key=lambda spectrum: spectrum.sampling_rate_hz)

    def _all(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with translated(self._engine), self._engine.connect() as db:
            return db.execute(query).all()


def _point(row: Row[Any]) -> ModePoint:
    detail = {name: value for name, value in row.detail.items() if name != "number"}
    return ModePoint(asset=AssetId(row.asset), mode=row.mode, end_ns=row.end_ns, **detail)


def _spectrum(row: Row[Any]) -> AveragedSpectrum:
    detail = dict(row.detail)
    return AveragedSpectrum(
        asset=AssetId(row.asset),
        end_ns=row.end_ns,
        tones_hz=tuple(detail.pop("tones_hz")),
        density=_unpacked(row.density),
        reference=_unpacked(row.reference),
        **detail,
    )


def _unpacked(values: bytes) -> tuple[float, ...]:
    return tuple(np.frombuffer(values, "<f4").tolist())
