"""The real chain in process: message bytes in, through decoder, pipeline and journal, alarms and risk out.

It is the code of the service: `service.pipeline` over a journal in a folder of its own, with the hops of
design.md D14. What it says is read from the journal's entries, as the projections read it, so nothing can be
counted that would not have been stored. Messages arrive day by day in event time; the chain closes what is due
by the stream's own progress and is asked for nothing in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from domain.register import Register
from ingest.batch import Message
from service.evaluation.chain_listener import ChainListener, ChainRun
from service.evaluation.truth import DAY_NS
from service.ingest_process import clock_policy
from service.restore import open_pipeline
from service.settings import Settings
from storage.entries import RegisterBody
from storage.journal import Journal

__all__ = ["run_chain"]

_PRUNE_EVERY_DAYS: Final = 30


def run_chain(
    settings: Settings,
    register: Register,
    days: Iterable[Sequence[tuple[str, bytes]]],
    *,
    start_ns: int,
    end_ns: int,
) -> ChainRun:
    """Put a run's messages through the chain.

    Parameters
    ----------
    settings : Settings
        Of the service; the clock is set to the stream's own progress.
    days : iterable of sequences of (topic, payload)
        In the order of arrival, one sequence a day.
    start_ns, end_ns : int
        Of the run, Unix nanoseconds.
    """
    policy = clock_policy(
        settings.model_copy(update={"ingest": settings.ingest.model_copy(update={"clock": "stream"})})
    )
    with TemporaryDirectory(prefix="schouw-evaluate-") as folder, closing(Journal(Path(folder, "journal"))) as journal:
        journal.append("register", RegisterBody(register=register, at_ns=0))
        pipeline = open_pipeline(
            journal,
            policy,
            max_payload_bytes=settings.ingest.max_payload_bytes,
            head_bytes=settings.storage.dead_letter_head_bytes,
        )
        pipeline.catch_up()
        listener = ChainListener(
            pipeline.live.catalogue, seq=pipeline.live.applied_seq, start_ns=start_ns, end_ns=end_ns
        )
        for number, messages in enumerate(days):
            now_ns = start_ns + (number + 1) * DAY_NS
            arrived = [Message(topic, payload, now_ns, retained=False) for topic, payload in messages]
            size = settings.ingest.batch_messages
            for first in range(0, len(arrived), size):
                pipeline.take(arrived[first : first + size], now_ns=now_ns, provisional=False)
            pipeline.close(now_ns=now_ns)
            listener.read(journal)
            if number % _PRUNE_EVERY_DAYS == 0:
                journal.prune(upto=listener.seq)
        pipeline.close(now_ns=end_ns, lateness_ns=0)
        listener.read(journal)
        return listener.result(journal.tally())
