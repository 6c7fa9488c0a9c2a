"""Change the register from the command line or a setting: an entry in the journal, which ingest applies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from domain.errors import RegisterError
from domain.identifiers import AssetId, ChannelKey
from domain.register import FALSE_ALARMS_PER_YEAR, Asset, Channel, Register, Role, Works
from domain.units import is_same_unit
from ingest.register import read_register_files, read_works
from models.thresholds import threshold_of
from service.words import listed
from storage.entries import RegisterBody
from storage.journal import Journal

__all__ = [
    "Imported",
    "add_assets",
    "current_register",
    "import_assets",
    "import_works",
    "keep_budgets",
    "withdraw_works",
]

_NAMED: Final = 3


def current_register(journal: Journal) -> Register:
    """Give the register as it stands in the journal; an empty one when there is none."""
    for entry in journal.newest("register"):
        if isinstance(entry.body, RegisterBody):
            return entry.body.register
    return Register()


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did.

    Attributes
    ----------
    register : Register
        As it holds from now on.
    kept : int or None
        Channels that stay because no table of sensors was given; None where one was.
    assets_gone : tuple of AssetId
        No longer in the register.
    channels_gone : tuple of ChannelKey
        Likewise, those of the assets that are gone included. One that comes back begins anew.
    corrected : tuple of ChannelKey
        With another unit than before, in which what they said stands from now on. The models begin anew with them.
    without_level : tuple of ChannelKey
        Condition indicators whose failure level is a guess: `models.thresholds` has none, and the register neither.
    """

    register: Register
    kept: int | None
    assets_gone: tuple[AssetId, ...]
    channels_gone: tuple[ChannelKey, ...]
    corrected: tuple[ChannelKey, ...] = ()
    without_level: tuple[ChannelKey, ...] = ()


def import_assets(
    journal: Journal, paths: Sequence[Path], *, at_ns: int, may_correct_units: bool = False, today: date | None = None
) -> Imported:
    """Put the assets and channels of files in place of those in the register; announced works stay.

    Without a table of sensors the channels of the assets that stay are kept.

    Parameters
    ----------
    may_correct_units : bool
        Whether a channel of the register may have another unit in the files: then all that it said was in that unit,
        and is not converted (docs/adr/0044).
    today : date or None
        The last day on which anything can have been inspected; None: any.

    Raises
    ------
    RegisterError
        With file, line and column of every fault, or with the channels that would have another unit; nothing is changed
        then.
    """
    read, has_sensors = read_register_files(paths, today=today)
    known = {asset.id for asset in read.assets}
    current = current_register(journal)
    works = tuple(item for item in current.works if item.asset in known)
    channels = read.channels if has_sensors else tuple(item for item in current.channels if item.asset in known)
    register = replace(read, channels=channels, works=works, budgets=current.budgets)
    left = {channel.key for channel in channels}
    units = {channel.key: channel.unit for channel in current.channels}
    corrected = [item for item in channels if not is_same_unit(units.get(item.key, item.unit), item.unit)]
    if corrected and not may_correct_units:
        raise RegisterError(_other_units(corrected, units))
    done = Imported(
        register=register,
        kept=None if has_sensors else len(channels),
        assets_gone=tuple(asset.id for asset in current.assets if asset.id not in known),
        channels_gone=tuple(channel.key for channel in current.channels if channel.key not in left),
        corrected=tuple(channel.key for channel in corrected),
        without_level=tuple(channel.key for channel in channels if _has_no_level(channel)),
    )
    _write(journal, register, at_ns)
    return done


def import_works(journal: Journal, path: Path, *, at_ns: int) -> Register:
    """Add announced works; the same works twice count once."""
    register = current_register(journal)
    works = {*register.works, *read_works(path, register)}
    return _write(journal, replace(register, works=_sorted_works(works)), at_ns)


def withdraw_works(journal: Journal, path: Path, *, at_ns: int) -> Register:
    """Take announced works back: those that the rows of a table say, as they were imported.

    Raises
    ------
    RegisterError
        With every fault in the table, or with the works in it that the register does not have; nothing is changed then.
    """
    register = current_register(journal)
    withdrawn = set(read_works(path, register))
    unknown = _sorted_works(withdrawn - set(register.works))
    if unknown:
        named = [f"{item.kind!r} on {item.asset}" + (f"/{item.sensor}" if item.sensor else "") for item in unknown]
        raise RegisterError(
            f"{path}: got {listed(named, _NAMED)}, expected works of the register; "
            "give rows with asset, kind, sensor, start and end as they were imported"
        )
    return _write(journal, replace(register, works=_sorted_works(set(register.works) - withdrawn)), at_ns)


def add_assets(journal: Journal, assets: Sequence[Asset], channels: Sequence[Channel], *, at_ns: int) -> Register:
    """Add assets and channels that the register does not have yet; what is there stays as it is."""
    register = current_register(journal)
    all_assets = {item.id: item for item in (*assets, *register.assets)}
    all_channels = {item.key: item for item in (*channels, *register.channels)}
    changed = replace(
        register,
        assets=tuple(all_assets[key] for key in sorted(all_assets)),
        channels=tuple(all_channels[key] for key in sorted(all_channels)),
    )
    return register if changed == register else _write(journal, changed, at_ns)


def keep_budgets(journal: Journal, budgets: Mapping[str, float], *, at_ns: int) -> bool:
    """Write the alarm budgets of the settings into the register, if it has others.

    They are in the journal because an alarm is a function of it: the same entries, the same alarms, whatever the
    settings say by then.

    Returns
    -------
    bool
        Whether they were others.
    """
    register = current_register(journal)
    if budgets == (register.budgets or {"": FALSE_ALARMS_PER_YEAR}):
        return False
    _write(journal, replace(register, budgets=dict(budgets)), at_ns)
    return True


def _has_no_level(channel: Channel) -> bool:
    is_unknown = threshold_of(channel.quantity).quantity == "other"
    return channel.role is Role.CONDITION and channel.failure_threshold is None and is_unknown


def _other_units(channels: Sequence[Channel], units: Mapping[ChannelKey, str]) -> str:
    """Say that channels would have another unit, and what to do."""
    named = [f"{'/'.join(item.key)} in {item.unit!r} instead of {units[item.key]!r}" for item in channels]
    return (
        f"got {listed(named, _NAMED)}, expected the units of the register, in which all that was said is stored; "
        "leave them as they are, for a gateway may send any unit that converts, or import with --correct-units "
        "if the readings were in the new units all along"
    )


def _write(journal: Journal, register: Register, at_ns: int) -> Register:
    journal.append("register", RegisterBody(register=register, at_ns=at_ns))
    return register


def _sorted_works(works: set[Works]) -> tuple[Works, ...]:
    return tuple(sorted(works, key=lambda item: (item.asset, item.start_ns, item.end_ns, item.kind, item.sensor or "")))
