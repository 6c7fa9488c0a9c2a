"""`schouw pilot`: a sheet into the decision log at the start, and its grade behind it at the end.

The log is chained by hashes, so the sheet's hash stands before anything that the pilot could have shown, and the
result stands behind it whatever it is. Links of a pilot are about `pilot.<name>`, which no asset can be called.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from domain.errors import ConfigurationError
from domain.identifiers import AssetId
from domain.records import Decision, DecisionVerb
from domain.register import Register
from service.evaluation.owner_events import OwnerEvents, read_owner_events
from service.evaluation.pilot_grade import PilotResult, grade_pilot
from service.evaluation.pilot_sheet import PilotSheet, read_sheet
from service.evaluation.report_table import plain
from service.evaluation.store_record import record_of_store
from service.evaluation.truth import DAY_NS, Case, Truth, lives_of, true_assets
from service.folder import check_installed
from service.register_commands import current_register
from service.settings import Settings
from storage.advisory import SqlAdvisoryStore
from storage.database import check_schema, open_database
from storage.decisions import JournalDecisionLog
from storage.journal import Journal
from storage.protocols import DecisionDraft

__all__ = ["grade_pilot_of", "print_result", "start_pilot"]

_PLACES: Final = 4


def start_pilot(settings: Settings, path: Path, *, by: str, now_ns: int) -> Decision:
    """Write a sheet's hash into the decision log.

    Raises
    ------
    ConfigurationError
        If the sheet cannot be read, names an asset that is not there, has begun already, or was started before.
    """
    sheet = read_sheet(path)
    if now_ns >= sheet.start_ns + DAY_NS:
        raise ConfigurationError(
            f"{path.name}: the pilot began before today, so its goals would be set with hindsight; "
            "expected a start of today or later"
        )
    journal = _journal(settings)
    try:
        _only(current_register(journal), sheet, path.name)
        log = JournalDecisionLog(journal, lambda _: None)
        if _started(log, sheet) is not None:
            raise ConfigurationError(f"pilot {sheet.name!r} is in the decision log already; give it another name")
        reason = f"pilot begins; success as in its sheet, SHA-256 {sheet.digest}"
        draft = DecisionDraft(_subject(sheet), DecisionVerb.PLAN, by, reason, due_on=sheet.last_day)
        return log.append(draft, decided_at_ns=now_ns)
    finally:
        journal.close()


def grade_pilot_of(
    settings: Settings, path: Path, events: Path, *, by: str, interim: bool, now_ns: int
) -> tuple[PilotResult, Decision | None]:
    """Grade a pilot on what the installation said and what really happened, and write the result into the log.

    Parameters
    ----------
    events : Path
        What happened, see `service.evaluation.owner_events`; what is told of assets of the register that are not in
        the pilot is passed over, and counted.
    interim : bool
        True: grade what there is so far, and write nothing.

    Raises
    ------
    ConfigurationError
        If the sheet is not the one that was started, the pilot is not over, or the events cannot be read or name an
        asset that is not in the register.
    """
    sheet = read_sheet(path)
    journal = _journal(settings)
    engine = open_database(settings.database_address)
    try:
        log = JournalDecisionLog(journal, lambda _: None)
        started = _started(log, sheet)
        if started is None:
            raise ConfigurationError(
                f"pilot {sheet.name!r} is not in the decision log; `schouw pilot start` comes first"
            )
        if sheet.digest not in started.reason:
            raise ConfigurationError(
                f"{path.name}: got a sheet with SHA-256 {sheet.digest}, expected the one of decision {started.id}: "
                "it was changed after the start; grade the sheet that was started"
            )
        if now_ns < sheet.end_ns and not interim:
            raise ConfigurationError(f"pilot {sheet.name!r} runs until {sheet.last_day}; look with --interim meanwhile")
        check_schema(engine)
        end_ns = min(sheet.end_ns, now_ns // DAY_NS * DAY_NS)
        register = current_register(journal)
        chosen = _only(register, sheet, path.name)
        told = read_owner_events(events, {asset.id for asset in register.assets})
        truth, passed_over = _truth(chosen, sheet, told, end_ns)
        case = Case(truth, lives_of(truth), record_of_store(SqlAdvisoryStore(engine), truth))
        result = msgspec.structs.replace(grade_pilot(sheet, case), events_passed_over=passed_over)
        decision = None
        if not interim:
            draft = DecisionDraft(_subject(sheet), DecisionVerb.ACKNOWLEDGE, by, _in_words(result))
            decision = log.append(draft, decided_at_ns=now_ns)
        return result, decision
    finally:
        engine.dispose()
        journal.close()


def print_result(result: PilotResult, console: Console) -> None:
    """Print every goal, reached or not."""
    table = Table("goal", "asked", "reached (90 % interval)", "verdict", title=f"pilot {result.name}: {result.verdict}")
    for goal in result.goals:
        bound = "at most" if goal.at_most else "at least"
        table.add_row(goal.name, f"{bound} {goal.asked:g}", plain(goal.reached), goal.verdict)
    console.print(table)
    if result.events_passed_over:
        console.print(f"events of assets that are not in the pilot, passed over: {result.events_passed_over}")


def _in_words(result: PilotResult) -> str:
    goals = "; ".join(
        f"{goal.name}: {'nothing to measure' if goal.reached.value is None else round(goal.reached.value, _PLACES)} "
        f"({'at most' if goal.at_most else 'at least'} {goal.asked:g}): {goal.verdict}"
        for goal in result.goals
    )
    return f"pilot {result.verdict}; sheet SHA-256 {result.sheet_sha256}; {goals}"


def _subject(sheet: PilotSheet) -> AssetId:
    return AssetId(f"pilot.{sheet.name}")


def _started(log: JournalDecisionLog, sheet: PilotSheet) -> Decision | None:
    links = log.decisions(asset=_subject(sheet), limit=1000)
    return next((link for link in links if link.verb is DecisionVerb.PLAN), None)


def _only(register: Register, sheet: PilotSheet, name: str) -> Register:
    """Give the part of the register that the pilot is about."""
    known = {asset.id for asset in register.assets}
    unknown = [asset for asset in sheet.assets if asset not in known]
    if unknown or not known:
        expected = ", ".join(sorted(known)) or "an imported register"
        raise ConfigurationError(f"{name}: got assets {', '.join(unknown) or 'none'}, expected some of {expected}")
    chosen = set(sheet.assets) or known
    return replace(
        register,
        assets=tuple(asset for asset in register.assets if asset.id in chosen),
        channels=tuple(channel for channel in register.channels if channel.asset in chosen),
    )


def _truth(register: Register, sheet: PilotSheet, told: OwnerEvents, end_ns: int) -> tuple[Truth, int]:
    """Give what happened to the assets of the pilot, and how many events are about others; weather is about all."""
    chosen = {asset.id for asset in register.assets}
    damages = tuple(damage for damage in told.damages if damage.asset in chosen)
    repairs = tuple(repair for repair in told.repairs if repair[0] in chosen)
    events = tuple(event for event in told.events if not event.asset or event.asset in chosen)
    truth = Truth(
        name=sheet.name,
        start_ns=sheet.start_ns,
        end_ns=end_ns,
        assets=true_assets(register),
        damages=damages,
        events=events,
        knows_future=False,
        repairs=repairs,
    )
    all_told = len(told.damages) + len(told.repairs) + len(told.events)
    return truth, all_told - len(damages) - len(repairs) - len(events)


def _journal(settings: Settings) -> Journal:
    check_installed(settings)
    return Journal(settings.journal_path)
