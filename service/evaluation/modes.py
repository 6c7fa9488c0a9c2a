"""Which alarm names which damage, and which kinds of alarm name a faulty sensor.

The simulator names the damage itself, the models the failure mode that they can tell apart with the sensors
there are: a worn bearing of a lock's drive is `drive_wear` to them. Each damage lists every mode that sends a
crew to the right part. An owner's word that is not in the table names itself.
"""

from __future__ import annotations

from typing import Final

__all__ = ["FAULT_KINDS", "fault_is_named_by", "mode_is_named_by"]

_MODES: Final[dict[str, frozenset[str]]] = {
    "bearing_wear": frozenset({"bearing_wear", "drive_wear", "equipment_wear"}),
    "crack_growth": frozenset({"crack_growth", "stiffness_loss"}),
    "gear_wear": frozenset({"gear_wear", "drive_wear", "equipment_wear"}),
    "loosening": frozenset({"loosening", "stiffness_loss", "bearing_wear"}),
    "moisture_ingress": frozenset({"moisture_ingress", "base_saturation", "pavement_fatigue"}),
    "pothole_growth": frozenset({"pothole_growth", "pavement_fatigue"}),
    "pump_wear": frozenset({"pump_wear", "equipment_wear", "drainage_failure"}),
    "scour": frozenset({"scour", "settlement", "stiffness_loss"}),
    "settlement": frozenset({"settlement", "wall_movement"}),
    "stiffness_loss": frozenset({"stiffness_loss"}),
}

_SILENT: Final = frozenset({"silent", "missing", "intermittent", "gaps"})
_STUCK: Final = frozenset({"stuck", "frozen"})
_UNITS: Final = frozenset({"unit", "units", "scale", "gain", "unit_mistake", "unit_factor"})

# Words that an alarm of the right kind has behind its dot, for the simulators' words and for those that owners use.
_FAULTS: Final[dict[str, frozenset[str]]] = {
    "backfill": frozenset({"backfill", "late", "silent"}),
    "clipping": frozenset({"clipped", "clipping", "range", "saturated"}),
    "clock_step": frozenset({"bad", "clock", "future", "impossible", "jump", "late", "step", "stepped", "wrong"}),
    "drift": frozenset({"drift", "drifting"}),
    "dropout": _SILENT,
    "intermittent": _SILENT,
    "noise": frozenset({"noise", "noisy"}),
    "silence": _SILENT,
    "spikes": frozenset({"spikes", "spike", "spiking", "noise", "noisy"}),
    "stuck": _STUCK,
    "stuck_sensor": _STUCK,
    "unit_mistake": _UNITS,
    # A sign that turned is read as a factor of minus one.
    "wrong_sign": _UNITS | {"sign", "turned"},
    "wrong_unit": _UNITS,
}

FAULT_KINDS: Final = frozenset(_FAULTS)


def mode_is_named_by(mode: str, kind: str) -> bool:
    """Tell whether an alarm's kind points at the damage.

    Examples
    --------
    >>> mode_is_named_by("bearing_wear", "condition.drive_wear"), mode_is_named_by("cracks", "condition.settlement")
    (True, False)
    """
    said = kind.partition(".")[2]
    return said in _MODES.get(mode, frozenset({mode}))


def fault_is_named_by(fault: str, kind: str) -> bool:
    """Tell whether an alarm's kind names the fault of a sensor.

    Examples
    --------
    >>> fault_is_named_by("stuck_sensor", "sensor.stuck"), fault_is_named_by("drift", "sensor.stuck")
    (True, False)
    >>> fault_is_named_by("clock_step", "clock.jump"), fault_is_named_by("clock_step", "clock.impossible")
    (True, True)
    >>> fault_is_named_by("clock_step", "data.silent")  # true, but not what is wrong
    False
    >>> fault_is_named_by("silence", "data.silent"), fault_is_named_by("wrong_sign", "sensor.units")
    (True, True)
    """
    said = kind.partition(".")[2]
    return said in _FAULTS.get(fault, frozenset({fault}))
