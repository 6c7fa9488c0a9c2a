"""The command line as a person meets it: what works, and one sentence where it does not."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.installation import Installation
from tests.servers import require_server

README = Path(__file__).resolve().parents[2] / "README.md"
ACCESS = README.parent / "docs" / "access.md"
COMMANDS = [
    "run",
    "ingest",
    "api",
    "simulate",
    "replay",
    "score",
    "prognose",
    "decide",
    "export",
    "doctor",
    "assets",
    "works",
    "backup",
    "restore",
    "migrate",
    "retain",
]
ASSETS = "id,name,type,lat,lon,built_year,planned_repair_cost_eur,emergency_repair_cost_eur,closure_hours\n"
SENSORS = "asset,sensor,channel,unit,axis,gateway,position,interval_s\n"


@pytest.fixture
def site(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "data", INGEST__PAUSE_SECONDS=1, MQTT__REDELIVERY_SECONDS=0.2)


def register_of(folder: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "assets.csv").write_text(ASSETS + "brug-042,Molenbrug,bridge,52.1,5.1,1970,40000,,8\n")
    (folder / "sensors.csv").write_text(SENSORS + "brug-042,acc1,vibration_rms,mm/s,z,gw-7,,3600\n")
    return [str(folder / "assets.csv"), str(folder / "sensors.csv")]


def refused(site: Installation, *arguments: str) -> str:
    """Run a command that must fail, and give its one sentence."""
    answer = site.call(*arguments, check=False)
    assert answer.returncode != 0
    assert "Traceback" not in answer.stderr
    lines = [line for line in answer.stderr.splitlines() if line.startswith("schouw: ")]
    assert len(lines) == 1, answer.stderr
    return lines[0]


@pytest.mark.slow
def test_every_command_explains_itself() -> None:
    """One start for all of them, of a process that has imported nothing else."""
    explain = "import sys\nfrom service.cli import app\nfor command in sys.argv[1:]:\n"
    explain += "    app([command, '--help'], prog_name='schouw', standalone_mode=False)\n"
    answer = subprocess.run(
        [sys.executable, "-c", explain, *COMMANDS], capture_output=True, text=True, check=True, timeout=120
    )
    assert re.findall(r"Usage: schouw (\S+) ", answer.stdout) == COMMANDS


@pytest.mark.slow
def test_the_secured_start_of_the_documents_starts(site: Installation) -> None:
    """It ended itself after a minute: the API refused the name by which the start asked whether it was there."""
    line = next(line for line in ACCESS.read_text(encoding="utf-8").splitlines() if line.endswith("/schouw run"))
    *assignments, _program, command = shlex.split(line)
    site.environ(**dict(item.removeprefix("SCHOUW_").split("=", 1) for item in assignments))
    with site.running(command) as process:
        site.until(
            "a start", lambda: "The ranked list is at" in site.output() or process.poll() is not None, seconds=50
        )
        assert process.poll() is None, site.output()


@pytest.mark.slow
def test_a_taken_port_of_the_api_is_one_sentence(site: Installation) -> None:
    with socket.create_server(("127.0.0.1", site.api_port)):
        sentence = refused(site, "run", "--replay")
    assert f"port {site.api_port} on 127.0.0.1 cannot be taken for the API" in sentence


@pytest.mark.slow
def test_a_taken_port_of_the_broker_is_one_sentence(site: Installation) -> None:
    with socket.create_server(("127.0.0.1", site.mqtt_port)):
        sentence = refused(site, "run", "--replay")
    assert str(site.mqtt_port) in sentence
    assert "MQTT" in sentence


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_is_one_sentence(site: Installation, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    sentence = refused(site, "run", "--data-dir", str(tmp_path / "file" / "data"))
    assert "cannot be written" in sentence


@pytest.mark.slow  # `test_web.py` asks the same of `bind`
def test_nothing_but_loopback_is_served(site: Installation) -> None:
    site._environment["SCHOUW_API__HOST"] = "0.0.0.0"  # noqa: S104 -- what is refused
    assert "expected a loopback address" in refused(site, "api")


@pytest.mark.slow
def test_a_wrong_register_names_line_and_column(site: Installation, tmp_path: Path) -> None:
    files = register_of(tmp_path / "register")
    Path(files[0]).write_text(ASSETS + "brug 042,Molenbrug,bridge,52.1,5.1,1970,40000,,8\n")
    sentence = refused(site, "assets", "import", *files)
    assert "assets.csv" in sentence
    assert "'brug 042'" in sentence
    assert not site.journal().newest("register")


@pytest.mark.parametrize(
    "arguments",
    [
        ("replay", "nowhere.csv", "--asset", "a", "--value", "x=y:Hz"),
        pytest.param(("export", "everything"), marks=pytest.mark.slow),
        pytest.param(
            ("decide", "confirm", "--by", "A. Planner", "--reason", "seen", "--alarm", "nothing"),
            marks=pytest.mark.slow,
        ),
        pytest.param(("simulate", "nowhere"), marks=pytest.mark.slow),
    ],
)
def test_what_is_not_there_is_told(site: Installation, arguments: tuple[str, ...]) -> None:
    assert "expected" in refused(site, *arguments) or "no installation" in refused(site, *arguments)


def readme_publish() -> list[str]:
    """Give the `mosquitto_pub` line of the README as arguments."""
    block = re.search(r"mosquitto_pub .*?\n```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    return shlex.split(block[0].removesuffix("```"))


@pytest.mark.slow
@pytest.mark.mosquitto
def test_the_readme_shows_a_line_that_works(site: Installation, tmp_path: Path) -> None:
    program = require_server("mosquitto_pub")
    line = readme_publish()
    with site.running("run"):
        site.until("ready", lambda: bool((site.get("/readyz") or {}).get("ready")), seconds=60)
        site.call("assets", "import", *register_of(tmp_path / "register"))
        site.until("register", lambda: bool((site.get("/v1/sensors") or {}).get("items")), seconds=20)
        subprocess.run([program, "-p", str(site.mqtt_port), *line[1:]], check=True, timeout=20)

        def arrived() -> bool:
            return bool((site.get("/v1/sensors") or {"items": [{}]})["items"][0].get("lastValue") == 0.42)

        site.until("reading", arrived, seconds=20)
        risk = site.get("/v1/assets/brug-042/risk")
        assert risk["state"] == "insufficient-data"  # one reading says nothing about a bridge
        decided = site.call(
            "decide", "inspect", "--by", "A. Planner", "--reason", "new sensor", "--asset", "brug-042"
        ).stdout
        assert "Decision d" in decided
        site.until("decision", lambda: len(site.get("/v1/decisions")["items"]) == 1, seconds=20)
    rows = list(csv.DictReader(io.StringIO(site.call("export", "readings").stdout)))
    assert [(row["channel"], row["value"], row["unit"]) for row in rows] == [("vibration_rms.z", "0.42", "mm/s")]
    assert rows[0]["time"] == "2026-11-23T09:00:00Z"
    assert json.loads(line[-1])["sensor"] == "acc1"
