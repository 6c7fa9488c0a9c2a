"""A sliding minute: never more than allowed in one, told how long to wait, nobody remembered for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.throttle import WindowThrottle


class Clock:
    """A clock that is moved by hand."""

    def __init__(self, at_s: float = 0.0) -> None:
        self.at_s = at_s

    def __call__(self) -> float:
        return self.at_s


def test_as_many_as_allowed_then_none() -> None:
    throttle = WindowThrottle({"request": 3}, Clock(30.0))
    assert [throttle.wait_seconds("request", "a") > 0 for _ in range(5)] == [False, False, False, True, True]


def test_callers_and_kinds_are_counted_apart() -> None:
    throttle = WindowThrottle({"request": 1, "login": 1}, Clock())
    asked = [("request", "a"), ("request", "b"), ("login", "a")]
    assert [throttle.wait_seconds(*one) for one in asked] == [0.0, 0.0, 0.0]
    assert all(throttle.wait_seconds(*one) > 0 for one in asked)


def test_a_minute_that_turns_does_not_start_from_nothing() -> None:
    clock = Clock(59.0)
    throttle = WindowThrottle({"request": 60}, clock)
    assert not any(throttle.wait_seconds("request", "a") for _ in range(60))
    clock.at_s = 61.0
    assert [throttle.wait_seconds("request", "a") > 0 for _ in range(2)] == [False, True]


def test_whoever_is_never_allowed_waits_a_minute() -> None:
    assert WindowThrottle({"login": 0}, Clock(7.0)).wait_seconds("login", "a") == 60.0


def test_who_asks_no_more_is_forgotten() -> None:
    clock = Clock()
    throttle = WindowThrottle({"failure": 5}, clock)
    for number in range(1000):
        throttle.wait_seconds("failure", f"10.0.0.{number}")
    for clock.at_s in (60.0, 120.0):
        throttle.wait_seconds("failure", "a")
    assert len(throttle._now) + len(throttle._before) == 2


@given(st.integers(1, 20), st.lists(st.floats(0.0, 50.0), max_size=80), st.floats(0.0, 59.0))
def test_the_wait_that_is_told_is_enough_and_not_a_minute_too_long(
    allowed: int, pauses_s: list[float], start_s: float
) -> None:
    clock = Clock(start_s)
    throttle = WindowThrottle({"request": allowed}, clock)
    for pause_s in pauses_s:
        clock.at_s += pause_s
        wait_s = throttle.wait_seconds("request", "a")
        assert wait_s <= 120.0
        if wait_s:
            clock.at_s += wait_s + 1e-6
            assert throttle.wait_seconds("request", "a") == 0.0


@given(st.integers(1, 10), st.lists(st.floats(0.0, 10.0), max_size=100))
def test_no_minute_of_the_clock_has_more_than_allowed(allowed: int, pauses_s: list[float]) -> None:
    clock = Clock()
    throttle = WindowThrottle({"request": allowed}, clock)
    passed: dict[int, int] = {}
    for pause_s in pauses_s:
        clock.at_s += pause_s
        if throttle.wait_seconds("request", "a") == 0.0:
            minute = int(clock.at_s // 60)
            passed[minute] = passed.get(minute, 0) + 1
    assert max(passed.values(), default=0) <= allowed
