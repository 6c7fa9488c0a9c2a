"""Papers about the algorithm on disk, made from the running configuration and the stores."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from api.access import rooms_for
from api.algorithm.entry import OwnerFacts, make_entry, missing_facts
from api.algorithm.papers import data_sheet, decision_paper, model_card, model_version, sensor_list
from api.gate import Access
from api.languages import Language
from api.pages.paper import paper_html
from api.problems import ProblemError
from api.rooms import ApiRooms
from api.routes.decisions import known_decision
from domain.errors import ConfigurationError
from domain.records import Decision
from service.folder import check_installed, why_not
from service.organisations import read_organisations
from service.series_store import open_series
from service.settings import Settings
from storage.database import check_schema, open_database
from storage.journal import Journal

__all__ = ["facts_by_organisation", "read_owner_facts", "write_papers"]


def read_owner_facts(path: Path | None) -> OwnerFacts:
    """Read what only the owner knows; nothing without a file.

    Raises
    ------
    ConfigurationError
        If the file cannot be read, or says something that the register does not take; all faults at once.
    """
    if path is None:
        return OwnerFacts()
    try:
        return OwnerFacts.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except OSError as error:
        raise ConfigurationError(
            f"owner's file {str(path)!r} cannot be read ({error.strerror}); correct --owner or owner.register_file"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"owner's file {path.name}: {error}; correct it") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg'].lower()}" for item in error.errors())
        raise ConfigurationError(f"owner's file {path.name}: {faults}") from error


def facts_by_organisation(settings: Settings) -> dict[str, OwnerFacts]:
    """Give what each organisation says of itself; the first, which runs the service, may say it in the owner's file.

    Raises
    ------
    ConfigurationError
        As `read_owner_facts` and `read_organisations`.
    """
    shared = read_organisations(settings.access.organisations_file, settings.owner)
    first = shared.organisations[0].id
    facts = {first: read_owner_facts(settings.owner.register_file)}
    return facts | {name: read_owner_facts(path) for name, path in shared.register_files.items()}


def write_papers(
    settings: Settings,
    folder: Path,
    *,
    owner_file: Path | None,
    decision_id: str | None,
    organisation: str | None = None,
) -> tuple[list[Path], list[str], str]:
    """Write all papers of one organisation.

    Returns
    -------
    tuple
        Files, names of what the owner has not said, and why there is no entry (else empty).

    Raises
    ------
    ConfigurationError
        If there is no installation, the decision is not known, or it is not said whose papers are meant.
    """
    from service.access import shared_service  # noqa: PLC0415 -- it needs this module
    from service.web import make_rooms  # noqa: PLC0415 -- it needs this module

    check_installed(settings)
    whose = shared_service(settings).find(organisation or "")
    engine = open_database(settings.database_address)
    check_schema(engine)
    journal, series = Journal(settings.journal_path), open_series(settings)
    try:
        rooms = rooms_for(make_rooms(settings, journal, engine, series, Access()), whose)
        if owner_file is not None:
            rooms = replace(rooms, settings=replace(rooms.settings, owner_facts=read_owner_facts(owner_file)))
        return _write(rooms, folder, decision_id)
    except OSError as error:
        raise ConfigurationError(f"{str(folder)!r} cannot be written ({why_not(error)}); give another --out") from error
    finally:
        journal.close()
        series.close()
        engine.dispose()


def _write(rooms: ApiRooms, folder: Path, decision_id: str | None) -> tuple[list[Path], list[str], str]:
    facts = rooms.settings.owner_facts
    decision = None if decision_id is None else _decision(rooms, decision_id)
    written: list[Path] = []
    folder.mkdir(parents=True, exist_ok=True)
    fault = ""
    try:
        entry = make_entry(
            facts,
            organisation=rooms.settings.organisation,
            contact_email=rooms.settings.contact_email,
            assets=rooms.overview.tally().assets,
            channels=data_sheet(rooms, Language.DUTCH)["channels"],
            rate=rooms.settings.false_alarms_per_year,
            version=model_version(rooms),
        )
        written.append(_json(folder / "algorithm-register.json", entry.model_dump(mode="json", exclude_none=True)))
    except ValueError as error:
        fault = str(error)
    for language in Language:
        papers = {
            "model-card": model_card(rooms, language),
            "data-sheet": data_sheet(rooms, language),
            "sensors": sensor_list(rooms, language),
        }
        if decision is not None:
            papers[f"decision-{decision.id}"] = decision_paper(rooms, decision, language)
        for name, paper in papers.items():
            written.append(_json(folder / f"{name}.{language.value}.json", paper))
            page = folder / f"{name}.{language.value}.html"
            page.write_text(paper_html(paper, language, linked=False), encoding="utf-8")
            written.append(page)
    return written, missing_facts(facts), fault


def _decision(rooms: ApiRooms, decision_id: str) -> Decision:
    try:
        return known_decision(decision_id, rooms)
    except ProblemError as error:
        raise ConfigurationError(
            f"got decision {decision_id!r}, expected an `id` of `schouw export decisions`"
        ) from error


def _json(path: Path, body: dict[str, Any]) -> Path:
    path.write_text(json.dumps(body, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return path
