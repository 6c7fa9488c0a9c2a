"""A recording put through the second stage of today, and what it says then set beside the truth."""

from __future__ import annotations

import time

import numpy as np

from domain.identifiers import AssetId
from domain.register import Register
from models.catalogue import Catalogue
from models.chain import assess, step_fleet
from models.compiling import compile_catalogue
from models.fleet_memory import FleetMemory
from models.memory import initial_state
from models.state import put_state, take_state
from service.alarm_book import AlarmNews, KnownAlarm, follow
from service.evaluation.chain_listener import DETECTOR, ChainRun
from service.evaluation.evaluate import JudgedRun, judge_run
from service.evaluation.truth import DAY_NS, HORIZON_PLACE, RaisedAlarm, RunRecord, Truth, day_ends
from service.stepping import with_fleet_columns
from tests.performance.replay.fleets import Fleet
from tests.performance.replay.recording import Recording

__all__ = ["catalogue_of", "judge", "replay"]


def catalogue_of(register: Register) -> Catalogue:
    """Compile a register whose channels are numbered in their order."""
    keys = sorted(channel.key for channel in register.channels)
    return compile_catalogue(register, {key: number for number, key in enumerate(keys, start=1)})


def judge(recording: Recording) -> JudgedRun:
    """Replay a recording, and set beside it what was so."""
    begun = time.perf_counter()
    fleet = Fleet.named(recording.fleet_name())
    catalogue = catalogue_of(fleet.register)
    channel_days, tally, promise = recording.judged_by(catalogue)
    run = ChainRun(replay(recording, catalogue, fleet.truth), channel_days, tally, promise)
    return judge_run(fleet.truth, fleet.register, run, seconds=time.perf_counter() - begun)


def replay(recording: Recording, catalogue: Catalogue, truth: Truth) -> RunRecord:
    """Put a recording's days through the second stage, and gather what it says."""
    state, memory = initial_state(catalogue), FleetMemory()
    at_ns = day_ends(truth.start_ns, truth.end_ns)
    chance = np.full((len(catalogue.assets), len(at_ns)), np.nan)
    life = np.full((*chance.shape, 3), np.nan)
    books: dict[AssetId, tuple[KnownAlarm, ...]] = {}
    news = AlarmNews()
    for day_ns, rows, block in recording.days(catalogue):
        before = take_state(catalogue, state, rows)
        stepped, changes = step_fleet(block.catalogue, with_fleet_columns(block.state, before), memory, day_ns)
        put_state(catalogue, state, rows, with_fleet_columns(before, stepped))
        for change in changes:
            asset = block.catalogue.assets[change.asset]
            books[asset] = follow(books.get(asset, ()), asset, [change], news)
        day = (day_ns - int(at_ns[0])) // DAY_NS
        if 0 <= day < len(at_ns):
            said = assess(block.catalogue, stepped, np.full(len(rows), day_ns, np.int64))
            chance[rows, day] = said.probability[:, HORIZON_PLACE, 0]
            life[rows, day] = said.life_days
    return RunRecord(DETECTOR, _alarms(news), at_ns, chance, life)


def _alarms(news: AlarmNews) -> tuple[RaisedAlarm, ...]:
    cleared = {change.id: change.cleared_at_ns for change in news.changes if change.cleared_at_ns is not None}
    ordered = sorted(news.alarms, key=lambda alarm: (alarm.raised_at_ns, alarm.id))
    return tuple(
        RaisedAlarm(alarm.asset, alarm.kind, alarm.subject, alarm.raised_at_ns, cleared.get(alarm.id))
        for alarm in ordered
    )
