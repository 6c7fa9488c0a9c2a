"""`python -m tests.performance.other_fleets SEED...`: the scoreboard of fleets that the simulator did not make."""

from __future__ import annotations

from argparse import ArgumentParser

from rich.console import Console

from service.evaluation.report_table import print_scoreboard
from tests.performance.other_fleets.run import judge_fleets


def main() -> None:
    """Read what to run, run it, and print the scoreboard of all together."""
    parser = ArgumentParser(prog="python -m tests.performance.other_fleets", description=__doc__)
    parser.add_argument("seeds", nargs="+", type=int)
    parser.add_argument("--days", type=int, default=730, help="length of the run")
    parser.add_argument("--share", type=float, default=1.0, help="share of the sixty assets, for a short look")
    asked = parser.parse_args()
    print_scoreboard(judge_fleets(asked.seeds, days=asked.days, share=asked.share), Console(width=240))


if __name__ == "__main__":
    main()
