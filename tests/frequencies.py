"""A bridge that has nothing but natural frequencies, folded in one hop at a time as a batch folds them in."""

from __future__ import annotations

from typing import Any

import numpy as np

from domain.identifiers import AssetId, ChannelName, GatewayId, SensorId
from domain.register import Asset, AssetType, Channel, Direction, Register, Role
from models.baseline import learn
from models.catalogue import HOUR_NS, Catalogue
from models.compiling import compile_catalogue
from models.deviation import expect
from models.environment import Explained
from models.memory import ModelState, with_columns
from models.state import initial_state

_FIRST_HOUR = 472_224


def frequencies(count: int) -> tuple[Catalogue, ModelState]:
    """Compile a register of one bridge with some natural frequencies, and give its first state."""
    channels = tuple(
        Channel(
            AssetId("a"),
            SensorId("s"),
            ChannelName(f"natural_frequency_{number}"),
            "Hz",
            GatewayId("g"),
            3600.0,
            Role.CONDITION,
            Direction.DOWN,
        )
        for number in range(1, count + 1)
    )
    register = Register((Asset(AssetId("a"), "A", AssetType.BRIDGE),), channels)
    catalogue = compile_catalogue(register, {channel.key: place for place, channel in enumerate(channels)})
    return catalogue, initial_state(catalogue)


def fold_in(
    catalogue: Catalogue, state: ModelState, y: Any, rows: Any, *, explained: Explained, frozen: Any, hour: int
) -> ModelState:
    """Learn one hour's values, all of them while being commissioned."""
    recent = state.recent.copy()
    recent[catalogue.judged[rows]] = np.column_stack([y, recent[catalogue.judged[rows], 0]])
    state = with_columns(state, recent=recent)
    return learn(
        catalogue,
        state,
        y,
        rows,
        explained=explained,
        expectation=expect(catalogue, state, rows, explained),
        frozen=frozen,
        commissioning=np.ones(len(rows), np.bool_),
        end_ns=np.full(len(rows), (_FIRST_HOUR + hour) * HOUR_NS, np.int64),
    )
