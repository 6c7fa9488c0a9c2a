"""Lock files, licence, compose file: what installs the program elsewhere."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from service.everything import CHILDREN
from service.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
LOCKS = ("run.lock", "dev.lock")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", re.MULTILINE)
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(lock: str) -> dict[str, str]:
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    return {normalised(name): version for name, version in _PINNED.findall(text)}


def names(requirements: list[str]) -> set[str]:
    return {normalised(re.split(r"[^A-Za-z0-9._-]", requirement)[0]) for requirement in requirements}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_registry(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    assert "--extra-index" not in text


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pinned_package_has_a_hash(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    rows = [row for row in text.splitlines() if row.strip() and not row.strip().startswith("#")]
    assert rows
    assert [row for row in rows if "==" not in row or "--hash=sha256:" not in row] == []


def test_locks_cover_what_the_project_names() -> None:
    build = set(PROJECT["dependency-groups"]["build"])
    assert names([*PROJECT["project"]["dependencies"], *build]) <= set(pinned("run.lock"))
    assert names(PROJECT["dependency-groups"]["dev"]) <= set(pinned("dev.lock"))


def test_tests_run_with_the_versions_that_users_get() -> None:
    run, dev = pinned("run.lock"), pinned("dev.lock")
    assert {name: dev.get(name) for name in run} == run


def test_the_licence_is_the_one_that_the_project_names() -> None:
    assert PROJECT["project"]["license"] == "EUPL-1.2"
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("EUROPEAN UNION PUBLIC LICENCE v. 1.2\n")


def test_the_compose_file_fits_its_schema() -> None:
    schema = json.loads((files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json").read_text("utf-8"))
    jsonschema.validators.validator_for(schema)(schema).validate(COMPOSE)


def test_compose_has_the_whole_chain_with_health_checks() -> None:
    assert set(COMPOSE["services"]) == {"broker", "influxdb", "postgres", "project", "ingest", "api"}
    assert {name for name, service in COMPOSE["services"].items() if "healthcheck" in service} >= {
        "broker",
        "influxdb",
        "postgres",
        "api",
    }


def test_compose_opens_ports_on_this_machine_only() -> None:
    services = COMPOSE["services"]
    opened = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert set(opened) == {"broker", "influxdb", "postgres"}
    assert all(port.startswith("127.0.0.1:") for ports in opened.values() for port in ports)
    assert {name for name, service in services.items() if service.get("network_mode") == "host"} == {"api"}
    assert services["api"]["environment"]["SCHOUW_API__HOST"] == "127.0.0.1"


def test_compose_has_no_secret_of_its_own() -> None:
    secrets = {
        key: value
        for service in COMPOSE["services"].values()
        for key, value in service.get("environment", {}).items()
        if re.search("PASSWORD|TOKEN|SECRET", key)
    }
    assert len(secrets) == 4
    # Empty, each of these images refuses to start; named as missing they would also be asked of those who run neither.
    assert all(re.fullmatch(r"\$\{[A-Z_]+:-\}", value) for value in secrets.values()), secrets


def test_compose_starts_servers_of_others_only_when_asked() -> None:
    services = COMPOSE["services"]
    assert {name: service["profiles"] for name, service in services.items() if "profiles" in service} == {
        "influxdb": ["servers"],
        "postgres": ["servers"],
    }
    needed = {other for service in services.values() for other in service.get("depends_on", {})}
    assert needed.isdisjoint({"influxdb", "postgres"})


def test_compose_keeps_data_in_named_volumes() -> None:
    for name, service in COMPOSE["services"].items():
        for volume in service["volumes"]:
            assert volume.split(":")[0] in COMPOSE["volumes"], name


def test_compose_configs_and_volumes_are_used_and_defined() -> None:
    used = {entry["source"] for service in COMPOSE["services"].values() for entry in service.get("configs", [])}
    assert used == set(COMPOSE["configs"])
    assert "max_queued_messages 0" in COMPOSE["configs"]["mosquitto.conf"]["content"]
    assert "persistence true" in COMPOSE["configs"]["mosquitto.conf"]["content"]


def test_compose_starts_what_schouw_run_starts() -> None:
    """Projections are a process of their own there; two of them, or none, would be refused or leave the pages empty."""
    ours = [service for service in COMPOSE["services"].values() if service["image"].startswith("schouw:")]
    assert sorted(service["command"] for service in ours) == sorted([name] for name in CHILDREN)
    assert all(service["environment"]["SCHOUW_INGEST__PROJECTS"] == "false" for service in ours)
    assert all(service["volumes"] == ["schouw:/var/lib/schouw"] for service in ours)
    folders = {service["environment"]["SCHOUW_DATA_DIR"] for service in ours}
    assert folders == {"/var/lib/schouw/data"}
    # Compose stops in the reverse order of what needs what, as `schouw run` does.
    assert set(COMPOSE["services"]["ingest"]["depends_on"]) == {"broker", "project"}
    assert set(COMPOSE["services"]["api"]["depends_on"]) == {"ingest"}


@pytest.mark.parametrize("name", ["project", "ingest", "api"])
def test_compose_sets_only_settings_that_exist(name: str) -> None:
    """A misspelt variable would be ignored by nobody: it stops the start."""
    environment = COMPOSE["services"][name]["environment"]
    fields: dict[str, Any] = {}
    for key, text in environment.items():
        assert key.startswith("SCHOUW_"), key
        value = re.sub(r"^\$\{[A-Z_]+:-(.*)\}$", r"\1", text)
        section, _, rest = key.removeprefix("SCHOUW_").lower().partition("__")
        if rest:
            fields.setdefault(section, {})[rest] = value
        else:
            fields[section] = value
    settings = Settings.model_validate(fields)
    assert not settings.broker.embedded


def test_the_image_copies_every_room() -> None:
    recipe = COMPOSE["services"]["api"]["build"]["dockerfile_inline"]
    rooms = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(re.findall(r"^COPY (\w+) \1$", recipe, re.MULTILINE)) == set(rooms)


def tracked_files() -> list[Path]:
    """Files that are or would be in the repository; none where there is no git."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    if listing.returncode != 0:
        pytest.skip("this copy is no git repository, so nothing says which files belong to it")
    return [path for name in listing.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_names_a_folder_of_one_machine() -> None:
    """Nobody else has these folders; written with a break so that this file does not name them either."""
    words = [prefix + rest for prefix, rest in (("/ho", "me/"), ("/ro", "ot/"), ("/wo", "rk/"), ("/Use", "rs/"))]
    found = {
        f"{path.relative_to(ROOT)}: {word}"
        for path in tracked_files()
        if path.suffix not in {".png", ".gz", ".npy", ".ico", ".woff2"}
        for word in words
        if word in path.read_text(encoding="utf-8", errors="replace")
    }
    assert found == set()
