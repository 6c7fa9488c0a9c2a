"""The real chain in process: message bytes in, through decoder, pipeline and journal, alarms and risk out.

It is the code of the service: `service.pipeline` over a journal in a folder of its own, with the hops of
design.md D14. Messages arrive at the end of each day of the run, and that moment is the present by the clock that
closes hops: what is silent is noticed, what comes late is late, and a device time ahead of the present is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal

from domain.register import Register
from ingest.batch import Message
from service.clock_policy import clock_policy
from service.evaluation.chain_listener import ChainListener, ChainRun
from service.evaluation.truth import DAY_NS
from service.organisations import budgets_of
from service.restore import open_pipeline
from service.settings import Settings
from storage.entries import RegisterBody
from storage.journal import Journal

__all__ = ["Clock", "run_chain"]

Clock = Literal["wall", "stream"]

_PRUNE_EVERY_DAYS: Final = 30


def run_chain(
    settings: Settings,
    register: Register,
    days: Iterable[Sequence[tuple[str, bytes]]],
    *,
    start_ns: int,
    end_ns: int,
    clock: Clock = "wall",
) -> ChainRun:
    """Put a run's messages through the chain.

    Parameters
    ----------
    settings : Settings
        Of the service, but for the clock.
    days : iterable of sequences of (topic, payload)
        In the order of arrival, one sequence a day.
    start_ns, end_ns : int
        Of the run, Unix nanoseconds.
    clock : {"wall", "stream"}
        `wall`: the end of each day of the run is the present when its messages arrive, as it would be live.
        `stream`: the stream's own progress, as in a replay.
    """
    section = settings.ingest.model_copy(update={"clock": clock})
    # A history may be older than any device that is live today.
    policy = replace(clock_policy(settings.model_copy(update={"ingest": section})), earliest_ns=None)
    with TemporaryDirectory(prefix="schouw-evaluate-") as folder, closing(Journal(Path(folder, "journal"))) as journal:
        journal.append("register", RegisterBody(register=replace(register, budgets=budgets_of(settings)), at_ns=0))
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
                for part in pipeline.parts(arrived[first : first + size]):
                    pipeline.take(part.messages, now_ns=now_ns, decoded=part.decoded)
            pipeline.close(now_ns=now_ns)
            while pipeline.rescore():  # what came late and still counts, as the worker does between batches
                pass
            listener.read(journal)
            if number % _PRUNE_EVERY_DAYS == 0:
                journal.prune(upto=listener.seq)
        pipeline.close(now_ns=end_ns, lateness_ns=0, is_end=True)
        listener.read(journal)
        return listener.result(journal.tally())
