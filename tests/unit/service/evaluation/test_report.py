from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from service.evaluation.charts import CHARTS, draw
from service.evaluation.report_html import html_report
from service.evaluation.report_table import FIGURES
from service.evaluation.scoreboard import RunFacts, Scoreboard, make_scoreboard
from service.evaluation.truth import Case, Truth
from tests.unit.service.evaluation.cases import DAYS, alarm, case, damage, event, truth


def board_of(of: Truth, mine: Case) -> Scoreboard:
    facts = RunFacts(
        name=of.name, start_ns=of.start_ns, end_ns=of.end_ns, assets=3, monitored=3, damages=len(of.damages),
        failures=1, sensor_faults=1, seconds=1.0, tally={"messages_received": 7},
    )  # fmt: skip
    return make_scoreboard(
        "a <fleet>", {"schouw": [mine], "other": [case(of)]}, runs=[facts], promise_per_year=0.1, model_version="9"
    )


@pytest.fixture(scope="module")
def board() -> Scoreboard:
    of = truth(damage("a", 50, 150), damage("b", 60, 300), events=[event("stuck_sensor", 20, 9, "c", sensor="s")])
    days = np.arange(1, DAYS + 1)
    life = np.full((3, DAYS, 3), np.nan)
    life[0] = np.stack([140.0 - days, 150.0 - days, 170.0 - days], axis=1)
    chance = np.clip(np.stack([days / 150.0, days / 300.0, 0.0 * days]), 0.0, 1.0)
    said = [alarm("a", 100), alarm("c", 21), alarm("c", 90, "condition.settlement")]
    return board_of(of, case(of, *said, chance=chance, life_days=life))


def test_every_chart_is_drawn_as_well_formed_svg(board: Scoreboard) -> None:
    for chart in CHARTS:
        root = ET.fromstring(draw(chart(board)))  # noqa: S314 -- our own drawing
        assert root.tag.endswith("svg")


def test_charts_are_drawn_also_where_nothing_happened() -> None:
    of = truth()
    empty = board_of(of, case(of))
    for chart in CHARTS:
        assert draw(chart(empty)).startswith("<svg")


def test_the_report_loads_nothing_and_escapes_names(board: Scoreboard) -> None:
    text = html_report(board)
    assert text.count("<svg") == len(CHARTS)
    assert "a &lt;fleet&gt;" in text
    assert not re.search(r"<(script|link|img|iframe)\b", text)
    assert not re.search(r"""(src|href)\s*=\s*["']https?:""", text)
    for label, _ in FIGURES:
        assert label in text


def test_details_list_every_damaged_life_and_every_false_alarm(board: Scoreboard) -> None:
    first, second = board.details.failures
    assert (first.asset, first.failed_in_run, first.lead_days, first.delay_days) == ("a", True, 50.0, 50.0)
    assert (second.asset, second.failed_in_run, second.alarm, second.lead_days) == ("b", False, None, None)
    false = [(each.asset, each.kind, each.cause) for each in board.details.false_alarms]
    assert false == [
        ("c", "condition.stiffness_loss", "sensor fault: stuck_sensor"),
        ("c", "condition.settlement", "unexplained"),
    ]


def test_life_points_compare_stated_with_true_days_left(board: Scoreboard) -> None:
    near = board.details.life_points[0]
    # 1 to 15 days left, the stated median is exact and the interval reaches 10 below and 20 above.
    assert (near.low_days, near.high_days, near.days) == (0.0, 15.0, 15)
    assert (near.stated_low, near.stated_middle, near.stated_high) == (-2.0, 8.0, 28.0)
