"""Units on the wire and in the register, and the linear conversion between two of them.

A reading is converted once, at the edge, into the unit its register names; from there on a number
has one unit. Spellings follow SenML (RFC 8428) and UCUM where they have one, with the ways gateways
write them beside it. Factors are exact by definition: the inch is 25.4 mm and standard gravity
9.80665 m/s² (BIPM, The International System of Units, 9th edition).
"""

from __future__ import annotations

from functools import lru_cache
from math import isclose
from typing import Final, NamedTuple

from domain.errors import UnitError

__all__ = [
    "GENERAL_FACTORS",
    "KNOWN_UNITS",
    "UnitConversion",
    "canonical_unit",
    "conversion",
    "is_known_unit",
    "is_same_unit",
    "mistaken_factors",
]


class UnitConversion(NamedTuple):
    """`target = factor * source + offset`."""

    factor: float
    offset: float


_GRAVITY_M_S2 = 9.80665
# Thousands, standard gravity, and hours for seconds, as gateways and instruments mistake them of any quantity.
GENERAL_FACTORS: Final = (1e3, 1e-3, _GRAVITY_M_S2, 1 / _GRAVITY_M_S2, 3.6, 1 / 3.6, 1e6, 1e-6)
_INCH_MM = 25.4

# unit -> (quantity, factor and offset into that quantity's first unit)
_UNITS: dict[str, tuple[str, float, float]] = {
    "1": ("ratio", 1.0, 0.0),
    "%": ("ratio", 0.01, 0.0),
    "%RH": ("ratio", 0.01, 0.0),
    "Hz": ("frequency", 1.0, 0.0),
    "kHz": ("frequency", 1e3, 0.0),
    "rpm": ("frequency", 1 / 60, 0.0),
    "mm/s": ("velocity", 1.0, 0.0),
    "m/s": ("velocity", 1e3, 0.0),
    "in/s": ("velocity", _INCH_MM, 0.0),
    "m/s2": ("acceleration", 1.0, 0.0),
    "mm/s2": ("acceleration", 1e-3, 0.0),
    "g": ("acceleration", _GRAVITY_M_S2, 0.0),
    "mg": ("acceleration", _GRAVITY_M_S2 * 1e-3, 0.0),
    "Cel": ("temperature", 1.0, 0.0),
    "K": ("temperature", 1.0, -273.15),
    "degF": ("temperature", 5 / 9, -160 / 9),
    "mm": ("length", 1.0, 0.0),
    "m": ("length", 1e3, 0.0),
    "um": ("length", 1e-3, 0.0),
    "mm/h": ("rain", 1.0, 0.0),
    "deg": ("angle", 1.0, 0.0),
    "rad": ("angle", 57.29577951308232, 0.0),
    "mrad": ("angle", 0.05729577951308232, 0.0),
    "um/m": ("strain", 1.0, 0.0),
    "1/h": ("rate", 1.0, 0.0),
    "1/min": ("rate", 60.0, 0.0),
    "1/d": ("rate", 1 / 24, 0.0),
    "A": ("current", 1.0, 0.0),
    "V": ("voltage", 1.0, 0.0),
    "W": ("power", 1.0, 0.0),
    "kW": ("power", 1e3, 0.0),
    "Pa": ("pressure", 1.0, 0.0),
    "bar": ("pressure", 1e5, 0.0),
}

KNOWN_UNITS: Final = tuple(_UNITS)

_SPELLINGS: dict[str, str] = {
    "": "1",
    "-": "1",
    "percent": "%",
    "%rh": "%RH",
    "%{RH}": "%RH",
    "/min": "1/min",
    "m/s^2": "m/s2",
    "m/s²": "m/s2",
    "mm/s^2": "mm/s2",
    "mm/s²": "mm/s2",
    "µm": "um",
    "μm": "um",
    "degC": "Cel",
    "°C": "Cel",
    "C": "Cel",
    "°F": "degF",
    "F": "degF",
    "°": "deg",
    "µm/m": "um/m",
    "μm/m": "um/m",
    "µε": "um/m",
    "ustrain": "um/m",
    "1/hour": "1/h",
    "/h": "1/h",
    "veh/h": "1/h",
}


def canonical_unit(unit: str) -> str:
    """Give the one spelling Schouw uses for a unit; an unknown unit comes back as it was.

    Examples
    --------
    >>> canonical_unit("°C"), canonical_unit("furlong")
    ('Cel', 'furlong')
    """
    stripped = unit.strip()
    return _SPELLINGS.get(stripped, stripped)


def is_known_unit(unit: str) -> bool:
    """Tell whether a unit, in any of its spellings, can take part in a conversion."""
    return canonical_unit(unit) in _UNITS


def is_same_unit(one: str, other: str) -> bool:
    """Tell whether a number in one unit is the same number in the other.

    Examples
    --------
    >>> is_same_unit("%", "%RH"), is_same_unit("mm/s", "m/s"), is_same_unit("mm", "Hz")
    (True, False, False)
    """
    try:
        return one == other or conversion(one, other) == UnitConversion(1.0, 0.0)
    except UnitError:
        return False


def conversion(source: str, target: str) -> UnitConversion:
    """Find how a value in `source` becomes one in `target`.

    Parameters
    ----------
    source, target : str
        Units in any known spelling. Two equal unknown units convert as they are.

    Raises
    ------
    UnitError
        If one of two different units is unknown, or they measure different quantities.

    Examples
    --------
    >>> conversion("g", "m/s2").factor
    9.80665
    >>> round(conversion("degF", "Cel").factor * 212 + conversion("degF", "Cel").offset, 9)
    100.0
    """
    if len(source) > _LONGEST_REMEMBERED:
        return _find_conversion(source, target)
    return _remembered_conversion(source, target)


def _find_conversion(source: str, target: str) -> UnitConversion:
    """Work out one conversion."""
    source, target = canonical_unit(source), canonical_unit(target)
    if source == target:
        return UnitConversion(1.0, 0.0)
    for unit in (source, target):
        if unit not in _UNITS:
            msg = f"got unit {unit!r}, expected one of {', '.join(sorted(_UNITS))}; correct the payload or register"
            raise UnitError(msg)
    source_quantity, source_factor, source_offset = _UNITS[source]
    target_quantity, target_factor, target_offset = _UNITS[target]
    if source_quantity != target_quantity:
        msg = (
            f"got unit {source!r} ({source_quantity}), expected one that converts to {target!r} ({target_quantity}); "
            "correct the payload or the register"
        )
        raise UnitError(msg)
    return UnitConversion(source_factor / target_factor, (source_offset - target_offset) / target_factor)


def mistaken_factors(unit: str) -> tuple[float, ...]:
    """Give what a number may be multiplied by where its unit is mistaken for another of its quantity.

    Both ways, ascending: an instrument may speak in the other unit, or a gateway may convert what was converted before.
    None for an unknown unit; units with an offset, as of temperature, are left out, and so is what `GENERAL_FACTORS`
    has.

    Examples
    --------
    >>> [round(factor, 4) for factor in mistaken_factors("deg")]
    [0.0175, 0.0573, 17.4533, 57.2958]
    >>> mistaken_factors("mm"), mistaken_factors("Cel"), mistaken_factors("furlong")
    ((), (), ())
    """
    quantity, own, offset = _UNITS.get(canonical_unit(unit), ("", 1.0, 0.0))
    sizes = {size for kind, size, zero in _UNITS.values() if kind == quantity and offset == zero == 0.0} - {own}
    factors = sorted({own / size for size in sizes} | {size / own for size in sizes})
    return tuple(factor for factor in factors if not any(isclose(factor, general) for general in GENERAL_FACTORS))


# What senders spell in so many ways is bounded by number and length; refusals are not remembered at all.
_LONGEST_REMEMBERED: Final = 32
_remembered_conversion = lru_cache(maxsize=1024)(_find_conversion)
