"""`python -m tests.performance.replay`: record what enters the second stage of fleets once, judge it many times.

`record demanding:3 other:10 --to FOLDER` puts fleets through the whole chain; `judge FOLDER/*.days` puts the recordings
through the second stage as it is now, and prints the scoreboard of all together.
"""

from __future__ import annotations

from argparse import ArgumentParser
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console

from service.evaluation.evaluate import end_with_parent, score_runs
from service.evaluation.report_table import print_scoreboard
from tests.performance.replay.judging import judge
from tests.performance.replay.recording import Recording, record_named


def main() -> None:
    """Read what to do, and do it in processes side by side."""
    parser = ArgumentParser(prog="python -m tests.performance.replay", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="processes at work")
    verbs = parser.add_subparsers(dest="verb", required=True)
    recording = verbs.add_parser("record", help="put fleets through the whole chain")
    recording.add_argument("fleets", nargs="+", help="demanding:3, other:10 or FILE.toml:7")
    recording.add_argument("--to", type=Path, required=True, help="folder for the recordings")
    judging = verbs.add_parser("judge", help="put recordings through the second stage")
    judging.add_argument("recordings", nargs="+", type=Path)
    asked = parser.parse_args()
    with ProcessPoolExecutor(
        asked.jobs, mp_context=get_context("spawn"), initializer=end_with_parent, max_tasks_per_child=1
    ) as pool:
        if asked.verb == "record":
            asked.to.mkdir(parents=True, exist_ok=True)
            for path in pool.map(partial(record_named, asked.to), asked.fleets):
                Console().print(str(path), soft_wrap=True)
        else:
            runs = list(pool.map(judge, [Recording(path) for path in asked.recordings]))
            print_scoreboard(score_runs("replays", runs), Console(width=240))


if __name__ == "__main__":
    main()
