"""What people say of alarms: felt where it was said and in its class, nowhere else, and never by silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from domain.identifiers import AssetId
from domain.register import AssetType
from models.catalogue import HOUR_NS, Catalogue
from models.chain import assess
from models.compiling import compile_catalogue
from models.precision import PrecisionBook, Verdict
from models.thresholds import MODES
from tests.lengths import either
from tests.unit.models.conftest import make_register

DAY_NS = 24 * HOUR_NS
LATER_NS = 1_000 * DAY_NS
LOSS, TILT = "stiffness_loss", "settlement"


def verdict(alarm: str, *, asset: str = "b000", mode: str = LOSS, right: bool = False, **values: Any) -> Verdict:
    base = Verdict(alarm, "", "bridge", AssetId(asset), mode, DAY_NS, right)
    return msgspec.structs.replace(base, **values)


def book_of(*verdicts: Verdict) -> PrecisionBook:
    book = PrecisionBook()
    for item in verdicts:
        book = book.with_verdict(item)
    return book


@pytest.fixture(scope="module")
def bridges() -> Catalogue:
    return compile_catalogue(*make_register(["natural_frequency_1", "tilt"], assets=3))


def doubts(book: PrecisionBook, catalogue: Catalogue, at_ns: int = LATER_NS) -> dict[tuple[str, str], float]:
    doubt, _ = book.doubts(catalogue, at_ns)
    pairs = zip(catalogue.pair_asset.tolist(), catalogue.pair_mode.tolist(), doubt.tolist(), strict=True)
    return {(catalogue.assets[asset], MODES[mode]): value for asset, mode, value in pairs}


def test_nobody_judged_and_nothing_is_doubted(bridges: Catalogue) -> None:
    doubt, counts = PrecisionBook().doubts(bridges, LATER_NS)
    assert not doubt.any()
    assert not counts.any()


def test_a_dismissal_is_felt_on_its_asset_and_mode_alone(bridges: Catalogue) -> None:
    found = doubts(book_of(verdict("a")), bridges)
    assert found.pop(("b000", LOSS)) == pytest.approx(np.log(9.0) - np.log(0.6 / 0.4))
    assert set(found.values()) == {0.0}


def test_more_of_them_are_felt_in_the_whole_class(bridges: Catalogue) -> None:
    book = book_of(verdict("a"), verdict("b"), verdict("c", asset="b001"))
    found = doubts(book, bridges)
    # The third asset: 7.2 of 11 by the class; the first: two dismissals on the class without them, 7.2 of 9.
    assert found["b002", LOSS] == pytest.approx(np.log(9.0) - np.log(7.2 / 3.8))
    assert found["b000", LOSS] == pytest.approx(np.log(9.0) - np.log(1.6 / 2.4))
    assert found["b000", LOSS] > found["b001", LOSS] > found["b002", LOSS] > 0.0
    assert found["b002", TILT] == 0.0
    _, counts = book.doubts(bridges, LATER_NS)
    assert counts[[bridges.pair_mode[row] == MODES.index(LOSS) for row in range(len(counts))]].tolist() == [
        [2, 2, 3, 3],
        [1, 1, 3, 3],
        [0, 0, 3, 3],
    ]


def test_a_class_whose_alarms_are_mostly_right_is_not_doubted_for_one_that_was_not(bridges: Catalogue) -> None:
    book = book_of(*(verdict(f"{n}", asset="b001", right=True) for n in range(20)), verdict("x", asset="b001"))
    assert doubts(book, bridges)["b000", LOSS] == 0.0


def test_what_is_confirmed_takes_no_less_than_the_budget_asks(bridges: Catalogue) -> None:
    assert set(doubts(book_of(*(verdict(f"{n}", right=True) for n in range(50))), bridges).values()) == {0.0}


def test_doubt_has_an_end(bridges: Catalogue) -> None:
    found = doubts(book_of(*(verdict(f"{n}") for n in range(500))), bridges)
    assert found["b000", LOSS] == 4.0


def test_the_last_verdict_on_an_alarm_counts_as_if_it_had_been_the_first(bridges: Catalogue) -> None:
    again = book_of(verdict("a"), verdict("b"), verdict("a", right=True))
    assert again.verdicts == (verdict("a", right=True), verdict("b"))
    assert doubts(again, bridges) == doubts(book_of(verdict("a", right=True), verdict("b")), bridges)


def test_another_organisation_learns_nothing_from_it(bridges: Catalogue) -> None:
    book = book_of(*(verdict(f"{n}", asset=f"x{n}", organisation="west") for n in range(9)))
    assert set(doubts(book, bridges).values()) == {0.0}


def test_a_day_before_the_verdict_does_not_know_it(bridges: Catalogue) -> None:
    book = book_of(verdict("a"), verdict("b", at_ns=5 * DAY_NS))
    early, late = (doubts(book, bridges, day * DAY_NS)["b000", LOSS] for day in (3, 6))
    assert 0.0 < early < late
    assert early == doubts(book_of(verdict("a")), bridges)["b000", LOSS]
    assert doubts(book, bridges, DAY_NS)["b000", LOSS] == 0.0


def test_a_repaired_asset_is_known_by_its_class_alone(bridges: Catalogue) -> None:
    book = book_of(verdict("a"), verdict("b")).renewed(AssetId("b000"))
    found = doubts(book, bridges)
    assert found["b000", LOSS] == found["b001", LOSS] > 0.0


def test_it_comes_back_from_bytes_to_the_bit(bridges: Catalogue) -> None:
    book = book_of(verdict("a"), verdict("b", right=True), verdict("c", asset="b001"))
    again = PrecisionBook.decode(book.encode())
    assert again.encode() == book.encode()
    found = [[part.tobytes() for part in one.doubts(bridges, LATER_NS)] for one in (again, book)]
    assert found[0] == found[1]


@pytest.fixture(scope="module")
def courses() -> dict[str, Any]:
    """Weeks of a bridge that from the tenth day on loses stiffness and settles, both slowly."""
    rng = np.random.default_rng(5)
    days, slowness = either((30, 340.0), long=(45, 600.0))
    hours = np.arange(days * 24)
    worn = np.clip((hours - 240) / slowness, 0.0, 1.4)
    return {
        "natural_frequency_1": 3.0 * np.exp(-0.08 * worn + rng.normal(scale=0.006, size=len(hours))),
        "natural_frequency_2": 5.0 * np.exp(-0.08 * worn + rng.normal(scale=0.006, size=len(hours))),
        "tilt": 1.0 + 2.5 * worn + rng.normal(scale=0.1, size=len(hours)),
        "temperature": 15.0 + 4.0 * np.sin(hours * 2 * np.pi / 24) + rng.normal(size=len(hours)),
    }


@pytest.mark.slow
def test_a_dismissed_kind_comes_later_and_hides_no_other(
    start_run: Callable[..., Any], courses: dict[str, Any]
) -> None:
    plain, doubted = start_run(list(courses)), start_run(list(courses))
    before_ns = plain.now_ns - DAY_NS
    doubted.memory.precision = book_of(*(verdict(f"{n}", at_ns=before_ns) for n in range(4)))
    days: list[dict[str, int]] = []
    for run in (plain, doubted):
        run.feed(courses)
        days.append({change.kind: change.at_ns // DAY_NS for change in run.changes if change.raised})
    assert days[0].keys() == days[1].keys() == {f"condition.{LOSS}", f"condition.{TILT}"}
    assert days[1][f"condition.{LOSS}"] > days[0][f"condition.{LOSS}"]
    assert days[1][f"condition.{TILT}"] == days[0][f"condition.{TILT}"]
    raised = next(change for change in doubted.changes if change.kind == f"condition.{LOSS}")
    assert {"mode": LOSS, "dismissed": 4, "judged": 4} in [
        reason.facts for reason in raised.reasons if reason.code == "alarms_dismissed_here"
    ]
    at_ns = np.array([plain.now_ns], np.int64)
    chances = [assess(run.catalogue, run.state, at_ns).probability.tobytes() for run in (plain, doubted)]
    assert chances[0] == chances[1], "what sensors see is told as it is"


def test_the_type_of_asset_is_part_of_the_class() -> None:
    locks = compile_catalogue(*make_register(["vibration_rms"], kind=AssetType.LOCK))
    mode = MODES[int(locks.pair_mode[0])]
    book = book_of(*(verdict(f"{n}", asset="other", mode=mode) for n in range(9)))
    assert set(doubts(book, locks).values()) == {0.0}
