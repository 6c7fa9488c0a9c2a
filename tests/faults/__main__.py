"""`make faults`: many seeded faults in several runs, and a table of what they did.

Every run has its own seed, drawn from the first one, so that any of them can be made again alone:
`python -m tests.faults --seed 1007 --runs 1`. Runs take turns with InfluxDB and PostgreSQL where these are installed.
Ends with exit code 1 when a run differs from the undisturbed one.
"""

# ruff: noqa: T201 -- a table for a person

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.faults.run import FaultRun, known_stream, run_with_faults
from tests.influx_server import InfluxServer
from tests.servers import PostgresServer, find_server


def main(arguments: Sequence[str]) -> int:
    """Run, print and save."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--faults", type=int, default=50, help="faults in one run")
    parser.add_argument("--days", type=int, default=60, help="days of the stream")
    parser.add_argument("--embedded", action="store_true", help="without InfluxDB and PostgreSQL")
    parser.add_argument("--out", type=Path, default=Path("build/faults.md"))
    given = parser.parse_args(arguments)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    runs: list[FaultRun] = []
    with tempfile.TemporaryDirectory(prefix="schouw-stream-") as name, contextlib.ExitStack() as ends:
        stream = known_stream(Path(name), days=given.days)
        print(f"{len(stream.messages)} messages, {stream.evidence.stored} readings, alarms {stream.evidence.alarms}")
        influx, postgres = (None, None) if given.embedded else _servers(Path(name), ends)
        for number in range(given.runs):
            run = run_with_faults(
                stream,
                seed=given.seed + number,
                count=given.faults,
                influx=influx if number % 2 else None,
                postgres=postgres if number % 4 >= 2 else None,
                say=lambda text: print(f"\r{text:<70}", end="", file=sys.stderr, flush=True),
                keep=given.out.parent / f"faults-{given.seed + number}",
            )
            runs.append(run)
            print(f"\r{_row(run)}", flush=True)
            given.out.write_text(_table(runs), encoding="utf-8")
    print(_table(runs))
    return int(any(run.wrong for run in runs))


def _servers(folder: Path, ends: contextlib.ExitStack) -> tuple[InfluxServer | None, PostgresServer | None]:
    influx = postgres = None
    if find_server("influxd") and find_server("nginx"):
        influx = InfluxServer(folder)
        influx.start()
        ends.callback(influx.stop)
    if find_server("pg_createcluster"):
        postgres = PostgresServer()
        ends.callback(postgres.remove)
        postgres.start()
    return influx, postgres


def _row(run: FaultRun) -> str:
    verdict = "; ".join(run.wrong) or "equal"
    unasked = ", ".join(f"{count} × {what}" for what, count in Counter(run.unasked).items()) or "none"
    cells = (run.seed, run.servers, run.done.total(), run.stored, f"{run.seconds:.0f}", unasked, verdict)
    return f"| {' | '.join(map(str, cells))} |"


def _table(runs: Sequence[FaultRun]) -> str:
    done: Counter[str] = Counter()
    for run in runs:
        done += run.done
    wrong = sum(1 for run in runs if run.wrong)
    lines = [
        f"{done.total()} faults in {len(runs)} runs, {wrong} runs differ ({time.strftime('%Y-%m-%d')})",
        "",
        "| seed | stores | faults | readings stored | seconds | ended by itself | rows, sums, state hash, alarms |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *map(_row, runs),
        "",
        "Faults by kind: " + ", ".join(f"{kind} {count}" for kind, count in sorted(done.items())),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    # Asked to end, it still ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main(sys.argv[1:]))
