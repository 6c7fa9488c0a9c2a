"""The command line in process: a small installation, and one sentence with an exit code where something is wrong."""

from __future__ import annotations

import csv
import errno
import fcntl
import io
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from sqlalchemy import insert
from typer.testing import CliRunner

from service.cli import app, main
from service.settings import Settings
from service.status import write_status
from storage.database import open_database
from storage.decisions import chain_faults
from storage.journal import Journal
from storage.tables import alarm_table
from tests.unit.service.site import THERMOMETER, furnish, write_register
from tests.unit.service.test_web import status

Call = Callable[..., tuple[int, str, str]]
COMMANDS = ["run", "ingest", "api", "simulate", "replay", "decide", "export", "doctor", "assets import", "works import"]
TERMINAL = {"COLUMNS": "200", "TERM": "dumb"}


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("furnished") / "data"
    furnish(folder)
    return folder


@pytest.fixture
def data(furnished: Path, tmp_path: Path) -> Path:
    shutil.copytree(furnished, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Call]:
    """Run `schouw` in a folder of the test; give exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["schouw", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0), said.out, said.err

    yield run
    structlog.reset_defaults()  # it still held the standard error of this test


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def sentence(answer: tuple[int, str, str]) -> str:
    """Give the one sentence of a command that must fail."""
    code, _, said = answer
    assert code != 0
    lines = [line for line in said.splitlines() if line]
    assert len(lines) == 1
    assert lines[0].startswith("schouw: ")
    return lines[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_a_command_does_and_takes(command: str) -> None:
    answer = CliRunner().invoke(app, [*command.split(), "--help"], prog_name="schouw", env=TERMINAL)
    assert answer.exit_code == 0
    assert f"schouw {command}" in answer.output
    assert "--config" in answer.output


def test_every_command_is_listed_with_a_sentence() -> None:
    answer = CliRunner().invoke(app, ["--help"], prog_name="schouw", env=TERMINAL)
    for command in COMMANDS:
        assert f" {command.split()[0]} " in answer.output


def test_risks_are_exported_with_what_a_planner_needs(call: Call, data: Path) -> None:
    code, out, _ = call("export", "risks", "--data-dir", data)
    (row,) = rows_of(out)
    assert code == 0
    assert (row["asset"], row["name"], row["type"], row["state"]) == ("brug-1", "Brug-1", "bridge", "insufficient-data")
    assert row["assessed_at"].endswith("Z")


def test_readings_are_exported_to_the_last_digit(call: Call, data: Path) -> None:
    rows = rows_of(call("export", "readings", "--data-dir", data)[1])
    assert len(rows) == 48
    found = {name: rows[1][name] for name in ("channel", "value", "unit", "flags", "time")}
    expected = {"channel": "temperature", "value": "10.125", "unit": "Cel", "flags": "0"}
    assert found == expected | {"time": "2025-06-13T16:06:40Z"}


def test_an_exported_decision_says_all_that_was_decided(call: Call, data: Path) -> None:
    """The condition that an inspector corrected was left out: the row said that one was, and not which."""
    given = ("--asset", "brug-1", "--by", "A. Planner", "--reason", "seen", "--data-dir", data)
    assert call("decide", "correct-condition", *given, "--condition", "4", "--failed-on", "2025-06-01")[0] == 0
    assert call("decide", "plan", *given, "--due", "2026-09-15")[0] == 0
    plan, correction = rows_of(call("export", "decisions", "--data-dir", data)[1])
    told = ("verb", "condition", "due_on", "failed_on")
    assert [correction[name] for name in told] == ["correct-condition", "4", "", "2025-06-01"]
    assert [plan[name] for name in told] == ["plan", "", "2026-09-15", ""]


def test_nothing_failed_on_a_day_to_come(call: Call, data: Path) -> None:
    """A wrong year went into a log that takes nothing back, and an owner's figures would count it when it comes."""
    given = ("--asset", "brug-1", "--by", "A. Planner", "--reason", "seen", "--data-dir", data)
    told = sentence(call("decide", "repair", *given, "--failed-on", "2162-06-01"))
    assert "got '2162-06-01' as --failed-on, expected a day that has come" in told


def test_a_file_of_an_export_is_whole_or_not_there(call: Call, data: Path, tmp_path: Path) -> None:
    code, out, _ = call("export", "risks", "--data-dir", data, "--out", tmp_path / "risks.csv")
    assert (code, out) == (0, f"Rows written to {tmp_path / 'risks.csv'}: 1.\n")
    assert len(rows_of((tmp_path / "risks.csv").read_text())) == 1
    told = sentence(call("export", "risks", "--data-dir", data, "--out", tmp_path / "nowhere" / "risks.csv"))
    assert "cannot be written (No such file or directory); give another file with --out" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "risks.csv"]


@pytest.mark.parametrize("words", [("export", "risks", "--out", "new.csv"), ("simulate", "small", "--to", "new.csv")])
def test_a_disk_that_takes_nothing_is_told_and_leaves_no_half_file(
    call: Call, data: Path, tmp_path: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The removal of what an export had begun was a traceback; the history of a scenario stayed, cut off."""
    where = ("--data-dir", data) if words[0] == "export" else ()

    def refuse(_self: Path, _target: Path) -> Path:
        monkeypatch.setattr(Path, "unlink", refuse_too)
        raise OSError(errno.EROFS, "Read-only file system")

    def refuse_too(self: Path, *, missing_ok: bool = False) -> None:
        unlink(self, missing_ok=missing_ok)
        raise OSError(errno.EROFS, "Read-only file system")

    unlink = Path.unlink
    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr("service.simulation.write_history", lambda _scenario, path: path.write_text("half"))
    assert "cannot be written (Read-only file system); give another" in sentence(call(*words, *where))
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith("new.csv")] == []


def test_a_folder_for_a_register_that_cannot_be_made_is_told(call: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = sentence(call("simulate", "small", "--register", tmp_path / "file" / "register"))
    assert "cannot be written (Not a directory)" in told
    assert "give another with --register" in told


def test_a_register_on_a_full_disk_is_told_and_leaves_no_half_file(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    told = sentence(call("simulate", "small", "--register", tmp_path / "register"))
    assert "cannot be written (No space left on device), expected a folder with room" in told
    assert list((tmp_path / "register").iterdir()) == []


@pytest.mark.parametrize("start", ["0001-01-01", "1969-12-31", "2100-01-01", "9999-12-31"])
@pytest.mark.parametrize("way", [("--register", "r"), ("--to", "x.parquet"), ("--port", "9")])
def test_a_first_day_far_from_ours_is_told(call: Call, start: str, way: tuple[str, str]) -> None:
    """Years without a date before them, and times that int64 does not hold, were tracebacks."""
    told = sentence(call("simulate", "small", "--start", start, *way))
    assert f"got {start} as the first day, expected one in a year from 1970 to 2099" in told


@pytest.mark.parametrize("start", ["0001-01-01T00:00:00+14:00", "9999-12-31"])
def test_waveforms_of_a_day_far_from_ours_are_refused(call: Call, start: str) -> None:
    """The first was a traceback once a broker was there, the second waited for one in vain."""
    told = sentence(call("stream", "--start", start, "--register", "r"))
    assert "as the first day, expected one in a year from 1970 to 2099; give another with --start" in told


def test_an_unknown_export_is_told(call: Call, data: Path) -> None:
    told = sentence(call("export", "everything", "--data-dir", data))
    assert "expected one of risks, alarms, decisions, readings" in told


def test_a_decision_is_written_into_the_chain_and_exported(call: Call, data: Path) -> None:
    given = ("--by", "A. Planner", "--reason", "=HYPERLINK(1)", "--asset", "brug-1", "--data-dir", data)
    code, out, _ = call("decide", "inspect", *given)
    assert code == 0
    assert out.startswith("Decision d")
    assert call("decide", "plan", *given, "--due", "2026-09-15")[0] == 0
    rows = rows_of(call("export", "decisions", "--data-dir", data)[1])
    assert [row["verb"] for row in rows] == ["plan", "inspect"]
    assert rows[0]["due_on"] == "2026-09-15"
    assert rows[1]["reason"] == "'=HYPERLINK(1)"  # no formula for a spreadsheet to run
    assert rows[1]["assessment_id"].startswith("brug-1.")
    journal = Journal(data / "journal.sqlite")
    assert chain_faults(journal) == []
    journal.close()


def test_one_decision_about_an_event_is_a_link_for_each_alarm_that_nobody_judged(call: Call, data: Path) -> None:
    states = ["open", "cleared", "confirmed", "acknowledged"]
    row = {"asset": "brug-1", "kind": "data.silent", "subject": "", "reasons": [], "event_id": "x0", "revision": 1}
    engine = open_database(f"sqlite:///{data / 'operational.sqlite'}")
    with engine.begin() as db:
        db.execute(
            insert(alarm_table),
            [row | {"id": f"x{at}", "raised_at_ns": at, "state": state} for at, state in enumerate(states)],
        )
    engine.dispose()
    given = ("--by", "A. Planner", "--reason", "storm", "--data-dir", data)
    code, out, _ = call("decide", "dismiss", *given, "--event", "x0")
    assert (code, out.startswith("3 decisions on event x0: dismiss")) == (0, True)
    rows = rows_of(call("export", "decisions", "--data-dir", data)[1])
    assert [(row["alarm_id"], row["event_id"]) for row in rows] == [("x3", "x0"), ("x1", "x0"), ("x0", "x0")]
    assert "expected one of acknowledge, confirm" in sentence(call("decide", "repair", *given, "--event", "x0"))
    assert "got event 'x1', expected an `eventId`" in sentence(call("decide", "dismiss", *given, "--event", "x1"))
    beside = ("--event", "x0", "--asset", "brug-1")
    assert "expected only --by and --reason" in sentence(call("decide", "dismiss", *given, *beside))
    assert len(rows_of(call("export", "decisions", "--data-dir", data)[1])) == 3


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("confirm", "--alarm", "nothing"), "got alarm 'nothing', expected an `id` of `schouw export alarms`"),
        (("inspect", "--asset", "brug-9"), "got asset 'brug-9', expected --alarm or an --asset"),
        (("inspect",), "got nothing to decide on, expected --alarm or an --asset of the register; see `schouw export"),
        (("plan", "--asset", "brug-1"), "got nothing as --due, expected the date of the planned work"),
        (("plan", "--asset", "brug-1", "--due", "soon"), "got 'soon' as --due, expected"),
        (("inspect", "--asset", "brug-1", "--reason", " "), "got ' ' as --reason, expected at least 1 character"),
    ],
)
def test_a_decision_about_nothing_is_refused(call: Call, data: Path, arguments: tuple[str, ...], why: str) -> None:
    given = ("decide", arguments[0], "--by", "A. Planner", "--reason", "seen", *arguments[1:], "--data-dir", data)
    assert why in sentence(call(*given))
    journal = Journal(data / "journal.sqlite")
    assert journal.newest("decision") == []
    journal.close()


def test_the_doctor_finds_a_sound_installation_sound(call: Call, data: Path) -> None:
    code, out, _ = call("doctor", "--data-dir", data)
    assert (code, "WRONG" in out) == (0, False)
    assert "messages accounted for: 49 = decoded 48, duplicate 0, dead_lettered 1, quarantined 0, waiting 0" in out


def test_the_doctor_finds_what_is_wrong(call: Call, data: Path) -> None:
    journal = Journal(data / "journal.sqlite")
    with journal.transaction() as db:
        journal.add_tally(db, {"messages_received": 1})
    journal.close()
    code, out, _ = call("doctor", "--data-dir", data)
    assert code == 1
    assert [line.split(":")[0] for line in out.splitlines() if "WRONG" in line] == ["WRONG  messages accounted for"]


def test_the_doctor_says_what_ingest_does(call: Call, data: Path) -> None:
    """A start that loads is no fault, nor is an installation that was stopped; a step that does not end is one."""
    now_ns = time.time_ns()
    cases = (
        (
            status(at_ns=now_ns, starting="loads the state of 9 sensors"),
            0,
            "NOTE   ingest: loads the state of 9 sensors, since 20",
        ),
        (status(at_ns=now_ns - 60 * 10**9), 0, "NOTE   ingest: silent for 6"),
        (status(at_ns=1, alive_ns=now_ns, step="closes hops", step_since_ns=1), 1, "longer than any step should take"),
    )
    for told, exit_code, words in cases:
        write_status(data / "ingest-status.json", told)
        code, out, _ = call("doctor", "--data-dir", data)
        assert (code, words in out) == (exit_code, True)


def test_a_backup_says_what_state_it_holds(
    call: Call, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between an update and the first start it said "model state ." and nothing more."""
    assert re.search(r"model state [0-9a-f]{12}\.$", call("backup", tmp_path / "one", "--data-dir", data)[1].strip())
    monkeypatch.setattr("service.backup.state_of", lambda _settings, _journal: ("3.11", ""))
    said = call("backup", tmp_path / "two", "--data-dir", data)[1]
    assert "model state of version 3.11, which this program learns again when it starts." in said


def test_registers_and_works_are_imported(call: Call, data: Path, tmp_path: Path) -> None:
    code, out, _ = call("assets", "import", *write_register(tmp_path, THERMOMETER), "--data-dir", data)
    now, gone = out.splitlines()
    assert (code, now) == (0, "The register has 1 asset and 1 channel now.")
    assert gone.startswith("5 channels no longer in the register: brug-1/acc1/crest_factor.z, brug-1/acc1/dominant")
    path = tmp_path / "works.csv"
    rows = ["brug-1,resurfacing,,2025-03-01,2025-03-08", "brug-1,diversion,,2025-04-01,2025-04-08"]
    path.write_text("\n".join(["asset,kind,sensor,start,end", *rows, ""]))
    code, out, _ = call("works", "import", path, "--data-dir", data)
    assert (code, out.splitlines()) == (
        0,
        [
            "Announced works in the register now: 2.",
            "A step across these is taken for the works: resurfacing.",
            "A step across these is a sign like any other: diversion.",
        ],
    )
    code, out, _ = call("works", "withdraw", path, "--data-dir", data)
    assert (code, out) == (0, "Announced works in the register now: 0.\n")
    assert "expected works of the register" in sentence(call("works", "withdraw", path, "--data-dir", data))


def test_a_failure_level_that_is_a_guess_is_told(call: Call, data: Path, tmp_path: Path) -> None:
    """A crack that is 0 mm wide fails at half as much again as 0, and its own noise raises alarms."""
    width = "brug-1,c1,crack_width,mm,,gw-1,,3600,condition,up,{}\n"
    header = "asset,sensor,channel,unit,axis,gateway,position,interval_s,role,direction,failure_threshold\n"
    assets, sensors = write_register(tmp_path, THERMOMETER)
    sensors.write_text(header + width.format(""))
    out = call("assets", "import", assets, sensors, "--data-dir", data)[1]
    assert "1 channel without failure_threshold under a name of its own, which fails at half as much again" in out
    assert out.rstrip().endswith("above all to what lies about 0: brug-1/c1/crack_width.")
    sensors.write_text(header + width.format("0.3"))
    assert "failure_threshold" not in call("assets", "import", assets, sensors, "--data-dir", data)[1]


def test_a_wrong_register_is_told_with_its_line(call: Call, data: Path, tmp_path: Path) -> None:
    files = write_register(tmp_path, THERMOMETER.replace("3600", "often"))
    told = sentence(call("assets", "import", *files, "--data-dir", data))
    assert "sensors.csv, line 2" in told
    assert "'often'" in told
    assert "cannot be read" in sentence(call("works", "import", "nowhere.csv", "--data-dir", data))


@pytest.mark.parametrize("command", [("export", "risks"), ("decide", "inspect", "--by", "A", "--reason", "b")])
def test_an_empty_folder_is_no_installation(call: Call, tmp_path: Path, command: tuple[str, ...]) -> None:
    assert "no installation in" in sentence(call(*command, "--data-dir", tmp_path / "empty"))
    assert not (tmp_path / "empty").exists()


def test_the_doctor_of_an_empty_folder_says_what_to_start(call: Call, tmp_path: Path) -> None:
    code, out, _ = call("doctor", "--data-dir", tmp_path / "empty")
    assert code == 1
    assert "start `schouw ingest` once" in out


@pytest.mark.parametrize("command", ["run", "ingest", "api"])
def test_a_folder_that_cannot_be_written_stops_the_start(call: Call, tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_text("")
    told = sentence(call(command, "--data-dir", tmp_path / "file"))
    assert "cannot be written" in told
    assert "SCHOUW_DATA_DIR" in told


def test_a_taken_port_and_an_open_address_stop_the_start(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = sentence(call("api", "--data-dir", tmp_path / "data", "--api-port", str(port)))
    assert f"port {port} on 127.0.0.1 cannot be taken for the API" in told
    monkeypatch.setenv("SCHOUW_API__HOST", "192.0.2.1")
    assert "expected a loopback address" in sentence(call("api", "--data-dir", tmp_path / "data"))


def test_settings_that_do_not_exist_stop_the_start(call: Call, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "a file that is there" in sentence(call("doctor", "--data-dir", data, "--config", "nowhere.toml"))
    monkeypatch.setenv("SCHOUW_COLOUR", "blue")
    assert "SCHOUW_COLOUR" in sentence(call("doctor", "--data-dir", data))


def test_what_is_not_there_is_said_without_numbers_of_the_system(call: Call) -> None:
    asked = [
        ("simulate", "nosuch"),
        ("restore", "nosuch"),
        (
            "prognose",
            "--history",
            "nosuch",
            "--running",
            "x",
            "--unit",
            "u",
            "--time",
            "t",
            "--values",
            "a",
            "--out",
            "o",
        ),
    ]
    for words in asked:
        code, _, said = call(*words)
        assert code == 2
        assert "No such file or directory" in said
        assert "Errno" not in said


def test_a_second_run_is_told_of_the_first_and_not_of_its_port(call: Call, tmp_path: Path) -> None:
    """It was advised to take another port, and then told that this does not help."""
    folder = tmp_path / "data" / "broker"
    folder.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as api, (folder / "owner.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711")
        lock.flush()
        code, _, said = call("run", "--data-dir", tmp_path / "data", "--api-port", str(api.getsockname()[1]))
    assert code == 2
    assert "in use by another Schouw (process 4711)" in said
    assert "port" not in said


def test_looking_where_nothing_is_makes_nothing(call: Call, tmp_path: Path) -> None:
    code, _, said = call("explain", "brug-1", "--data-dir", "elsewhere")
    assert (code, "no installation in 'elsewhere'" in said) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_where_the_demo_keeps_its_data_is_said(call: Call, data: Path, tmp_path: Path) -> None:
    """`schouw run --demo --data-dir here` keeps them in here/demo; `decide --data-dir here` found nothing."""
    (tmp_path / "here").mkdir()
    shutil.copytree(data, tmp_path / "here" / "demo")
    told = sentence(call("export", "risks", "--data-dir", "here"))
    assert "no installation in 'here'" in told
    assert told.strip().endswith("that of the demo is --data-dir here/demo")


def test_papers_are_whole_or_not_begun(call: Call, data: Path, tmp_path: Path) -> None:
    """A file in the place of the folder was a traceback; an unknown decision left one paper behind."""
    (tmp_path / "file").write_text("")
    told = sentence(call("register", "--out", "file", "--data-dir", data))
    assert told == "schouw: 'file' cannot be written (there is a file of that name); give another --out"
    told = sentence(call("register", "--out", "papers", "--decision", "nosuch", "--data-dir", data))
    assert "got decision 'nosuch', expected an `id` of `schouw export decisions`" in told
    assert not (tmp_path / "papers").exists()


@pytest.mark.parametrize(
    ("words", "limits"),
    [
        (("replay", "t.csv", "--speed", "-1"), "'--speed'"),
        (("simulate", "small", "--speed", "-1"), "'--speed'"),
        (("run", "--demo", "--speed", "-1"), "'--speed'"),
        (("record", "t.jsonl", "--port", "99999"), "'--port'"),
        (("stream", "--port", "0"), "'--port'"),
        (("run", "--mqtt-port", "99999"), "'--mqtt-port'"),
        (("api", "--api-port", "0"), "'--api-port'"),
    ],
)
def test_a_speed_below_nought_and_a_port_that_is_none_are_refused(words: tuple[str, ...], limits: str) -> None:
    """A speed of -1 was as fast as it goes; port 99999 was looked for until somebody stopped it."""
    answer = CliRunner().invoke(app, list(words), env=TERMINAL)
    assert answer.exit_code == 2
    assert limits in answer.output
    assert "Input should be" in answer.output or "not in the range" in answer.output


def test_the_help_names_the_defaults_of_the_settings() -> None:
    settings = Settings()
    for command, default in (
        ("replay", f"default: {settings.mqtt.port}"),
        ("record", f"default: {settings.mqtt.host}"),
        ("api", f"default: {settings.api.port}"),
    ):
        assert default in " ".join(CliRunner().invoke(app, [command, "--help"], env=TERMINAL).output.split())


def test_the_help_names_defaults() -> None:
    """In square brackets they were taken for a style, and not shown."""
    for command, default in (("record", "until Ctrl-C"), ("decide", "the newest"), ("doctor", "default: data")):
        assert default in CliRunner().invoke(app, [command, "--help"], env=TERMINAL).output


def test_an_import_says_what_is_kept_and_what_goes(call: Call, tmp_path: Path) -> None:
    both = THERMOMETER + THERMOMETER.replace("brug-1", "brug-2")
    files = write_register(tmp_path, both, assets=("brug-1", "brug-2"))
    code, said, _ = call("assets", "import", *files, "--data-dir", tmp_path / "new")
    assert (code, said) == (0, "The register has 2 assets and 2 channels now.\n")
    assets, _ = write_register(tmp_path, "")
    code, said, _ = call("assets", "import", assets, "--data-dir", tmp_path / "new")
    assert (code, said.splitlines()) == (
        0,
        [
            "The register has 1 asset and 1 channel now.",
            "1 channel kept: no table of sensors was given.",
            "1 asset no longer in the register: brug-2.",
            "1 channel no longer in the register: brug-2/klimaat/temperature.",
        ],
    )


def test_another_unit_needs_a_flag_that_is_named(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    call("assets", "import", *write_register(tmp_path, THERMOMETER), "--data-dir", folder)
    files = write_register(tmp_path, THERMOMETER.replace("Cel", "degF"))
    said = sentence(call("assets", "import", *files, "--data-dir", folder))
    assert "brug-1/klimaat/temperature in 'degF' instead of 'Cel'" in said
    code, told, _ = call("assets", "import", *files, "--data-dir", folder, "--correct-units")
    told_of = "1 channel in another unit, with all readings so far; what is normal is learnt anew: "
    assert (code, told.splitlines()[1]) == (0, f"{told_of}brug-1/klimaat/temperature.")


@pytest.mark.parametrize("command", [("list",), ("export", "J. Jansen"), ("erase", "J. Jansen")])
def test_privacy_looks_for_nobody_where_nothing_is(call: Call, tmp_path: Path, command: tuple[str, ...]) -> None:
    """An erasure in the wrong folder was "tried again, check that the database is up", a list began with its header."""
    code, out, told = call("privacy", *command, "--data-dir", "elsewhere")
    assert (code, out) == (2, "")
    assert "no installation in 'elsewhere'" in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [("keys", "create", "--name", "x"), ("assets", "import", "a.csv"), ("ingest",)])
def test_an_empty_data_folder_is_not_the_working_folder(call: Call, tmp_path: Path, command: tuple[str, ...]) -> None:
    """`--data-dir "$DATA"` of a script in which nothing had set it filled the folder that it ran in."""
    code, _, told = call(*command, "--data-dir", "")
    assert code == 2
    assert "Invalid value for '--data-dir': got '', expected a folder" in " ".join(told.replace("│", " ").split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command", [("evaluate", "small"), ("simulate", "small", "--to", "o.csv"), ("stream",), ("run", "--demo")]
)
def test_a_first_day_that_is_none_names_its_option(call: Call, command: tuple[str, ...]) -> None:
    code, _, told = call(*command, "--start", "31-12-2024")
    assert code == 2
    told = " ".join(told.replace("│", " ").split())
    assert "Invalid value for '--start': got '31-12-2024', expected an ISO date such as 2024-01-01" in told
