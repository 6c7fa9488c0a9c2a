"""Failure modes and default failure thresholds: the one cited table.

A condition indicator belongs to a failure mode of its kind of asset, and fails at a level. Three ways to
say where: `RATIO`, a factor on the commissioned level (1.0 is no change); `SHIFT`, an amount above or below
it, in a unit; and the owner's own `failure_threshold`, an absolute level, which always wins. The direction
of harm comes with the register's channel. Nothing here predicts the collapse of a structure: the level is
where an owner would no longer leave the asset without repair, and the table says from where it is taken.

`group` says which quantities are one witness: root mean square and peak of one vibration rise together
with traffic, two natural frequencies do not share a fault of the instrument. `drift_share` is how far, as a
share of the failure level, a drifting instrument or a change of load can move the quantity by itself; a lone
quantity must exceed it, or outrun it (`models.lone_quantities`), and at least a tenth where others could bear it out
and do not (`models.witnesses`). These shares are engineering judgement, not measured.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

from domain.register import AssetType

__all__ = [
    "FELT_ON_MACHINES",
    "GROUP_SPAN",
    "MACHINE_QUANTITIES",
    "MODES",
    "NUMBERS_PER_GROUP",
    "THRESHOLDS",
    "Threshold",
    "ThresholdKind",
    "failure_mode",
    "group_of",
    "threshold_of",
]


class ThresholdKind(IntEnum):
    """How a failure level relates to the commissioned one."""

    RATIO = 0
    SHIFT = 1


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where a quantity fails, unless the owner says otherwise.

    Attributes
    ----------
    quantity : str
        Channel name without its axis and without the number of its mode of vibration.
    group : str
        Quantities of one group count as one witness.
    level : float
        RATIO: the factor at failure, above 1; a channel whose harm is downwards fails at its reciprocal,
        unless `level` is below 1, which is meant downwards and inverted for upwards. SHIFT: an amount in `unit`.
    unit : str
        Unit of a SHIFT; "1" for a RATIO.
    multiplicative : bool
        True where effects of weather and load multiply, so that the model works in logarithms.
    drift_share : float
        In [0, 1): see the module.
    source : str
        From where the level is taken, in words.
    """

    quantity: str
    group: str
    kind: ThresholdKind
    level: float
    unit: str
    multiplicative: bool
    drift_share: float
    source: str


_ISO_20816 = "ISO 20816-1 criterion II and zone boundaries of ISO 20816-3: zone D begins near 2.5 times zone B"

THRESHOLDS: Final[tuple[Threshold, ...]] = (
    Threshold(
        "natural_frequency",
        "natural_frequency",
        ThresholdKind.RATIO,
        0.90,
        "1",
        True,
        0.02,
        "10 % of frequency is 19 % of stiffness; Salawu, Eng. Struct. 19 (1997) 718-723 holds 5 % as a sure sign of "
        "damage, progressive damage tests (Z24, I-40) ended between 7 and 20 %",
    ),
    Threshold(
        "dominant_frequency",
        "dominant_frequency",
        ThresholdKind.RATIO,
        0.85,
        "1",
        True,
        0.3,
        "shown, never judged: the excitation decides which mode is the strongest; level as for natural frequency",
    ),
    Threshold(
        "damping_ratio",
        "damping_ratio",
        ThresholdKind.RATIO,
        2.5,
        "1",
        True,
        0.4,
        "damage at least doubles damping in tests reviewed by Cao et al., J. Sound Vib. 393 (2017); widely scattered",
    ),
    Threshold("vibration_rms", "vibration", ThresholdKind.RATIO, 2.5, "1", True, 0.3, _ISO_20816),
    Threshold("vibration_peak", "vibration", ThresholdKind.RATIO, 2.5, "1", True, 0.3, _ISO_20816),
    Threshold(
        "kurtosis",
        "impulsiveness",
        ThresholdKind.RATIO,
        2.0,
        "1",
        True,
        0.3,
        "3 for sound rolling contacts, above 6 for damaged ones: Dyer and Stewart, J. Mech. Des. 100 (1978) 229-235",
    ),
    Threshold(
        "crest_factor",
        "impulsiveness",
        ThresholdKind.RATIO,
        2.0,
        "1",
        True,
        0.3,
        "3 to 4 for sound machines, above 6 to 7 for damaged bearings; handbook value",
    ),
    Threshold(
        "strain",
        "strain",
        ThresholdKind.SHIFT,
        300.0,
        "um/m",
        False,
        0.3,
        "a permanent change of 300 um/m is 60 MPa in steel, a third of a common working stress; judgement",
    ),
    Threshold(
        "tilt",
        "tilt",
        ThresholdKind.SHIFT,
        3.33,
        "mrad",
        False,
        0.25,
        "angular distortion 1/300, first cracking: Skempton and MacDonald, Proc. ICE 5 (1956) 727-768; "
        "EN 1997-1 annex H",
    ),
    Threshold(
        "displacement",
        "displacement",
        ThresholdKind.SHIFT,
        25.0,
        "mm",
        False,
        0.25,
        "half of the 50 mm total settlement that EN 1997-1 annex H accepts for normal structures",
    ),
    Threshold(
        "motor_temperature",
        "temperature",
        ThresholdKind.SHIFT,
        30.0,
        "K",
        False,
        0.5,
        "each 10 K halves the life of insulation (Montsinger, Trans. AIEE 49 (1930)): 30 K leaves an eighth; "
        "a busier season or an unheated room moves it by half of that, judgement",
    ),
    Threshold(
        "base_moisture",
        "moisture",
        ThresholdKind.SHIFT,
        10.0,
        "%",
        False,
        0.3,
        "a granular base loses about half its modulus between optimum and saturation; judgement",
    ),
    Threshold(
        "humidity",
        "moisture",
        ThresholdKind.SHIFT,
        20.0,
        "%RH",
        False,
        0.3,
        "a dry tunnel at 70 % reaches condensation on its equipment; judgement",
    ),
    Threshold(
        "runtime",
        "runtime",
        ThresholdKind.SHIFT,
        40.0,
        "%",
        False,
        0.3,
        "a pump that runs 40 points longer for the same rain has lost most of its capacity; judgement",
    ),
    Threshold(
        "other",
        "other",
        ThresholdKind.RATIO,
        1.5,
        "1",
        False,
        0.3,
        "half as much again as when commissioned: no source, replace it by the owner's failure threshold",
    ),
)

_BY_QUANTITY: Final = {threshold.quantity: threshold for threshold in THRESHOLDS}

MODES: Final[tuple[str, ...]] = (
    "base_saturation",
    "bearing_wear",
    "degradation",
    "drainage_failure",
    "drive_wear",
    "equipment_wear",
    "gate_deformation",
    "lining_deformation",
    "pavement_fatigue",
    "settlement",
    "stiffness_loss",
    "wall_movement",
)

# Which mode a quantity tells of, by type of asset; what is not named belongs to the first one.
_MODE_OF: Final[dict[AssetType, tuple[str, dict[str, str]]]] = {
    AssetType.BRIDGE: (
        "stiffness_loss",
        {
            "tilt": "settlement",
            "kurtosis": "bearing_wear",
            "crest_factor": "bearing_wear",
            "motor_temperature": "drive_wear",
        },
    ),
    AssetType.ROAD: ("pavement_fatigue", {"base_moisture": "base_saturation", "tilt": "settlement"}),
    AssetType.TUNNEL: (
        "lining_deformation",
        {
            "vibration_rms": "equipment_wear",
            "vibration_peak": "equipment_wear",
            "kurtosis": "equipment_wear",
            "crest_factor": "equipment_wear",
            "motor_temperature": "equipment_wear",
            "humidity": "drainage_failure",
            "runtime": "drainage_failure",
            "base_moisture": "drainage_failure",
        },
    ),
    AssetType.LOCK: (
        "drive_wear",
        {
            "strain": "gate_deformation",
            "tilt": "gate_deformation",
            "displacement": "gate_deformation",
            "natural_frequency": "gate_deformation",
            "damping_ratio": "gate_deformation",
        },
    ),
    AssetType.QUAY: ("wall_movement", {}),
    AssetType.OTHER: ("degradation", {}),
}

# A start asks the same of each of 50,000 channels, which share some dozens of names.
_REMEMBERED: Final = 1024
_NUMBERED = re.compile(r"(natural_frequency|damping_ratio)_\d+")


def _family(quantity: str) -> str:
    numbered = _NUMBERED.fullmatch(quantity)
    return numbered[1] if numbered else quantity


@lru_cache(maxsize=_REMEMBERED)
def threshold_of(quantity: str) -> Threshold:
    """Give the default threshold of a quantity; one that is not in the table gets the row `other`.

    Examples
    --------
    >>> threshold_of("natural_frequency_2").level, threshold_of("sag").quantity
    (0.9, 'other')
    """
    return _BY_QUANTITY.get(_family(quantity), _BY_QUANTITY["other"])


# A sensor that carries one of these hangs on a drive, a pump or a fan: what it feels is the machine's state.
MACHINE_QUANTITIES: Final = frozenset({"motor_temperature", "cycles", "runtime", "speed"})
FELT_ON_MACHINES: Final = frozenset({"vibration_rms", "vibration_peak", "kurtosis", "crest_factor"})


@lru_cache(maxsize=_REMEMBERED)
def failure_mode(asset_type: AssetType, quantity: str, *, on_machine: bool = False) -> str:
    """Tell which failure mode of its asset a quantity is an indicator of.

    Parameters
    ----------
    on_machine : bool
        True when its sensor carries one of `MACHINE_QUANTITIES` too.

    Examples
    --------
    >>> failure_mode(AssetType.LOCK, "motor_temperature"), failure_mode(AssetType.BRIDGE, "tilt")
    ('drive_wear', 'settlement')
    >>> failure_mode(AssetType.BRIDGE, "vibration_rms", on_machine=True)
    'drive_wear'
    """
    if asset_type is AssetType.BRIDGE and on_machine and quantity in FELT_ON_MACHINES:
        return "drive_wear"
    first, others = _MODE_OF[asset_type]
    return others.get(_family(quantity), first)


# A group is the position of its name times 100 plus the number of the mode of vibration.
NUMBERS_PER_GROUP: Final = 100
_GROUPS: Final = tuple(dict.fromkeys(threshold.group for threshold in THRESHOLDS))
GROUP_SPAN: Final = len(_GROUPS) * NUMBERS_PER_GROUP


@lru_cache(maxsize=_REMEMBERED)
def group_of(quantity: str) -> int:
    """Give the number of the witness that a quantity speaks for, below `GROUP_SPAN`."""
    number = quantity.rpartition("_")[2]
    order = min(int(number), NUMBERS_PER_GROUP - 1) if number.isdecimal() else 0
    return _GROUPS.index(threshold_of(quantity).group) * NUMBERS_PER_GROUP + order
