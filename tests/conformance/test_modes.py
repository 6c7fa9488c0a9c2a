"""Natural frequencies and spectra in both databases: what was written is what is read, and again is no more."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import Engine

from domain.identifiers import AssetId
from storage.modal import SqlModes, forget_modes, project_modes
from storage.modal_entries import ModePeriod, ModeValue

DAY_NS = 86_400_000_000_000
BRIDGE, QUAY = AssetId("brug-1"), AssetId("Kade-1")


def value(number: int, frequency_hz: float) -> ModeValue:
    return ModeValue(
        number=number,
        frequency_hz=frequency_hz,
        frequency_sd_hz=0.1 + 0.2,
        compensated_hz=frequency_hz - 0.01,
        compensated_sd_hz=0.004,
        damping_ratio=0.012,
        damping_sd=0.002,
        share=0.5,
        reference_hz=None,
        reference_sd_hz=None,
        first_ns=DAY_NS,
        periods=3,
    )


def period(asset: AssetId, day: int, *modes: ModeValue, rate_hz: float = 100.0) -> ModePeriod:
    density = np.linspace(0.0, 0.1 * day, 7).astype("<f4").tobytes()
    return ModePeriod(
        asset=asset,
        sampling_rate_hz=rate_hz,
        start_ns=(day - 1) * DAY_NS,
        end_ns=day * DAY_NS,
        blocks=12,
        temperature_degc=None if day % 2 else 3.25,
        bin_hz=0.05,
        density=density,
        reference=density,
        reference_periods=day,
        tones_hz=[16.7],
        modes=list(modes),
    )


@pytest.fixture
def modes(engine: Engine) -> SqlModes:
    rows = [period(BRIDGE, day, value(1, 3.0 + 0.01 * day), value(2, 5.0)) for day in (3, 4, 5)]
    rows += [period(BRIDGE, 6, value(1, 3.06)), period(QUAY, 6, value(1, 1.5))]
    rows += [period(BRIDGE, 6, value(1, 40.0), rate_hz=500.5)]
    for _ in range(2):
        with engine.begin() as db:
            for seq, row in enumerate(rows):
                project_modes(db, seq, [row])
    return SqlModes(engine)


def test_the_newest_of_every_mode_is_given_once(modes: SqlModes) -> None:
    found = [(point.mode, point.end_ns // DAY_NS, point.frequency_hz) for point in modes.newest(BRIDGE)]
    assert found == [("100-1", 6, 3.06), ("100-2", 5, 5.0), ("500.5-1", 6, 40.0)]
    assert modes.newest(AssetId("kade-1")) == []


def test_points_come_back_to_the_bit_in_order_and_cut(modes: SqlModes) -> None:
    points = modes.points(BRIDGE, "100-1")
    assert [point.end_ns // DAY_NS for point in points] == [3, 4, 5, 6]
    assert points[0].frequency_sd_hz == 0.1 + 0.2
    assert [point.temperature_degc for point in points] == [None, 3.25, None, 3.25]
    assert points[0].reference_hz is None
    cut = modes.points(BRIDGE, "100-1", start_ns=4 * DAY_NS, end_ns=6 * DAY_NS)
    assert cut == points[1:3]
    assert modes.points(BRIDGE, "100-1", after_ns=4 * DAY_NS, limit=1) == points[2:3]


def test_of_spectra_the_newest_of_each_rate_stays(modes: SqlModes) -> None:
    slow, fast = modes.spectra(BRIDGE)
    assert (slow.sampling_rate_hz, fast.sampling_rate_hz) == (100.0, 500.5)
    assert slow.end_ns == 6 * DAY_NS
    assert slow.density == tuple(np.linspace(0.0, 0.6, 7).astype("<f4").tolist())
    assert slow.tones_hz == (16.7,)


def test_what_left_the_register_is_forgotten(modes: SqlModes, engine: Engine) -> None:
    with engine.begin() as db:
        forget_modes(db, BRIDGE)
    assert (modes.newest(BRIDGE), modes.spectra(BRIDGE)) == ([], [])
    assert len(modes.newest(QUAY)) == 1
