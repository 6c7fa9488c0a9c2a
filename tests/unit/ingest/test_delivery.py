from __future__ import annotations

import threading
import time

from ingest.batch import Message
from ingest.delivery import Delivery, DeliveryQueue


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
    assert [delivery.mid for delivery in queue.acknowledge(first)] == [0, 1, 2, 3]
    assert queue.acknowledge(first) == []
    assert [delivery.mid for delivery in queue.acknowledge(third)] == [4, 5]


def test_a_released_batch_is_not_acknowledged_and_no_longer_holds_up_the_rest() -> None:
    queue = _queue(4)
    first, second = queue.take(2, 0, 1000), queue.take(2, 0, 1000)
    queue.release(first)
    assert queue.acknowledge(first) == []
    assert [delivery.mid for delivery in queue.acknowledge(second)] == [2, 3]
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
    assert [delivery.mid for delivery in queue.acknowledge(third)] == [1, 2]


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
