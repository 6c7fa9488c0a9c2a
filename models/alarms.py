"""Changes of alarms, as every stage reports them, and how long a sign of one has lasted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, TimeArray
from domain.records import Reason
from models.catalogue import Catalogue
from models.thresholds import MODES

__all__ = ["AlarmChange", "about_condition", "change_about", "since_when", "turn_alarms"]


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """An alarm that was raised or cleared in this step.

    Attributes
    ----------
    asset : int
        Position in the catalogue that was stepped.
    kind : str
        `condition.<mode>`, `sensor.stuck` or `data.silent`.
    subject : str
        Empty for the asset, a sensor, or `sensor/channel`.
    raised : bool
        True when raised, False when cleared.
    at_ns : int
        Event time of the change.
    reasons : tuple of Reason
        Why it was raised, or why cleared.
    raised_at_ns : int
        When the alarm was raised: equal to `at_ns` for a raise. With asset, kind and subject it names the alarm.
    """

    asset: int
    kind: str
    subject: str
    raised: bool
    at_ns: int
    reasons: tuple[Reason, ...]
    raised_at_ns: int


def change_about(
    catalogue: Catalogue, row: int, kind: str, reason: Reason, *, at_ns: int, raised_ns: int, is_whole: bool = False
) -> AlarmChange:
    """Raise or clear an alarm about a channel, or about its whole sensor.

    Parameters
    ----------
    row : int
        The channel's row.
    reason : Reason
        Its facts are added to those that name sensor and channel.
    raised_ns : int
        When the alarm that is cleared was raised; 0: it is raised now.
    """
    key = catalogue.channels[row]
    channel = "" if is_whole else key.channel
    about: dict[str, str | float | int] = {"sensor": key.sensor, "channel": channel}
    subject = key.sensor if is_whole else f"{key.sensor}/{key.channel}"
    reasons = (Reason(reason.code, about | reason.facts),)
    asset = int(catalogue.asset_of_channel[row])
    return AlarmChange(asset, kind, subject, not raised_ns, at_ns, reasons, raised_ns or at_ns)


def about_condition(catalogue: Catalogue, pair: int, *reasons: Reason, at_ns: int, raised_ns: int = 0) -> AlarmChange:
    """Raise or clear an alarm about the condition of an asset, by one failure mode.

    Parameters
    ----------
    pair : int
        Row of asset and failure mode.
    raised_ns : int
        When the alarm that is cleared was raised; 0: it is raised now.
    """
    kind = f"condition.{MODES[catalogue.pair_mode[pair]]}"
    return AlarmChange(int(catalogue.pair_asset[pair]), kind, "", not raised_ns, at_ns, reasons, raised_ns or at_ns)


def turn_alarms(
    catalogue: Catalogue,
    rows: npt.NDArray[np.intp],
    end_ns: TimeArray,
    kind: str,
    raised_ns: TimeArray,
    standing: BoolArray,
    why: Callable[[int], Reason],
    *,
    again: str = "heard_again",
    is_whole: bool = False,
) -> tuple[TimeArray, list[AlarmChange]]:
    """Raise the alarms about channels, or whole sensors, that stand now and did not; clear those that do no more.

    Parameters
    ----------
    rows : intp[R]
        Rows of channels.
    end_ns : int64[R]
        Event time of what happens now.
    raised_ns : int64[R]
        When each was raised, 0 for none that stood.
    standing : bool[R]
        Which stand now.
    why : callable
        Gives the reason of an alarm that is raised, without the facts that name its subject, by its place.
    again : str
        Code of the reason of one that is cleared.

    Returns
    -------
    int64[R]
        When each that stands now was raised, 0 for none.
    list of AlarmChange
        In the order of `rows`.
    """
    changes = []
    for place in np.flatnonzero(standing != (raised_ns > 0)).tolist():
        before_ns = int(raised_ns[place])
        reason = Reason(again) if before_ns else why(place)
        row, at_ns = int(rows[place]), int(end_ns[place])
        change = change_about(catalogue, row, kind, reason, at_ns=at_ns, raised_ns=before_ns, is_whole=is_whole)
        changes.append(change)
    return np.where(standing, np.where(raised_ns > 0, raised_ns, end_ns), 0), changes


def since_when(sign: BoolArray, since: TimeArray, end_ns: TimeArray) -> TimeArray:
    """int64[R]: move along since when every value shows a sign, or, negative, since when none does.

    Parameters
    ----------
    sign : bool[R]
        Whether this hop's value shows it.
    since : int64[R]
        What this gave for the value before, 0 at first.
    end_ns : int64[R]
        End of the hop.
    """
    return np.asarray(np.where(sign, np.where(since > 0, since, end_ns), np.where(since < 0, since, -end_ns)), np.int64)
