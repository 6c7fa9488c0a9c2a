"""What an explanation says of how wide a remaining life is told."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import pytest

from api.charts.waiting import waiting_chart
from api.drawing import Drawing
from api.examples import EXPLANATION
from api.explaining import explanation_item, explanation_text, say_changes, say_difference
from api.languages import Language
from api.pages.explanation import explanation_rows
from domain.basis import AssessmentBasis
from domain.explanations import Explanation, RepairPlan
from domain.records import RiskState
from domain.register import Asset, AssetType

NOW_NS = EXPLANATION.assessment.assessed_at_ns


def told_with(stretch: float, *, damaged: float = 0.99, is_open: bool = True) -> Explanation:
    basis = AssessmentBasis(0.01, 1e5, 3e5, 21.0, None, False, (), (), (), life_stretch=stretch)
    changes = (replace(EXPLANATION.changes[0], damaged=damaged, is_open=is_open),)
    return replace(EXPLANATION, assessment=replace(EXPLANATION.assessment, basis=basis), changes=changes)


@pytest.mark.parametrize(
    ("stretch", "english", "dutch"), [(0.7, "narrower", "kleiner"), (1.4, "wider", "ruimer"), (0.94, None, None)]
)
def test_a_margin_that_is_not_as_usual_is_told(stretch: float, english: str | None, dutch: str | None) -> None:
    explanation = told_with(stretch)
    for language, word, margin in ((Language.ENGLISH, english, "margin"), (Language.DUTCH, dutch, "marge")):
        said = [line for line in explanation_text(explanation, language) if margin in line]
        assert [word in line for line in said if word] == ([True] if word else [])
        assert bool(said) == bool(word)
    asset = Asset(EXPLANATION.assessment.asset, "Bridge", AssetType.BRIDGE)
    assert explanation_item(asset, explanation, Language.ENGLISH, NOW_NS).life_stretch == stretch


@pytest.mark.parametrize(
    ("week", "english", "dutch"),
    [
        (0, "Repairing is cheapest this week.", "Herstel is deze week het goedkoopst."),
        (1, "Repairing is cheapest next week.", "Herstel is volgende week het goedkoopst."),
        (2, "The cheapest week to repair is week 2 from now.", "De goedkoopste week voor herstel is over 2 weken."),
    ],
)
def test_a_near_week_has_a_name(week: int, english: str, dutch: str) -> None:
    """It said "over 1 weken"."""
    explanation = replace(EXPLANATION, plan=replace(EXPLANATION.plan, best_week=week))
    for language, begin in ((Language.ENGLISH, english), (Language.DUTCH, dutch)):
        assert any(line.startswith(begin) for line in explanation_text(explanation, language))


def test_a_week_that_the_crew_sets_says_so() -> None:
    """Of a bridge likely to fail within 16 days it said "the cheapest week is week 6 from now", and not why."""
    for language, why in (
        (Language.ENGLISH, "That is the first week in which the crew can come."),
        (Language.DUTCH, "Dat is de eerste week waarin de ploeg kan komen."),
    ):
        for best, first, is_said in ((6, 6, True), (7, 6, False), (0, 0, False)):
            plan = replace(EXPLANATION.plan, best_week=best, first_week=first)
            said = explanation_text(replace(EXPLANATION, plan=plan), language)
            assert any(line.endswith(why) for line in said) is is_said


@pytest.mark.parametrize(
    ("difference", "english", "dutch"),
    [
        (0.0, "the same to the last bit.", "gelijk tot op de laatste bit."),
        (2.5e-16, "apart by 2.5e-16 at most, which is rounding.", "hoogstens 2,5e-16 verschil, en dat is afronding."),
        (0.0012, "the numbers are apart by 1.2e-03.", "de cijfers wijken 1,2e-03 af."),
        (math.inf, "what was told does not follow from it.", "wat er stond volgt daar niet uit."),
    ],
)
def test_how_far_numbers_computed_again_are_apart_is_said(difference: float, english: str, dutch: str) -> None:
    """An explanation in Dutch ended with a line in English, and a life that was taken out was "apart by inf"."""
    explanation = replace(EXPLANATION, difference=difference)
    said = [say_difference(explanation, language) for language in (Language.ENGLISH, Language.DUTCH)]
    assert said == [
        f"Computed again from what is stored: {english}",
        f"Opnieuw berekend uit wat bewaard is: {dutch}",
    ]


def falls_then_rises(best: int, first: int = 3) -> RepairPlan:
    costs = tuple(100_000.0 + 240.0 * abs(week - best) for week in range(53))
    return RepairPlan(costs, first, best, costs[first + 1] - costs[first] if first < 52 else 0.0, 0.0)


def test_a_week_of_waiting_is_counted_from_the_cheapest_one() -> None:
    """It said "een week langer wachten dan nodig kost € -240" where waiting from the first possible week on pays."""
    plan = falls_then_rises(11)
    assert plan.waiting_a_week_eur == -240.0
    for language, last in (
        (Language.ENGLISH, "A week later costs about €\N{NO-BREAK SPACE}240 more."),
        (Language.DUTCH, "Een week later kost ongeveer €\N{NO-BREAK SPACE}240 meer."),
    ):
        said = explanation_text(replace(EXPLANATION, plan=plan), language)
        assert last in said
        chart = waiting_chart(Drawing(), plan, date(2026, 3, 1), language)
        assert chart.sentence.endswith(last)
        assert not any("€\N{NO-BREAK SPACE}-" in line for line in (*said, chart.sentence))


@pytest.mark.parametrize(
    ("first", "english"),
    [(3, "Repairing within a year is not the cheapest."), (52, "The crew cannot come within a year.")],
)
def test_where_no_week_of_the_year_is_the_cheapest_none_is_counted_from(first: int, english: str) -> None:
    """The chart said that the cost does not rise and, in the next sentence, how much a week costs."""
    plan = replace(falls_then_rises(52, first), waiting_a_week_eur=900.0)
    assert plan.week_after_best_eur is None
    assert waiting_chart(Drawing(), plan, date(2026, 3, 1), Language.ENGLISH).sentence == english
    said = explanation_text(replace(EXPLANATION, plan=plan), Language.ENGLISH)
    assert not any("week later" in line for line in said)
    assert (english in said) == (first == 52)


@pytest.mark.parametrize(
    ("state", "is_open", "dutch"),
    [
        (RiskState.ACT, True, ["Verzakking: het alarm eindigt na twee rustige weken, of door een besluit."]),
        (
            RiskState.ACT,
            False,
            ["Verzakking: 40% van het bewijs dat voor een alarm nodig is. Gaat het zo door, dan over ongeveer 1 dag.",
             "Kost 90 dagen wachten straks hoogstens € 36.000, dan vervalt het advies om de reparatie te plannen."],
        ),
        (
            RiskState.OK,
            False,
            ["Verzakking: 40% van het bewijs dat voor een alarm nodig is. Gaat het zo door, dan over ongeveer 1 dag.",
             "Kost 90 dagen wachten straks meer dan € 36.000, dan wordt het advies: plan de reparatie."],
        ),
    ],
)  # fmt: skip
def test_the_text_says_what_would_change_the_advice(state: RiskState, dutch: list[str], *, is_open: bool) -> None:
    """Only the page said it, and nothing of costs; of evidence that is enough already it said "0 minuten"."""
    change = replace(
        EXPLANATION.changes[0], is_open=is_open, share_of_alarm=0.4, days_to_alarm=None if is_open else 0.0
    )
    explanation = replace(EXPLANATION, assessment=replace(EXPLANATION.assessment, state=state), changes=(change,))
    dutch = [line.replace("€ ", "€\N{NO-BREAK SPACE}") for line in dutch]
    assert say_changes(explanation, Language.DUTCH) == dutch
    said = explanation_text(explanation, Language.DUTCH)
    assert [line for line in said if line in dutch] == dutch
    assert list(explanation_rows(explanation, Language.DUTCH).changes) == dutch


def test_the_text_says_that_little_is_no_alarm_however_sure_it_is() -> None:
    change = replace(
        EXPLANATION.changes[0], is_open=False, severity=0.15, share_of_alarm=1.2, days_to_alarm=None, alarm_severity=0.2
    )
    said = say_changes(replace(EXPLANATION, changes=(change,)), Language.DUTCH)
    assert said[0] == (
        "Verzakking: 120% van het bewijs dat voor een alarm nodig is. "
        "Onder 20% van de weg naar falen komt er geen alarm."
    )
    assert "falen" not in say_changes(replace(EXPLANATION, changes=(replace(change, severity=0.2),)), Language.DUTCH)[0]


def test_the_text_says_what_it_rests_on_and_the_body_what_was_computed_with() -> None:
    basis = AssessmentBasis(0.01, 1e5, 3.4e5, 21.0, 4.25, False, (), (), ())
    explanation = replace(EXPLANATION, assessment=replace(EXPLANATION.assessment, basis=basis))
    said = explanation_text(explanation, Language.DUTCH)
    assert any(line.endswith("met één meting van de conditie en modelversie 1.0.0.") for line in said)
    body = explanation_item(
        Asset(EXPLANATION.assessment.asset, "Bridge", AssetType.BRIDGE), explanation, Language.DUTCH, NOW_NS
    )
    assert (body.plan.planned_eur, body.plan.failure_eur, body.plan.crew_lead_days) == (1e5, 3.4e5, 21.0)
    assert (body.plan.waiting_limit_eur, body.temperature_degc) == (36_000.0, 4.25)


@pytest.mark.parametrize(("damaged", "is_open", "told"), [(0.6, False, 0.7), (0.1, True, 0.7), (0.1, False, 1.0)])
def test_only_the_life_of_a_damage_is_stretched(damaged: float, told: float, *, is_open: bool) -> None:
    explanation = told_with(0.7, damaged=damaged, is_open=is_open)
    asset = Asset(EXPLANATION.assessment.asset, "Bridge", AssetType.BRIDGE)
    assert explanation_item(asset, explanation, Language.ENGLISH, NOW_NS).life_stretch == told
