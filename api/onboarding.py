"""Taking an unknown sender into the register: what is proposed, what a person confirmed, and who carries it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from api.figures import number
from api.languages import Language
from api.terms import term
from api.texts import marked, text
from domain.identifiers import AssetId, GatewayId, SensorId

__all__ = ["EXPECTED", "ChannelRow", "Onboarding", "OnboardingFault", "Proposal", "fault_sentence"]

# What may be expected of a row of `sensors.csv`, by the words of who reads it.
EXPECTED: Final = frozenset(
    {
        marked("a number"),
        marked("a number from {low} to {high}"),
        marked("a number of at least {low}"),
        marked("a number of at most {high}"),
        marked("a whole number from {low} to {high}"),
        marked("{plain} where the point marks thousands, or {decimal} where it is the decimal point"),
        marked("{plain}, without points between the thousands"),
        marked("text without the character NUL"),
        marked("a unit of at most {longest} characters"),
        marked("one of {choices}"),
        marked("one of {choices}, since {channel} is not a name with a default role"),
        marked("text"),
        marked("a date such as 2026-11-23"),
        marked("a day that has come"),
        marked("an identifier of the form {pattern}"),
        marked("the id of an asset in the register"),
        marked("at least one channel"),
        marked("each channel once; it stands in {where} already"),
        marked("a name of letters, digits and underscores, such as vibration_rms"),
        marked("nothing, or a short name such as z"),
        marked("one axis; the channel's name already has another"),
        marked("the seconds between readings"),
        marked("the unit that values are to be kept in, such as {units}"),
        marked("a unit that converts to {units}"),
        marked("nothing here; add a row for the channel that it limits, such as vibration_rms"),
    }
)
_CHOICES: Final = {"role": "role", "type": "asset_type"}
_DECIMALS: Final = 6


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """One channel as a row of `sensors.csv` has it; all as text, because a person may correct it."""

    channel: str
    axis: str = ""
    unit: str = ""
    interval_s: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the held messages of a sender tell about it.

    Attributes
    ----------
    is_known_asset : bool
        Whether the register has the asset; if not, it is made with the name and type that a person gives.
    """

    gateway: GatewayId
    asset: AssetId
    sensor: SensorId
    is_known_asset: bool
    rows: tuple[ChannelRow, ...]


@dataclass(frozen=True, slots=True)
class OnboardingFault:
    """One thing that is wrong with what a person confirmed.

    Attributes
    ----------
    row : int
        The row of channels that it stands in, from 1; 0 where it is about none.
    field : str
        Column of `sensors.csv` or `assets.csv`.
    got : str
        What stands there, between quotes; empty where nothing does.
    expected : str
        What was expected, in English, with its facts in braces.
    facts : mapping of str to object
        A number, a text, the choices as a tuple, or as `where` the number of another row.
    """

    row: int
    field: str
    got: str
    expected: str
    facts: Mapping[str, object]


def fault_sentence(fault: OnboardingFault, language: Language) -> str:
    """Say what stands in a field and what was expected there.

    Examples
    --------
    >>> fault = OnboardingFault(1, "unit", "'furlong'", "a unit that converts to {units}", {"units": ("mm", "m")})
    >>> fault_sentence(fault, Language.ENGLISH)
    "it says 'furlong', expected is a unit that converts to mm or m"
    >>> fault_sentence(fault, Language.DUTCH)
    "er staat 'furlong', verwacht wordt een eenheid die om te rekenen is naar mm of m"
    """
    facts = {name: _fact(value, name, fault.field, language) for name, value in fault.facts.items()}
    expected = text(fault.expected, language, **facts)
    if not fault.got:
        return text("nothing stands here, expected is {expected}", language, expected=expected)
    return text("it says {got}, expected is {expected}", language, got=fault.got, expected=expected)


def _fact(value: object, name: str, column: str, language: Language) -> str:
    if name == "where":
        return text("row {number}", language, number=value)
    if isinstance(value, int | float):
        return number(value, language, decimals=_DECIMALS, minimum_decimals=0)
    if isinstance(value, tuple):
        group = _CHOICES.get(column)
        words = [term(group, word, language) if group else word for word in value]
        return (
            text("{first} or {last}", language, first=", ".join(words[:-1]), last=words[-1]) if words[1:] else words[0]
        )
    return str(value)


class Onboarding(Protocol):
    """Reads what a sender sent, and writes the register."""

    def propose(self, gateway: GatewayId, asset: AssetId, sensor: SensorId) -> Proposal:
        """Read the held messages of a sender into rows; none where they cannot be read."""

    def accept(
        self, proposal: Proposal, *, name: str, asset_type: str, organisation: str, rows: Sequence[ChannelRow]
    ) -> list[OnboardingFault]:
        """Write the asset, where it is new, and the channels; give what is wrong with them, then nothing is written."""
