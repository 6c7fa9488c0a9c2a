"""Taking an unknown sender into the register: what is proposed, what a person confirmed, and who carries it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.identifiers import AssetId, GatewayId, SensorId

__all__ = ["ChannelRow", "Onboarding", "OnboardingFault", "Proposal"]


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
    detail : str
        What stands there and what was expected, in English.
    """

    row: int
    field: str
    detail: str


class Onboarding(Protocol):
    """Reads what a sender sent, and writes the register."""

    def propose(self, gateway: GatewayId, asset: AssetId, sensor: SensorId) -> Proposal:
        """Read the held messages of a sender into rows; none where they cannot be read."""

    def accept(
        self, proposal: Proposal, *, name: str, asset_type: str, organisation: str, rows: Sequence[ChannelRow]
    ) -> list[OnboardingFault]:
        """Write the asset, where it is new, and the channels; give what is wrong with them, then nothing is written."""
