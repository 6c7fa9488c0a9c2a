"""Units: one spelling, exact factors, nothing converted that cannot be."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import UnitError
from domain.units import _SPELLINGS, _UNITS, canonical_unit, conversion, is_known_unit

PAIRS = [(a, b) for a, b in itertools.permutations(sorted(_UNITS), 2) if _UNITS[a][0] == _UNITS[b][0]]


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        (1.0, "g", "m/s2", 9.80665),
        (1000.0, "mg", "m/s^2", 9.80665),
        (1.0, "in/s", "mm/s", 25.4),
        (25.0, "°C", "K", 298.15),
        (-40.0, "degF", "Cel", -40.0),
        (50.0, "%RH", "1", 0.5),
        (3000.0, "rpm", "Hz", 50.0),
        (1.0, "1/min", "1/h", 60.0),
        (180.0, "deg", "rad", 3.141592653589793),
        (1.0, "bar", "Pa", 100_000.0),
    ],
)
def test_known_pairs(value: float, source: str, target: str, expected: float) -> None:
    factor, offset = conversion(source, target)
    assert factor * value + offset == pytest.approx(expected, rel=1e-14)


@given(st.sampled_from(PAIRS), st.floats(-1e6, 1e6))
def test_there_and_back_is_where_it_began(pair: tuple[str, str], value: float) -> None:
    there, back = conversion(*pair), conversion(pair[1], pair[0])
    assert back.factor * (there.factor * value + there.offset) + back.offset == pytest.approx(value, rel=1e-9, abs=1e-7)


@pytest.mark.parametrize("unit", sorted({*_UNITS, *_SPELLINGS, "furlong"}))
def test_a_unit_to_itself_changes_no_bit(unit: str) -> None:
    assert conversion(unit, unit) == (1.0, 0.0)
    assert canonical_unit(canonical_unit(unit)) == canonical_unit(unit)


def test_every_spelling_is_of_a_known_unit() -> None:
    assert all(is_known_unit(spelling) for spelling in _SPELLINGS)
    assert not is_known_unit("furlong")


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ("furlong", "mm", "got unit 'furlong', expected one of"),
        ("mm", "furlong", "got unit 'furlong'"),
        ("Cel", "mm", r"got unit 'Cel' \(temperature\), expected one that converts to 'mm' \(length\)"),
    ],
)
def test_what_cannot_be_converted_is_told(source: str, target: str, why: str) -> None:
    with pytest.raises(UnitError, match=why):
        conversion(source, target)
