"""Fuzzing of all decoders: `make fuzz`, or `python -m tests.performance.fuzz --payloads 1000000 --seed 1`.

Every payload goes through `decode_batch`, which is topics, all formats, units and the register, and what it gives
through the features of waveforms; with `--chain` through the pipeline and its journal instead, whose accounts must be
whole afterwards. Anything raised is a failure, named with its seed and the smallest batch that shows it; so is a batch
that takes longer than `_HANG_S`, and memory that grows in the last half.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Final, get_args

import numpy as np

from domain.errors import PayloadCode
from ingest.batch import Message, MessageOutcome, decode_batch
from service.accounting import accounts
from service.bursts import BurstWork
from service.intake import readings_of
from tests.performance.fuzz_payloads import fuzzed_messages
from tests.unit.ingest.room import DAY, RECEIVED, T0, Room
from tests.unit.service.site import WALL, open_site

__all__ = ["FuzzReport", "fuzz", "resident_bytes"]

_BATCH: Final = 500
_HANG_S: Final = 10.0
# What a decoder failed on is one of ours to mend, whatever became of the message.
_CODES: Final = frozenset(get_args(PayloadCode)) - {"decoder_fault"}
_CHAIN_ROWS: Final = (
    "brug-042,acc1,vibration_rms,mm/s,z,gw-7,,3600\nbrug-042,acc1,temperature,Cel,,gw-7,,3600\n"
    "brug-042,acc1,humidity,%RH,,gw-7,,3600\nbrug-042,raw1,waveform,m/s2,z,gw-7,,3600\n"
)


class _HangError(BaseException):
    """A batch took too long; no decoder takes it for a fault of its own."""


@dataclass
class FuzzReport:
    """What a run found.

    Attributes
    ----------
    failures : list of str
        In words, with the payload that showed it.
    slowest_s : float
        Longest time of one batch.
    growth : float
        Growth of the resident memory over the last half of the run, as a share.
    """

    payloads: int = 0
    seconds: float = 0.0
    slowest_s: float = 0.0
    growth: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Give the report as lines."""
        lines = [
            f"{self.payloads} payloads in {self.seconds:.0f} s ({self.payloads / max(self.seconds, 1e-9):.0f}/s)",
            f"outcomes: {', '.join(f'{name.lower()} {count}' for name, count in self.outcomes.most_common())}",
            f"refusals by code: {', '.join(f'{code} {count}' for code, count in self.codes.most_common())}",
            f"slowest batch of {_BATCH}: {1000 * self.slowest_s:.0f} ms; memory in the last half: {self.growth:+.2%}",
            f"failures: {len(self.failures)}",
        ]
        return "\n".join(lines + self.failures[:20])


def resident_bytes() -> int:
    """Give the memory of this process that is in use now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def fuzz(payloads: int, *, seed: int, through_chain: bool = False) -> FuzzReport:
    """Put so many payloads through all decoders.

    Parameters
    ----------
    through_chain : bool
        Through the whole pipeline with a journal.
    """
    report = FuzzReport()
    messages = fuzzed_messages(seed)
    with tempfile.TemporaryDirectory(prefix="schouw-fuzz-") as folder:
        take = _chain(Path(folder), report) if through_chain else _decoders(report)
        middle = 0
        start = time.monotonic()
        for first in range(0, payloads, _BATCH):
            batch = list(itertools.islice(messages, min(_BATCH, payloads - first)))
            begin = time.monotonic()
            _guarded(take, batch, report, f"seed {seed}, payload {first}")
            report.slowest_s = max(report.slowest_s, time.monotonic() - begin)
            report.payloads += len(batch)
            if not middle and first >= payloads // 2:
                middle = resident_bytes()
        report.seconds = time.monotonic() - start
        report.growth = resident_bytes() / middle - 1 if middle else 0.0
        take([])
    return report


def _guarded(take: Callable[[Sequence[Message]], None], batch: Sequence[Message], report: FuzzReport, at: str) -> None:
    """Take a batch; when something is raised, find the message that does it."""
    try:
        with _Alarm():
            take(batch)
    except (Exception, _HangError) as error:  # noqa: BLE001 -- any is what we look for
        for message in batch:
            try:
                with _Alarm():
                    take([message])
            except (Exception, _HangError) as alone:  # noqa: BLE001 -- see above
                report.failures.append(f"{at}: {alone!r} from {message.topic!r} {message.payload[:300]!r}")
                return
        report.failures.append(f"{at}: {error!r} from a batch, and from none of its messages alone")


def _decoders(report: FuzzReport) -> Callable[[Sequence[Message]], None]:
    room = Room()

    def take(messages: Sequence[Message]) -> None:
        decoded = decode_batch(messages, room.resolver, room.limits)
        readings, message_of, _ = readings_of(decoded, BurstWork(decoded.outcome, np.ones(len(messages), np.int64)))
        assert len(decoded.outcome) == len(messages)
        assert len(readings) == len(message_of)
        assert np.isfinite(readings.value).all()
        dead = {refusal.message for refusal in decoded.dead_letters if refusal.whole}
        assert dead == set(np.flatnonzero(decoded.outcome == MessageOutcome.DEAD_LETTER).tolist())
        assert all(refusal.code in _CODES and 0 < len(refusal.reason) < 2000 for refusal in decoded.dead_letters)
        report.outcomes.update(MessageOutcome(value).name for value in decoded.outcome.tolist())
        report.codes.update(refusal.code for refusal in decoded.dead_letters)

    return take


def _chain(folder: Path, report: FuzzReport) -> Callable[[Sequence[Message]], None]:
    # The decoders' own limits of time: without them one old device time closes years of hops at once, which is slow.
    policy = replace(WALL, earliest_ns=T0 - DAY)
    pipeline = open_site(folder, _CHAIN_ROWS, policy=policy, assets=("brug-042",))
    clock = itertools.count(RECEIVED, 10**9)

    def take(messages: Sequence[Message]) -> None:
        now_ns = next(clock)
        if messages:
            pipeline.take(messages, now_ns=now_ns)
            pipeline.assess_waiting()
            pipeline.expire_parts(now_ns=now_ns)
            pipeline.close(now_ns=now_ns)
            return
        tally, held, parts = pipeline.journal.tally_with_standing()
        for account in accounts(tally, held=held, parts=parts):
            report.failures += account.faults()
            report.outcomes.update({f"{account.what} {name}": count for name, count in account.parts.items()})
        pipeline.journal.close()

    return take


class _Alarm:
    """Raise when a block takes too long, wherever it is."""

    def __enter__(self) -> None:
        def ring(_number: int, _frame: FrameType | None) -> None:
            raise _HangError(f"not done within {_HANG_S:g} s")

        self._before = signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, _HANG_S)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)


def main() -> None:
    """Run from the command line; exit code 1 when anything was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--payloads", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chain", action="store_true", help="through the pipeline and its journal")
    options = parser.parse_args()
    report = fuzz(options.payloads, seed=options.seed, through_chain=options.chain)
    sys.stdout.write(report.text() + "\n")
    sys.exit(bool(report.failures) or report.growth > 0.01)


if __name__ == "__main__":
    main()
