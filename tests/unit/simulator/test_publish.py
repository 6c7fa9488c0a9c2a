import base64
import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from simulator.broker import Broker, BrokerHooks, Connect
from simulator.messages import day_messages
from simulator.progress import Progress
from simulator.publish import write_files
from simulator.run import SimulationResult, resolve_start, simulate, start_for_live
from simulator.scenario import DAY_NS, HOUR_NS, Scenario, Transport
from simulator.scenario_file import load_scenario
from simulator.world import World


class FakeBroker:
    """Keeps what it acknowledges; may be cut off, full, or die after some acknowledgements."""

    def __init__(self, hooks: BrokerHooks, *, dies_after: int | None = None, delay: int = 0) -> None:
        self.hooks = hooks
        self.received: list[tuple[str, bytes]] = []
        self.waiting: list[tuple[int, str, bytes]] = []
        self.most_waiting = 0
        self.dies_after = dies_after
        self.delay = delay
        self.is_full = False
        self.on_publish: Callable[[int], None] = lambda _: None
        self.sent = 0

    def open(self) -> None:
        self.hooks.connected()

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> int | None:
        if self.is_full:
            self.is_full = False
            return None
        self.sent += 1
        self.waiting.append((self.sent, topic, payload))
        self.most_waiting = max(self.most_waiting, len(self.waiting))
        self.on_publish(self.sent)
        if len(self.waiting) > self.delay:
            self.acknowledge(len(self.waiting))
        return self.sent

    def acknowledge(self, count: int) -> None:
        # In reverse: the order of acknowledgements is the broker's own affair.
        taken = self.waiting[:count]
        del self.waiting[: len(taken)]
        for identifier, topic, payload in reversed(taken):
            if self.dies_after is not None and len(self.received) >= self.dies_after:
                self.hooks.disconnected()
                return
            self.received.append((topic, payload))
            self.hooks.acknowledged(identifier)

    def close(self) -> None:
        self.acknowledge(len(self.waiting))
        self.hooks.disconnected()


class Reports(list[Progress]):
    def notes(self) -> list[str]:
        return [progress.note for progress in self if progress.note]


@pytest.fixture(scope="module")
def short() -> Scenario:
    return replace(load_scenario("small"), days=4, transport=Transport())


def run(
    scenario: Scenario,
    connect: Connect,
    *,
    stop: threading.Event | None = None,
    reports: Reports | None = None,
    path: Path | None = None,
    speed: float = 0.0,
    live: bool = False,
    now_ns: Callable[[], int] = lambda: 0,
    start_ns: int | None = None,
) -> SimulationResult:
    return simulate(
        scenario,
        host="",
        port=0,
        speed=speed,
        start_ns=start_ns,
        live=live,
        progress_path=path,
        stop=stop or threading.Event(),
        report=(reports if reports is not None else Reports()).append,
        now_ns=now_ns,
        live_interval_s=0.0,
        connect=connect,
    )


def fixed(brokers: list[FakeBroker], **options: int) -> Connect:
    def connect(hooks: BrokerHooks) -> Broker:
        brokers.append(FakeBroker(hooks, **options))
        return brokers[-1]

    return connect


def measured(broker: FakeBroker) -> list[tuple[str, bytes]]:
    return [pair for pair in broker.received if not pair[0].endswith("/status")]


def expected(scenario: Scenario) -> set[tuple[str, bytes]]:
    world = World(scenario)
    return {(m.topic, m.payload) for day in range(scenario.days) for m in day_messages(world, day)}


def test_the_whole_history_arrives_once_between_birth_and_goodbye(short: Scenario) -> None:
    brokers: list[FakeBroker] = []
    reports = Reports()
    result = run(short, fixed(brokers), reports=reports)
    assert result.is_complete
    assert result.acknowledged_ns == short.end_ns
    assert len(measured(brokers[0])) == len(expected(short))
    assert set(measured(brokers[0])) == expected(short)
    states = [(topic, json.loads(payload)["state"]) for topic, payload in brokers[0].received if "status" in topic]
    assert states == [(f"infra/v1/gw-{g}/status", state) for state in ("online", "offline") for g in "abc"]
    assert [progress.day for progress in reports][-1] == 4
    assert reports[-1].phase == "finished"
    assert result.counts.messages == len(brokers[0].received)


def test_at_most_a_window_of_messages_is_unacknowledged(short: Scenario) -> None:
    """The broker holds its acknowledgements until a window is full, or there is nothing more to come."""
    scenario = replace(short, days=8)
    all_of_it = len(scenario.gateways) + sum(1 for _ in expected(scenario))
    brokers: list[FakeBroker] = []
    is_over = threading.Event()

    def let_go() -> None:
        while not is_over.is_set():
            time.sleep(0.01)
            if brokers and (len(brokers[0].waiting) >= 80 or brokers[0].sent >= all_of_it):
                brokers[0].acknowledge(30)

    helper = threading.Thread(target=let_go)
    helper.start()
    try:
        result = run(scenario, fixed(brokers, delay=10_000))
    finally:
        is_over.set()
        helper.join()
    assert result.is_complete
    assert brokers[0].most_waiting == 80


@pytest.mark.slow
@pytest.mark.parametrize("dies_after", [0, 3, 17, 40, 61, 79])
def test_a_killed_run_resumes_and_everything_arrives(short: Scenario, tmp_path: Path, dies_after: int) -> None:
    path = tmp_path / "progress.json"
    first: list[FakeBroker] = []
    stop = threading.Event()
    connect = fixed(first, dies_after=dies_after)
    killer = threading.Timer(0.4, stop.set)  # the dead broker acknowledges nothing more; then we end it
    killer.start()
    try:
        interrupted = run(short, connect, stop=stop, path=path)
    finally:
        killer.cancel()
        killer.join()
    assert not interrupted.is_complete
    saved = json.loads(path.read_text(encoding="utf-8"))
    assert saved["acknowledged_ns"] <= short.end_ns
    second: list[FakeBroker] = []
    assert run(short, fixed(second), path=path).is_complete
    assert set(measured(first[0])) | set(measured(second[0])) == expected(short)
    assert json.loads(path.read_text(encoding="utf-8"))["session"] == 2
    # What was known to have arrived was not sent again.
    known_days = (saved["acknowledged_ns"] - short.start_ns) // DAY_NS
    world = World(short)
    again = {(m.topic, m.payload) for day in range(known_days, short.days) for m in day_messages(world, day)}
    assert set(measured(second[0])) == again


def test_a_finished_run_started_again_sends_no_reading(short: Scenario, tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    run(short, fixed([]), path=path)
    brokers: list[FakeBroker] = []
    assert run(short, fixed(brokers), path=path).is_complete
    assert measured(brokers[0]) == []


def test_a_broker_that_goes_is_waited_for_and_said_so_once(short: Scenario) -> None:
    brokers: list[FakeBroker] = []
    reports = Reports()
    timers: list[threading.Timer] = []

    def connect(hooks: BrokerHooks) -> Broker:
        broker = FakeBroker(hooks)

        def cut(count: int) -> None:
            if count == 30:
                hooks.disconnected()
                timers.append(threading.Timer(0.5, hooks.connected))
                timers[-1].start()

        broker.on_publish = cut
        brokers.append(broker)
        return broker

    result = run(short, connect, reports=reports)
    timers[0].join()
    assert result.is_complete
    assert set(measured(brokers[0])) == expected(short)
    assert reports.notes() == [
        "waiting for the broker; nothing is lost meanwhile",
        "the broker is back; publishing goes on where it stopped",
    ]
    assert [progress.phase for progress in reports if progress.note] == ["waiting", "history"]


def test_a_message_that_was_not_taken_is_tried_again(short: Scenario) -> None:
    brokers: list[FakeBroker] = []

    def connect(hooks: BrokerHooks) -> Broker:
        brokers.append(FakeBroker(hooks))
        brokers[0].is_full = True
        return brokers[0]

    assert run(short, connect).is_complete
    assert set(measured(brokers[0])) == expected(short)


def test_a_refusing_broker_ends_the_run_in_words(short: Scenario) -> None:
    class Refusing(FakeBroker):
        def open(self) -> None:
            self.hooks.refused("Not authorized")

    with pytest.raises(ConfigurationError, match="refused the simulator: Not authorized"):
        run(short, Refusing)


def test_stopping_is_quick_when_the_broker_never_came(short: Scenario) -> None:
    class Away(FakeBroker):
        def open(self) -> None:
            """Never connect."""

    stop = threading.Event()
    timer = threading.Timer(0.2, stop.set)
    timer.start()
    begun_s = time.monotonic()
    result = run(short, Away, stop=stop)
    timer.join()
    assert time.monotonic() - begun_s < 2.0
    assert not result.is_complete
    assert result.counts.messages == 0


def test_speed_spreads_days_over_time(short: Scenario) -> None:
    begun_s = time.monotonic()
    run(short, fixed([]), speed=4 * 86_400 / 0.8)
    assert 0.75 < time.monotonic() - begun_s < 3.0


def test_live_follows_the_history_without_a_gap_and_ends_when_told(short: Scenario, tmp_path: Path) -> None:
    stop = threading.Event()
    brokers: list[FakeBroker] = []
    ticks = iter(range(1, 1000))
    begin_ns = short.end_ns + 5 * HOUR_NS + 17 * 10**9

    def now_ns() -> int:
        tick = next(ticks)
        if tick > 6:
            stop.set()
        return begin_ns + tick * 10**9

    reports = Reports()
    path = tmp_path / "progress.json"
    result = run(short, fixed(brokers), live=True, stop=stop, now_ns=now_ns, reports=reports, path=path)
    topic = "infra/v1/gw-a/brug-1/env1/reading"
    times: list[str] = []
    for name, payload in measured(brokers[0]):
        content = json.loads(payload)
        times += [o["t"] for o in (content if isinstance(content, list) else [content])] if name == topic else []
    assert times[: 4 * 24 + 5] == sorted(times[: 4 * 24 + 5])
    assert times[4 * 24 : 4 * 24 + 6] == [
        *(f"2025-02-05T{hour:02d}:00:00Z" for hour in range(5)),
        "2025-02-05T05:00:20Z",
    ]
    assert result.is_complete
    assert {progress.phase for progress in reports} == {"history", "live", "finished"}
    assert json.loads(path.read_text(encoding="utf-8"))["acknowledged_ns"] > begin_ns


def test_live_cannot_follow_a_history_that_ends_in_the_future(short: Scenario) -> None:
    with pytest.raises(ConfigurationError, match="ends after the present"):
        run(short, fixed([]), live=True, now_ns=lambda: short.end_ns - 1)


def test_the_first_day_is_that_of_the_run_to_be_resumed(short: Scenario, tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    first_ns = start_for_live(short, 20_000 * DAY_NS + 5)
    assert first_ns == 19_996 * DAY_NS
    run(short, fixed([]), path=path, start_ns=first_ns)
    assert resolve_start(short, first_ns + 9 * DAY_NS, path).start_ns == first_ns
    assert resolve_start(short, first_ns + 9 * DAY_NS, None).start_ns == first_ns + 9 * DAY_NS
    assert resolve_start(short, None, None) == short


def test_a_progress_file_of_another_scenario_or_no_progress_file_at_all_is_refused(
    short: Scenario, tmp_path: Path
) -> None:
    path = tmp_path / "progress.json"
    run(short, fixed([]), path=path)
    with pytest.raises(ConfigurationError, match="another scenario"):
        run(replace(short, seed=99), fixed([]), path=path)
    for text in ("{}", "not json", '{"scenario":1,"start_ns":"x","acknowledged_ns":0,"session":0}', "[1]"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigurationError, match="remove it to begin anew"):
            run(short, fixed([]), path=path)


def test_files_hold_the_same_messages_and_the_same_bytes_twice(short: Scenario, tmp_path: Path) -> None:
    counts = write_files(short, tmp_path / "a.jsonl")
    write_files(short, tmp_path / "b.jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="ascii").splitlines()]
    assert len(lines) == counts.messages
    sent = {(line["topic"], base64.b64decode(line["payload"])) for line in lines if not line["retain"]}
    assert sent == expected(short)
    assert counts.readings > 0
    assert counts.waveforms == 8
    assert write_files(short, tmp_path / "c.jsonl", days=1).messages < counts.messages
