"""An explanation of one assessment, as data: parts that add up, and what would change it."""

from __future__ import annotations

from dataclasses import dataclass

from domain.basis import ChannelBasis
from domain.identifiers import AssetId
from domain.records import AlarmState, RiskAssessment

__all__ = ["CauseShare", "Explanation", "FrequencyChange", "LookAlike", "ModeChange", "RepairPlan"]


@dataclass(frozen=True, slots=True)
class CauseShare:
    """Part of one cause in the chance of failure within 90 days.

    Attributes
    ----------
    cause : str
        A failure mode; `later`: damage that has not begun, by class and by what the fleet has shown; or `unseen`: what
        no sensor sees, by class, age and inspection.
    chance : float
        Of this cause alone.
    share : float
        Of the whole; the shares add up to 1.
    """

    cause: str
    chance: float
    share: float


@dataclass(frozen=True, slots=True)
class ModeChange:
    """How far one failure mode is from an alarm, or from the end of one.

    Attributes
    ----------
    damaged : float
        Chance that there is damage.
    share_of_alarm : float
        Evidence so far over what an alarm takes.
    is_open : bool
        True while its alarm is open; it clears after two weeks below `clears_below`.
    days_to_alarm : float or None
        Were every coming day like the last ones; None: it would never come.
    clears_below : float
        Standard score under which a day counts as calm.
    doubt_share : float
        Part of what an alarm takes that is there because people dismissed such alarms.
    verdicts : tuple of int
        Alarms of this mode that people dismissed and judged on this asset, and in its class.
    alarm_severity : float
        From what share of the way to failure on an alarm is raised.
    """

    mode: str
    severity: float
    damaged: float
    share_of_alarm: float
    is_open: bool
    days_to_alarm: float | None
    clears_below: float
    doubt_share: float = 0.0
    verdicts: tuple[int, int, int, int] = (0, 0, 0, 0)
    alarm_severity: float = 0.0


@dataclass(frozen=True, slots=True)
class FrequencyChange:
    """A natural frequency whose level is not what it was.

    Attributes
    ----------
    change_share, band_share : float
        Share of the level of its first hundred days, negative when lower, and half the width of its 80 % band.
    share_of_failure : float or None
        Of the way to the failure level; 0 where it goes the other way, None before that is known.
    is_material : bool
        True where it is far enough on that way that an alarm may follow.
    """

    sensor: str
    channel: str
    since_ns: int
    change_share: float
    band_share: float
    share_of_failure: float | None
    is_material: bool


@dataclass(frozen=True, slots=True)
class LookAlike:
    """The earlier alarm of the same kind on another asset that was most like this, and how it ended."""

    asset: AssetId
    alarm_id: str
    raised_at_ns: int
    severity: float
    ended: AlarmState
    cleared_at_ns: int | None


@dataclass(frozen=True, slots=True)
class RepairPlan:
    """Expected costs in euros of repairing in each week of the coming year.

    Attributes
    ----------
    cost_eur : tuple of float
        Of "repair in week w", w from 0 to 52; weeks that the crew cannot make cost as the first it can.
    first_week, best_week : int
        First that the crew can make, and the cheapest; 52 says not within a year.
    waiting_a_week_eur : float
        What one week more costs than the first possible one; negative when waiting pays.
    inspection_eur : float
        What knowing whether there is damage is worth before deciding; not negative.
    """

    cost_eur: tuple[float, ...]
    first_week: int
    best_week: int
    waiting_a_week_eur: float
    inspection_eur: float

    @property
    def week_after_best_eur(self) -> float | None:
        """What a week after the best one costs more; not negative, None where no week of the year is the best."""
        after = self.best_week + 1
        return self.cost_eur[after] - self.cost_eur[self.best_week] if after < len(self.cost_eur) else None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an assessment says what it says.

    Attributes
    ----------
    channels : tuple of ChannelBasis
        Largest part first; contributions of a mode add up to its severity.
    missing : tuple of str
        Condition indicators, `sensor/channel`, that say nothing yet.
    difference : float
        Largest relative difference between the numbers told and those computed again; 0: the same to the bit.
    waiting_limit_eur : float
        What waiting 90 days may cost before that alone calls for the repair.
    frequencies : tuple of FrequencyChange
        Of which a change is stated.
    """

    assessment: RiskAssessment
    causes: tuple[CauseShare, ...]
    channels: tuple[ChannelBasis, ...]
    changes: tuple[ModeChange, ...]
    look_alike: LookAlike | None
    plan: RepairPlan
    missing: tuple[str, ...]
    difference: float
    waiting_limit_eur: float
    frequencies: tuple[FrequencyChange, ...] = ()
