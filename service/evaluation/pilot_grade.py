"""Grading a pilot: each goal of its sheet against what was reached, pass and fail alike."""

from __future__ import annotations

from typing import Literal

import msgspec

from domain.figures import Figure
from service.evaluation.alarm_figures import JudgedLife, grade_alarms, judge_lives
from service.evaluation.intervals import share
from service.evaluation.money import grade_money
from service.evaluation.pilot_sheet import PilotSheet
from service.evaluation.sensor_figures import grade_sensors
from service.evaluation.truth import Case

__all__ = ["Goal", "PilotResult", "Verdict", "grade_pilot"]

Verdict = Literal["passed", "failed", "undecided"]


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """One goal: what was asked, what was reached, and on how many cases.

    Attributes
    ----------
    verdict : str
        `undecided` where nothing happened on which it could be measured.
    """

    name: str
    asked: float
    at_most: bool
    reached: Figure
    verdict: Verdict


class PilotResult(msgspec.Struct, frozen=True, kw_only=True):
    """A graded pilot; it has passed when every goal has, and failed when one has.

    Attributes
    ----------
    events_passed_over : int
        Rows of the owner's events about assets of the register that are not in the pilot.
    """

    name: str
    sheet_sha256: str
    verdict: Verdict
    goals: list[Goal]
    events_passed_over: int = 0


def grade_pilot(sheet: PilotSheet, case: Case) -> PilotResult:
    """Compare what was reached with every goal of the sheet.

    A goal is judged by its figure, not by the interval around it: the sheet is a promise about this pilot, and the
    interval, printed beside it, tells how far it can be carried over.
    """
    judged = [item for item in judge_lives([case]) if _counts(item, sheet)]
    wanted = sheet.success
    goals = []
    if wanted.false_alarms_per_year is not None:
        reached = grade_alarms(judge_lives([case])).false_per_year
        goals.append(_goal("false alarms per healthy asset-year", wanted.false_alarms_per_year, reached, at_most=True))
    if wanted.found_share is not None:
        failed = [item for item in judged if item.life.has_failed]
        found = sum(bool(item.true) and item.lead_days >= wanted.warning_days for item in failed)
        name = f"failures found with {wanted.warning_days:g} days of warning"
        goals.append(_goal(name, wanted.found_share, share(found, len(failed))))
    if wanted.saved_share is not None:
        goals.append(_goal("saved against run to failure", wanted.saved_share, grade_money(judged).saved))
    if wanted.faults_named_share is not None:
        goals.append(_goal("sensor faults named", wanted.faults_named_share, grade_sensors([case]).named))
    verdicts = {goal.verdict for goal in goals}
    overall: Verdict = "failed" if "failed" in verdicts else "undecided" if "undecided" in verdicts else "passed"
    return PilotResult(name=sheet.name, sheet_sha256=sheet.digest, verdict=overall, goals=goals)


def _counts(item: JudgedLife, sheet: PilotSheet) -> bool:
    """Tell whether a life is one that the sheet asks about; sound lives are, for what looking at them costs."""
    return not sheet.detect or item.life.onset_ns is None or item.life.mode in sheet.detect


def _goal(name: str, asked: float, reached: Figure, *, at_most: bool = False) -> Goal:
    verdict: Verdict = "undecided"
    if reached.value is not None:
        met = reached.value <= asked if at_most else reached.value >= asked
        verdict = "passed" if met else "failed"
    return Goal(name=name, asked=asked, at_most=at_most, reached=reached, verdict=verdict)
