"""What a channel's name says about it, so that a register need not spell it out.

The list is open: a name that is not here is fine when the register gives role and unit. What is here are
defaults, not fate: inside a tunnel `humidity` is itself a sign of trouble, and a row that says
`role=condition` makes it one.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from domain.register import Direction, Role

__all__ = ["CHANNEL_DEFAULTS", "WAVEFORM_NAMES", "ChannelDefaults", "channel_defaults"]

# Channels that stand for raw waveforms; features are computed from them here.
WAVEFORM_NAMES: Final = frozenset({"waveform", "acceleration", "velocity"})


class ChannelDefaults(NamedTuple):
    """What is taken when a register does not say.

    Attributes
    ----------
    role : Role
        What the channel is for.
    direction : Direction
        The way a condition indicator goes when things get worse.
    units : tuple of str
        One unit of each quantity that makes sense here; the first is the default where `has_default_unit`.
    has_default_unit : bool
        False where gateways differ too much to guess.
    """

    role: Role
    direction: Direction
    units: tuple[str, ...]
    has_default_unit: bool = True


_CONDITION, _ENVIRONMENT, _OPERATION = Role.CONDITION, Role.ENVIRONMENT, Role.OPERATION
_UP, _DOWN, _BOTH = Direction.UP, Direction.DOWN, Direction.BOTH
_VIBRATION: Final = ChannelDefaults(_CONDITION, _UP, ("mm/s", "m/s2"), has_default_unit=False)

# Cracks and scour lower a natural frequency; wear raises vibration, damping and impulsiveness; what bends,
# tilts or moves may do so either way. Environment and operation have no bad direction of their own, but for
# those that a register may call a condition: then more is worse.
CHANNEL_DEFAULTS: Final[tuple[tuple[str, ChannelDefaults], ...]] = (
    (r"natural_frequency(_\d+)?", ChannelDefaults(_CONDITION, _DOWN, ("Hz",))),
    (r"damping_ratio(_\d+)?", ChannelDefaults(_CONDITION, _UP, ("1",))),
    (r"vibration_rms|vibration_peak", _VIBRATION),
    (r"kurtosis|crest_factor", ChannelDefaults(_CONDITION, _UP, ("1",))),
    (r"dominant_frequency", ChannelDefaults(_CONDITION, _BOTH, ("Hz",))),
    (r"strain", ChannelDefaults(_CONDITION, _BOTH, ("um/m",))),
    (r"tilt", ChannelDefaults(_CONDITION, _BOTH, ("deg",))),
    (r"displacement", ChannelDefaults(_CONDITION, _BOTH, ("mm",))),
    (r"motor_temperature", ChannelDefaults(_CONDITION, _UP, ("Cel",))),
    (r"base_moisture", ChannelDefaults(_CONDITION, _UP, ("%",))),
    (r"(deck_|surface_|base_)?temperature", ChannelDefaults(_ENVIRONMENT, _BOTH, ("Cel",))),
    (r"humidity", ChannelDefaults(_ENVIRONMENT, _UP, ("%RH",))),
    (r"wind_speed", ChannelDefaults(_ENVIRONMENT, _BOTH, ("m/s",))),
    (r"rain", ChannelDefaults(_ENVIRONMENT, _BOTH, ("mm/h",))),
    (r"traffic_count|cycles", ChannelDefaults(_OPERATION, _BOTH, ("1/h",))),
    (r"runtime", ChannelDefaults(_OPERATION, _UP, ("%",))),
    (r"speed", ChannelDefaults(_OPERATION, _BOTH, ("%",))),
    (r"waveform|acceleration|velocity", _VIBRATION),
)
_PATTERNS: Final = tuple((re.compile(pattern), defaults) for pattern, defaults in CHANNEL_DEFAULTS)


def channel_defaults(quantity: str) -> ChannelDefaults | None:
    """Look up a channel name without its axis; None when it is not one of the known names.

    Examples
    --------
    >>> channel_defaults("natural_frequency_2").direction
    <Direction.DOWN: 'down'>
    >>> channel_defaults("noise_level") is None
    True
    """
    for pattern, defaults in _PATTERNS:
        if pattern.fullmatch(quantity):
            return defaults
    return None
