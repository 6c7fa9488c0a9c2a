"""The command `schouw`."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TextIO, cast

import typer
from rich.console import Console

from domain.errors import DecisionError, SchouwError, StorageCorrupt, StorageError
from domain.identifiers import AssetId
from domain.records import DecisionVerb
from service.commands import (
    audit,
    evaluation,
    explaining,
    forecasts,
    keys,
    pilots,
    privacy,
    recordings,
    register,
    safekeeping,
    scoring,
    streaming,
)
from service.commands.options import (
    ApiPort,
    Config,
    DataDir,
    Host,
    MqttPort,
    Port,
    Speed,
    counted,
    day_ns,
    overrides_of,
    read_settings,
)
from service.processes import CONFIGURATION_EXIT_CODE, CORRUPT_EXIT_CODE
from service.settings import load_settings
from service.telemetry import UnfailingText, set_up_logging
from service.words import listed

__all__ = ["app", "main"]

_ERROR_EXIT = 1

app = typer.Typer(
    help="Predictive maintenance for bridges, roads, tunnels and locks: sensors in over MQTT, explained risk out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
assets_app = typer.Typer(help="The register of assets and sensors.", no_args_is_help=True)
works_app = typer.Typer(help="Works announced beforehand.", no_args_is_help=True)
app.add_typer(assets_app, name="assets")
app.add_typer(works_app, name="works")
# A topic with a file of its own brings its commands along.
app.add_typer(evaluation.app)
app.add_typer(pilots.app, name="pilot")
app.add_typer(forecasts.app)
app.add_typer(explaining.app)
app.add_typer(keys.app)
app.add_typer(recordings.app)
app.add_typer(scoring.app)
app.add_typer(streaming.app)
app.add_typer(safekeeping.app)
app.add_typer(audit.app)
app.add_typer(register.app)
app.add_typer(privacy.app)


@app.command()
def run(
    demo: Annotated[
        bool, typer.Option("--demo", help="Publish a simulated municipality, in a folder of its own.")
    ] = False,
    replay: Annotated[
        bool, typer.Option("--replay", help="Live on the stream's own time: for history at full speed.")
    ] = False,
    scenario: Annotated[
        str, typer.Option(help="What the demo publishes: a bundled scenario or a file.")
    ] = "municipality",
    speed: Annotated[
        float, typer.Option(help="Demo: seconds of event time a second; 0 is as fast as it goes.", min=0.0)
    ] = 175_200.0,
    live: Annotated[bool, typer.Option(help="Demo: go on with the present after the history.")] = True,
    start: Annotated[
        str | None, typer.Option(help="Demo: first day of the history, ISO date (default: so that it ends today).")
    ] = None,
    data_dir: DataDir = None,
    config: Config = None,
    mqtt_port: MqttPort = None,
    api_port: ApiPort = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that read and decode messages, by the broker's shards.", min=1)
    ] = None,
) -> None:
    """Start everything: broker, ingest, API; with --demo also the simulator. Ctrl-C stops it."""
    from service.everything import DemoPlan, run_everything  # noqa: PLC0415 -- the help must not wait for numpy
    from service.screen import Screen  # noqa: PLC0415 -- see run

    overrides = overrides_of(data_dir, mqtt_port=mqtt_port, api_port=api_port)
    if workers is not None:
        overrides.setdefault("ingest", {})["workers"] = workers
    if demo or replay:
        overrides.setdefault("ingest", {})["clock"] = "stream"
    if demo:
        base = load_settings(overrides_of(data_dir), config=config).data_dir
        overrides["data_dir"] = base / "demo"
        overrides["demo"] = True
        # The demo can be played again, so it need not wait for the disk.
        overrides["broker"] = {"sync_always": False}
    settings = load_settings(overrides, config=config)
    set_up_logging(settings.telemetry.model_copy(update={"log_level": "warning"}))
    plan = DemoPlan(scenario, speed, live, day_ns(start)) if demo else None
    console = Console(file=cast("TextIO", UnfailingText(sys.stdout)))
    console.print(f"Schouw starts; data in {settings.data_dir}, first sign of life in a few seconds ...")
    with Screen(console) as screen:
        run_everything(settings, plan, screen.show, console.print)
    console.print("Schouw has stopped; nothing is left running.")


@app.command()
def ingest(data_dir: DataDir = None, config: Config = None) -> None:
    """Take readings from the broker, score them and store them."""
    settings = read_settings(overrides_of(data_dir), config)
    # A wrong setting is told before the seconds that this takes.
    from service.ingest_process import run_ingest  # noqa: PLC0415 -- see run

    run_ingest(settings)


@app.command(hidden=True)
def read(handle: int, sessions: str) -> None:
    """Read messages for the ingest process that started this, over the socket that it left open."""
    from service.reader_start import start_reader  # noqa: PLC0415 -- see run

    start_reader(read_settings({}, None), handle, sessions)


@app.command()
def project(data_dir: DataDir = None, config: Config = None) -> None:
    """Write what ingest commits into the stores, for an ingest with SCHOUW_INGEST__PROJECTS=false."""
    from service.projection_process import run_projections  # noqa: PLC0415 -- see run

    run_projections(read_settings(overrides_of(data_dir), config))


@app.command()
def api(data_dir: DataDir = None, config: Config = None, api_port: ApiPort = None) -> None:
    """Serve the API and the pages."""
    from service.web import run_api  # noqa: PLC0415 -- see run

    run_api(read_settings(overrides_of(data_dir, api_port=api_port), config))


@app.command()
def simulate(
    scenario: Annotated[
        str, typer.Argument(help="A bundled scenario (demanding, municipality, small) or a TOML file.")
    ],
    host: Host = None,
    port: Port = None,
    speed: Speed = 0.0,
    live: Annotated[bool, typer.Option("--live", help="Go on with the present after the history.")] = False,
    start: Annotated[str | None, typer.Option(help="First day of the history, ISO date.")] = None,
    start_ns: Annotated[int | None, typer.Option(hidden=True)] = None,
    progress: Annotated[
        Path | None, typer.Option(help="File that remembers how far it came, to go on after a stop.")
    ] = None,
    register: Annotated[Path | None, typer.Option(help="Only write register and truth files into this folder.")] = None,
    to: Annotated[
        Path | None,
        typer.Option(help="Only write the history: .csv, .csv.gz, .parquet (readings), or .jsonl (all messages)."),
    ] = None,
    config: Config = None,
) -> None:
    """Publish virtual assets with known damage, as gateways would."""
    from service.simulation import run_simulation, write_history_file, write_owner_files  # noqa: PLC0415 -- see run

    settings = read_settings({}, config)
    first = start_ns if start_ns is not None else day_ns(start)
    if register is not None:
        write_owner_files(scenario, first, register)
        typer.echo(
            f"Wrote assets.csv, sensors.csv, works.csv, truth.csv, events.csv and own-events.csv into {register}."
        )
    if to is not None:
        typer.echo(f"Wrote {write_history_file(scenario, first, to)} into {to}.")
    if register is not None or to is not None:
        return
    run_simulation(
        settings,
        scenario,
        host=host or settings.mqtt.host,
        port=port or settings.mqtt.port,
        speed=speed,
        live=live,
        start_ns=first,
        progress_path=progress,
    )


@assets_app.command("import")
def assets_import(
    files: Annotated[list[Path], typer.Argument(help="assets.csv and sensors.csv, or one GeoJSON file.")],
    correct_units: Annotated[
        bool, typer.Option("--correct-units", help="Other units than before are those of all readings so far.")
    ] = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Put the register in these files in place of the one before; history of what stays is kept.

    Without a table of sensors the channels of the assets that stay are kept.
    """
    from service.register_commands import import_assets  # noqa: PLC0415 -- see run

    with _journal(data_dir, config) as journal:
        # Where the day begins first it is tomorrow already.
        today = datetime.now(UTC).date() + timedelta(days=1)
        done = import_assets(journal, files, at_ns=time.time_ns(), may_correct_units=correct_units, today=today)
    assets, channels = counted(len(done.register.assets), "asset"), counted(len(done.register.channels), "channel")
    typer.echo(f"The register has {assets} and {channels} now.")
    if done.kept is not None:
        typer.echo(f"{counted(done.kept, 'channel')} kept: no table of sensors was given.")
    for noun, gone in (("asset", done.assets_gone), ("channel", ["/".join(key) for key in done.channels_gone])):
        if gone:
            typer.echo(f"{counted(len(gone), noun)} no longer in the register: {listed(gone)}.")
    if done.without_level:
        named = listed(["/".join(key) for key in done.without_level])
        channels = counted(len(done.without_level), "channel")
        typer.echo(
            f"{channels} without failure_threshold under a name of its own, which fails at half as much again as when "
            f"commissioned; give one, above all to what lies about 0: {named}."
        )
    if done.corrected:
        named = listed(["/".join(key) for key in done.corrected])
        channels = counted(len(done.corrected), "channel")
        typer.echo(f"{channels} in another unit, with all readings so far; what is normal is learnt anew: {named}.")


@works_app.command("import")
def works_import(
    file: Annotated[Path, typer.Argument(help="works.csv.")], data_dir: DataDir = None, config: Config = None
) -> None:
    """Add announced works: they explain a change while they last."""
    from models.compiling import moves_reference  # noqa: PLC0415 -- see run
    from service.register_commands import import_works  # noqa: PLC0415 -- see run

    with _journal(data_dir, config) as journal:
        register = import_works(journal, file, at_ns=time.time_ns())
    typer.echo(f"Announced works in the register now: {len(register.works)}.")
    for moves, told in (
        (True, "A step across these is taken for the works"),
        (False, "A step across these is a sign like any other"),
    ):
        kinds = sorted({item.kind for item in register.works if moves_reference(item.kind) is moves})
        if kinds:
            typer.echo(f"{told}: {listed(kinds)}.")


@works_app.command("withdraw")
def works_withdraw(
    file: Annotated[Path, typer.Argument(help="works.csv, with the rows to take back as they were imported.")],
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Take announced works back: those that were put off, or written down wrongly."""
    from service.register_commands import withdraw_works  # noqa: PLC0415 -- see run

    with _journal(data_dir, config) as journal:
        register = withdraw_works(journal, file, at_ns=time.time_ns())
    typer.echo(f"Announced works in the register now: {len(register.works)}.")


@app.command()
def decide(
    verb: Annotated[DecisionVerb, typer.Argument(help="What was decided.")],
    by: Annotated[str, typer.Option(help="Who decides.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    alarm: Annotated[str | None, typer.Option(help="The alarm it is about; its asset is the decision's.")] = None,
    asset: Annotated[str | None, typer.Option(help="The asset, when there is no alarm.")] = None,
    event: Annotated[str | None, typer.Option(help="The event at many structures, for all its alarms at once.")] = None,
    assessment: Annotated[str | None, typer.Option(help="The assessment it rests on (default: the newest).")] = None,
    due: Annotated[str | None, typer.Option(help="Date of the planned work, for `plan`.")] = None,
    condition: Annotated[
        int | None, typer.Option(help="Inspected condition, for `correct-condition`.", min=1, max=6)
    ] = None,
    failed_on: Annotated[
        str | None, typer.Option(help="Day on which it failed, where it did: YYYY-MM-DD; a later decision corrects it.")
    ] = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Write a person's decision into the decision log."""
    from service.deciding import decide_event, decide_once  # noqa: PLC0415 -- see run

    settings = read_settings(overrides_of(data_dir), config)
    if event is not None:
        if any(value is not None for value in (alarm, asset, assessment, due, condition, failed_on)):
            raise DecisionError("got --event beside what is about one structure, expected only --by and --reason")
        links = decide_event(settings, event, verb=verb, by=by, reason=reason, now_ns=time.time_ns())
        typer.echo(f"{counted(len(links), 'decision')} on event {event}: {verb.value}, hash {links[-1].hash[:12]}.")
        return
    decision = decide_once(
        settings,
        verb=verb,
        by=by,
        reason=reason,
        alarm=alarm,
        asset=AssetId(asset) if asset else None,
        assessment=assessment,
        due=due,
        condition=condition,
        failed_on=failed_on,
        now_ns=time.time_ns(),
    )
    typer.echo(f"Decision {decision.id} on {decision.asset}: {decision.verb.value}, hash {decision.hash[:12]}.")


@app.command()
def export(
    kind: Annotated[str, typer.Argument(help="risks, alarms, decisions or readings.")],
    out: Annotated[Path | None, typer.Option(help="File to write (default: the terminal).")] = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Write risks, alarms, decisions or readings as CSV."""
    from service.deciding import export_table  # noqa: PLC0415 -- see run

    rows = export_table(read_settings(overrides_of(data_dir), config), kind, out)
    if out is not None:
        typer.echo(f"Rows written to {out}: {rows}.")


@app.command()
def doctor(
    fix: Annotated[
        bool, typer.Option("--fix", help="Make what InfluxDB lacks: bucket, retention, mapping for InfluxQL.")
    ] = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Look at an installation: journal, accounting, decision log, projections, model state."""
    from service.doctor import examine  # noqa: PLC0415 -- see run

    code = 0
    for finding in examine(read_settings(overrides_of(data_dir), config), fix=fix):
        label = "WRONG" if not finding.ok else "NOTE" if finding.note else "ok"
        typer.echo(f"{label:7}{finding.what}: {finding.detail}")
        if not finding.ok:
            code = max(code, CORRUPT_EXIT_CODE if finding.damage else _ERROR_EXIT)
    if code:
        raise typer.Exit(code)


def main() -> None:
    """Run the command line; a fault that we know ends in one sentence, not in a traceback."""
    try:
        app(standalone_mode=True)
    except StorageCorrupt as error:
        sys.exit(_say(error, CORRUPT_EXIT_CODE))
    except StorageError as error:
        sys.exit(_say(error, _ERROR_EXIT))
    except SchouwError as error:
        sys.exit(_say(error, CONFIGURATION_EXIT_CODE))


def _journal(data_dir: Path | None, config: Path | None) -> Any:
    from contextlib import closing  # noqa: PLC0415 -- see run

    from service.folder import prepare_folder  # noqa: PLC0415 -- see run
    from storage.journal import Journal  # noqa: PLC0415 -- see run

    settings = read_settings(overrides_of(data_dir), config)
    prepare_folder(settings)
    return closing(Journal(settings.journal_path))


def _say(error: SchouwError, code: int) -> int:
    typer.echo(f"schouw: {error}", err=True)
    return code


if __name__ == "__main__":
    main()
