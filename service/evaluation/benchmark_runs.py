"""The detector on the benchmark data and on made-up bridges, each with the one configuration that there is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from domain.arrays import BoolArray, FloatArray
from models.stream_detector import StreamDetector
from service.evaluation.benchmark_scorers import SKAB_CHANNELS, write_for_scorer
from service.evaluation.bridge_record import BridgeRecord, make_bridge_record
from service.evaluation.bridge_service import service_scores
from service.score import score_file

__all__ = [
    "BRIDGE_NOISES",
    "BridgeFigures",
    "ServiceFigures",
    "score_bridges",
    "score_nab",
    "score_skab",
    "service_figures",
]

# Standard deviation of a daily frequency as a share of it: means of hourly modal analyses, good and poor.
BRIDGE_NOISES: Final = (0.0008, 0.0012, 0.002)
_BRIDGES: Final = 20
_COMMISSION_DAYS: Final = 100
_DAY_S: Final = 86400.0


@dataclass(frozen=True, slots=True)
class BridgeFigures:
    """What was found on made-up bridges.

    Attributes
    ----------
    area : float
        Mean area under the curve, healthy days after commissioning against days after the step.
    false_days_percent : float
        Share of those healthy days with an alarm, %.
    delay_days : float
        Median days from the step to an alarm; infinite where there was none.
    """

    area: float
    false_days_percent: float
    delay_days: float


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """What the service said of made-up bridges, over the days that `BridgeFigures` is about.

    Attributes
    ----------
    area, least_area : float
        Mean and least area under the curve of its first stage.
    area_stated : float
        Mean area of the detector that states changes.
    stated_percent, delay_days : float
        Share of the steps that were stated, %, and the median of the days until then; infinite where it was not.
    false_statements : int
        Statements before the step, on all bridges.
    """

    area: float
    least_area: float
    area_stated: float
    stated_percent: float
    delay_days: float
    false_statements: int


def score_nab(data: Path, work: Path, *, source: Path | None = None) -> tuple[Path, float]:
    """Score NAB, or a changed copy of its table.

    Returns
    -------
    given : Path
        What its scorer reads.
    spent_us : float
        Processor time a reading, µs.
    """
    original, verdicts = data / "nab" / "data.csv.gz", work / "nab.csv"
    begun = time.process_time()
    rows = score_file(source or original, verdicts, time="timestamp", values=["value"], group="file")
    spent_us = (time.process_time() - begun) / rows * 1e6
    return write_for_scorer(original, verdicts, work, "file", "timestamp"), spent_us


def score_skab(data: Path, work: Path, *, source: Path | None = None) -> Path:
    """Score SKAB, or a changed copy of its table, and give what its scorer reads."""
    original, verdicts = data / "skab" / "data.csv.gz", work / "skab.csv"
    score_file(source or original, verdicts, time="datetime", values=SKAB_CHANNELS, group="file", commission=400)
    return write_for_scorer(original, verdicts, work, "file", "datetime")


def score_bridges(
    noise: float,
    *,
    is_compensated: bool = True,
    autocorrelation: float = 0.0,
    has_gaps: bool = False,
) -> BridgeFigures:
    """Score made-up bridges with this noise, with or without the temperature of their decks.

    Days without a frequency count neither as healthy nor as changed, but an alarm may stand on them.
    """
    area, false_share, delay = [], [], []
    for seed in range(_BRIDGES):
        record = make_bridge_record(
            np.random.default_rng(seed), noise=noise, autocorrelation=autocorrelation, has_gaps=has_gaps
        )
        novelty, alarm = _score_bridge(record, is_compensated=is_compensated)
        healthy = slice(_COMMISSION_DAYS, record.step_day)
        seen = np.isfinite(record.natural_frequency_hz)
        before, after = novelty[healthy][seen[healthy]], novelty[record.step_day :][seen[record.step_day :]]
        area.append(_area_under_curve(before, after))
        false_share.append(100.0 * float(alarm[healthy].mean()))
        raised = np.flatnonzero(alarm[record.step_day :])
        delay.append(float(raised[0]) if len(raised) else np.inf)
    return BridgeFigures(float(np.mean(area)), float(np.mean(false_share)), float(np.median(delay)))


def service_figures(noise: float, *, first_seed: int = 0, bridges: int = _BRIDGES) -> ServiceFigures:
    """Put made-up bridges through the service."""
    seeds = range(first_seed, first_seed + bridges)
    records = [make_bridge_record(np.random.default_rng(seed), noise=noise) for seed in seeds]
    said = service_scores(records)
    areas, delays, false_statements = [], [], 0
    for record, level, novelty, stated in zip(records, said.level, said.novelty, said.is_stated, strict=True):
        healthy, changed = slice(_COMMISSION_DAYS, record.step_day), slice(record.step_day, None)
        areas.append([_area_under_curve(score[healthy], score[changed]) for score in (level, novelty)])
        begun = np.flatnonzero(stated & ~np.concatenate([[False], stated[:-1]]))
        false_statements += int((begun < record.step_day).sum())
        after = np.flatnonzero(stated[changed])
        delays.append(float(after[0]) if len(after) else np.inf)
    mean = np.mean(areas, axis=0)
    return ServiceFigures(
        area=float(mean[0]),
        least_area=float(np.min(areas, axis=0)[0]),
        area_stated=float(mean[1]),
        stated_percent=100.0 * float(np.isfinite(delays).mean()),
        delay_days=float(np.median(delays)),
        false_statements=false_statements,
    )


def _score_bridge(record: BridgeRecord, *, is_compensated: bool) -> tuple[FloatArray, BoolArray]:
    environments = int(is_compensated)
    detector = StreamDetector(channels=1, environments=environments, commission=_COMMISSION_DAYS)
    temperature = record.temperature_degc[:, np.newaxis][:, :environments]
    verdicts = [
        detector.step(_DAY_S * day, record.natural_frequency_hz[day : day + 1], temperature[day])
        for day in range(len(temperature))
    ]
    return np.array([row.novelty for row in verdicts]), np.array([row.alarm for row in verdicts])


def _area_under_curve(healthy: FloatArray, changed: FloatArray) -> float:
    """Give the chance that a changed row scores above a healthy one, ties counting half."""
    above = (changed[:, np.newaxis] > healthy).mean()
    equal = (changed[:, np.newaxis] == healthy).mean()
    return float(above + 0.5 * equal)
