"""Which channels of condition are like each other: the groups that the second stage compares.

A group is a quantity of a failure mode of a type of asset. Sensors whose identifiers begin with another word (``fan1``,
``pump1``) are groups of their own where enough assets have them: they hang on other machines. That is decided over the
whole register, so that a few of its assets, scored again by themselves, are compared with the same group as before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from domain.arrays import BoolArray
from domain.identifiers import AssetId, ChannelKey
from domain.register import AssetType

__all__ = ["first_words", "group_name"]

_ASSETS_OF_OWN_GROUP: Final = 4
_FIRST_WORD: Final = re.compile(r"[A-Za-z]*")


def group_name(kind: AssetType, mode: str, key: ChannelKey, *, is_own: bool) -> str:
    """Name the group of a channel.

    Parameters
    ----------
    is_own : bool
        Whether sensors of its first word are a group of their own.

    Examples
    --------
    >>> from domain.identifiers import AssetId, ChannelName, SensorId
    >>> key = ChannelKey(AssetId("t1"), SensorId("fan2"), ChannelName("vibration_rms.x"))
    >>> group_name(AssetType.TUNNEL, "wear", key, is_own=True)
    'tunnel/wear/vibration_rms/fan'
    >>> group_name(AssetType.TUNNEL, "wear", key, is_own=False)
    'tunnel/wear/vibration_rms'
    """
    broad = f"{kind.value}/{mode}/{key.channel.partition('.')[0]}"
    return f"{broad}/{_first_word(key)}" if is_own else broad


def first_words(kinds: Sequence[AssetType], modes: Sequence[str], keys: Sequence[ChannelKey]) -> BoolArray:
    """Tell whose first word is a group of its own.

    Parameters
    ----------
    kinds, modes, keys : sequences of length C
        Type of asset, failure mode and key of every judged channel of a register.

    Returns
    -------
    bool[C]
        True where four assets or more have such sensors.
    """
    names = [group_name(kind, mode, key, is_own=True) for kind, mode, key in zip(kinds, modes, keys, strict=True)]
    owners: dict[str, set[AssetId]] = {}
    for name, key in zip(names, keys, strict=True):
        owners.setdefault(name, set()).add(key.asset)
    return np.array([len(owners[name]) >= _ASSETS_OF_OWN_GROUP for name in names], np.bool_)


def _first_word(key: ChannelKey) -> str:
    found = _FIRST_WORD.match(key.sensor)
    return found[0] if found else ""
