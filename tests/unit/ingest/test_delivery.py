from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from ingest.batch import Message
from ingest.delivery import Delivery, DeliveryQueue
from ingest.spill import Spill


def _queue(count: int, *, qos: int = 1, size: int = 1, limit: int = 100) -> DeliveryQueue:
    queue = DeliveryQueue(limit)
    for mid in range(count):
        queue.put([(Message(f"t{mid}", b"x" * size, mid, retained=False), Delivery(1, mid, qos))])
    return queue


def test_messages_come_in_order_and_no_more_than_asked_for() -> None:
    queue = _queue(5)
    assert [message.topic for message in queue.take(3, 0, 1000).messages] == ["t0", "t1", "t2"]
    assert [message.topic for message in queue.take(3, 0, 1000).messages] == ["t3", "t4"]
    assert len(queue.take(3, 0, 1000)) == 0


def test_a_batch_holds_no_more_bytes_than_asked_for_but_one_message_always() -> None:
    queue = _queue(5, size=10)
    assert len(queue.take(100, 0, 25)) == 2
    assert len(queue.take(100, 0, 1)) == 1


def test_acknowledgements_go_out_in_order_of_arrival() -> None:
    queue = _queue(6)
    first, second, third = (queue.take(2, 0, 1000) for _ in range(3))
    assert queue.acknowledge(second) == []
    assert [delivery.mid for delivery, _ in queue.acknowledge(first)] == [0, 1, 2, 3]
    assert queue.acknowledge(first) == []
    assert [delivery.mid for delivery, _ in queue.acknowledge(third)] == [4, 5]


def test_a_released_batch_is_not_acknowledged_and_no_longer_holds_up_the_rest() -> None:
    queue = _queue(4)
    first, second = queue.take(2, 0, 1000), queue.take(2, 0, 1000)
    queue.release(first)
    assert queue.acknowledge(first) == []
    assert [delivery.mid for delivery, _ in queue.acknowledge(second)] == [2, 3]
    assert len(queue) == 0


def test_what_nobody_else_has_goes_back_to_the_front() -> None:
    queue = _queue(3, qos=0)
    batch = queue.take(2, 0, 1000)
    queue.release(batch)
    queue.release(batch)
    assert [message.topic for message in queue.take(10, 0, 1000).messages] == ["t0", "t1", "t2"]


def test_full_and_drained_are_apart_so_that_reading_does_not_flutter() -> None:
    queue = _queue(10, limit=10)
    assert (queue.is_full, queue.is_drained) == (True, False)
    queue.take(1, 0, 1000)
    assert (queue.is_full, queue.is_drained) == (False, False)
    queue.take(4, 0, 1000)
    assert (queue.is_full, queue.is_drained) == (False, True)


def test_long_payloads_fill_the_queue_before_many_do() -> None:
    """Twenty thousand messages of four megabytes would have been eighty gigabytes."""
    queue = DeliveryQueue(1000, 100)
    for mid in range(4):
        assert not queue.is_full
        queue.put([(Message("t", b"x" * 30, mid, retained=False), Delivery(1, mid, mid % 2))])
    assert queue.is_full
    batch = queue.take(2, 0, 1000)
    assert (queue.is_full, queue.is_drained) == (False, False)
    queue.release(batch)  # the one at QoS 0 is ours to keep
    assert (len(queue), queue.is_drained) == (3, False)
    queue.take(10, 0, 1000)
    assert queue.is_drained


def test_what_was_handed_out_too_long_ago_is_found_until_it_is_settled() -> None:
    seconds = 100.0
    queue = DeliveryQueue(100, monotonic=lambda: seconds)
    for mid in range(3):
        queue.put([(Message("t", b"", mid, retained=False), Delivery(1, mid, 1))])
    first, second = queue.take(1, 0, 1000), queue.take(1, 0, 1000)
    seconds = 111.0
    third = queue.take(1, 0, 1000)
    queue.acknowledge(second)
    assert queue.overdue(10.0) is first
    queue.release(first)
    assert queue.overdue(10.0) is None
    assert [delivery.mid for delivery, _ in queue.acknowledge(third)] == [1, 2]


def test_a_waiting_taker_gets_what_arrives_at_once() -> None:
    queue = _queue(0)
    timer = threading.Timer(0.05, queue.put, ([(Message("t", b"", 0, retained=False), Delivery(1, 1, 1))],))
    started = time.monotonic()
    timer.start()
    assert len(queue.take(10, 30, 1000)) == 1
    assert time.monotonic() - started < 10
    timer.join()


def test_closing_lets_a_waiting_taker_go() -> None:
    queue = _queue(0)
    timer = threading.Timer(0.05, queue.close)
    timer.start()
    assert len(queue.take(10, 30, 1000)) == 0
    assert len(queue.take(10, 30, 1000)) == 0
    timer.join()


def _arrival(topic: str, payload: bytes = b"", *, mid: int, generation: int = 1) -> tuple[Message, Delivery]:
    return Message(topic, payload, mid, retained=False), Delivery(generation, mid, 1)


def test_a_copy_of_what_waits_or_is_out_is_dropped_and_the_number_is_free_again_after_it() -> None:
    """nats-server sends again each `ack_wait` what is under way: 82,000 of 142,000 messages of a demo."""
    queue = DeliveryQueue(100)
    queue.put([_arrival("t1", mid=1), _arrival("t2", mid=2), _arrival("t1", mid=1)])
    batch = queue.take(10, 0, 1000)
    queue.put([_arrival("t2", mid=2)])
    assert (len(batch), len(queue), queue.copies) == (2, 0, 2)
    queue.acknowledge(batch)
    queue.put([_arrival("t3", mid=1)])
    assert [message.topic for message in queue.take(10, 0, 1000).messages] == ["t3"]


def test_the_same_number_over_another_connection_is_another_message() -> None:
    queue = DeliveryQueue(100)
    queue.put([_arrival("t1", mid=1), _arrival("t2", mid=1, generation=2)])
    assert len(queue.take(10, 0, 1000)) == 2


def test_what_was_committed_but_not_acknowledged_is_acknowledged_when_it_comes_again_and_not_handed_out() -> None:
    queue = DeliveryQueue(100)
    queue.put([_arrival("a", b"1", mid=1), _arrival("b", b"2", mid=2)])
    queue.settle([message for _, message in queue.acknowledge(queue.take(10, 0, 1000))])
    for generation in (2, 3):  # over and over
        again = [_arrival("a", b"1", mid=8, generation=generation), _arrival("c", b"3", mid=9, generation=generation)]
        queue.put([*again, _arrival("b", b"2", mid=7, generation=generation)])
        batch = queue.take(10, 0, 1000)
        assert [message.topic for message in batch.messages] == ["c"]
        ready = queue.acknowledge(batch)
        assert [delivery.mid for delivery, _ in ready] == [8, 9, 7]  # in the order of arrival
        queue.settle([committed for delivery, committed in ready if delivery.mid != 9])


def test_what_was_settled_is_forgotten_in_time_with_the_session_and_never_known_of_states() -> None:
    seconds = 0.0
    queue = DeliveryQueue(100, monotonic=lambda: seconds)
    told = [_arrival("infra/v1/gw/status", b"online", mid=1), _arrival("a", b"1", mid=2), _arrival("b", b"2", mid=3)]

    def again() -> list[str]:
        queue.put(told)
        batch = queue.take(10, 0, 1000)
        queue.acknowledge(batch)
        return [message.topic for message in batch.messages]

    queue.settle([message for message, _ in told])
    assert again() == ["infra/v1/gw/status"]
    seconds = 601.0
    assert again() == ["infra/v1/gw/status", "a", "b"]
    queue.settle([message for message, _ in told])
    queue.forget_session()
    assert again() == ["infra/v1/gw/status", "a", "b"]


def test_payloads_beyond_the_memory_wait_on_disk_and_come_back_in_order(tmp_path: Path) -> None:
    spill = Spill(tmp_path / "data", 1000, leave_free=0)
    queue = DeliveryQueue(100, 50, spill)
    payloads = [bytes([number]) * 30 for number in range(20)]
    queue.put([_arrival("t", payload, mid=number) for number, payload in enumerate(payloads, 1)])
    assert not queue.is_full
    assert spill.waiting_bytes == 19 * 30
    taken: list[bytes] = []
    while len(batch := queue.take(3, 0, 10_000)):
        taken += [message.payload for message in batch.messages]
    assert taken == payloads
    assert (spill.waiting_bytes, queue.is_drained) == (0, True)
    assert list((tmp_path / "data").iterdir()) == []  # no name, so nothing stays after a crash


def test_what_is_discarded_leaves_no_file_open(tmp_path: Path) -> None:
    spill = Spill(tmp_path, 1000, leave_free=0)
    queue = DeliveryQueue(100, 50, spill)

    def open_files() -> int:
        return sum(str(tmp_path) in os.path.realpath(entry) for entry in Path("/proc/self/fd").iterdir())

    queue.put([_arrival("t", b"x" * 40, mid=mid) for mid in range(1, 6)])
    assert open_files() == 1
    queue.discard()
    assert open_files() == 0
    assert (spill.waiting_bytes, len(queue), queue.is_drained) == (0, 0, True)


def test_a_full_disk_stops_reading_and_loses_nothing(tmp_path: Path) -> None:
    for spill in (Spill(tmp_path, 100, leave_free=0), Spill(tmp_path, 10**9, leave_free=2**62)):
        queue = DeliveryQueue(100, 50, spill)
        queue.put([_arrival("t", b"x" * 40, mid=mid) for mid in range(1, 6)])
        assert queue.is_full
        assert [len(message.payload) for message in queue.take(10, 0, 10_000).messages] == [40] * 5


def test_another_message_under_a_number_that_is_under_way_is_no_copy(tmp_path: Path) -> None:
    """Mosquitto does that behind 65,535 messages; dropped, it would wait for the next connection."""
    for spill in (None, Spill(tmp_path, 2**20)):
        queue = DeliveryQueue(100, 2, spill)
        old, new = _arrival("t1", b"old", mid=1), _arrival("t1", b"new", mid=1)
        queue.put([old, new, new])
        batch = queue.take(10, 0, 1000)
        assert [message.payload for message in batch.messages] == [b"old", b"new"]
        assert [delivery.mid for delivery, _ in queue.acknowledge(batch)] == [1, 1]
        assert queue.copies == 1
