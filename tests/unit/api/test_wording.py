"""Every reason and advice has a sentence in both languages, and a plain form when it is new."""

from __future__ import annotations

import ast
import re
import string
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import api
from api.languages import Language, choose_language
from api.sentences import ADVICE_SENTENCES, ONE_SENTENCES, REASON_SENTENCES
from api.terms import TERMS, alarm_title
from api.texts import text
from api.wording import say_advice, say_advice_of, say_reason
from domain.measurements import DataQuality
from domain.records import AlarmState, DecisionVerb, Reason, RiskState
from domain.register import AssetType
from tests.unit.api.samples import make_risk

MODELS = Path(api.__file__).parents[1] / "models"

# A value for each fact that a reason may carry.
FACTS: dict[str, str | float | int] = {
    "age_years": 54,
    "apart": 2.6,
    "asset_type": "bridge",
    "band": 0.031,
    "channel": "tilt.x",
    "channels": 6,
    "factor": 1000.0,
    "indicative": 5,
    "times": 3.4,
    "towards": "kurtosis.z",
    "away": "natural_frequency_1",
    "condition": 3,
    "cost_eur": 41_540.0,
    "days": 12.4,
    "deviation_sd": 7.1,
    "dismissed": 3,
    "judged": 4,
    "emergency_eur": 540_000.0,
    "expected": 0.441,
    "expected_corrected": 0.702,
    "high_degc": 31.0,
    "hours": 9.0,
    "inspected_on": "2024-05-04",
    "kind": "condition.settlement",
    "low_degc": -4.25,
    "measured": 1.931,
    "busiest": 820.0,
    "mode": "settlement",
    "needed": 336,
    "other_mode": "stiffness_loss",
    "others": 11,
    "per_30_days": 0.04,
    "planned_eur": 180_000.0,
    "percent": -0.31,
    "quantities": 2,
    "sensor": "tilt_1",
    "severity": 0.45,
    "share": 0.1,
    "share_of_alarm": 0.7,
    "since": "2026-03-04",
    "spikes": 3,
    "temperature_degc": 11.2,
    "unit": "mrad",
    "value": 3.25,
    "values": 40,
    "verb": "accept-normal",
    "jump_s": 3600,
    "version": "3.12",
}


def constant(module: str, name: str) -> Any:
    """Read a literal of the models room as text: the API imports none of it."""
    for node in ast.walk(ast.parse((MODELS / module).read_text())):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            assert node.value is not None
            return ast.literal_eval(node.value)
    raise AssertionError(f"{module} has no {name}")


REASONS: dict[str, tuple[str, ...]] = constant("reasons.py", "REASONS")


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("code", sorted(REASONS))
def test_every_reason_has_a_sentence(code: str, language: Language) -> None:
    assert code in REASON_SENTENCES
    sentence = say_reason(Reason(code, {fact: FACTS[fact] for fact in REASONS[code]}), language)
    assert sentence[0].isupper() or sentence[0].isdigit()
    assert sentence.endswith(".")
    assert "{" not in sentence
    assert "[" not in sentence
    assert code not in sentence
    assert " ." not in sentence


@pytest.mark.parametrize("language", list(Language))
def test_sentences_use_only_facts_that_their_reason_carries(language: Language) -> None:
    for code, sentence in REASON_SENTENCES.items():
        template = text(sentence, language, context="reason")
        used = {name for _, name, _, _ in string.Formatter().parse(template) if name}
        assert used <= set(REASONS[code]), code


def test_every_advice_and_mode_has_words() -> None:
    assert set(ADVICE_SENTENCES) == set(constant("reasons.py", "ADVICE"))
    assert set(TERMS["mode"]) == set(constant("thresholds.py", "MODES"))


def test_every_closed_choice_has_words() -> None:
    assert set(TERMS["state"]) == {state.value for state in RiskState}
    assert set(TERMS["quality"]) == {quality.value for quality in DataQuality}
    assert set(TERMS["alarm_state"]) == {state.value for state in AlarmState}
    assert set(TERMS["asset_type"]) == {kind.value for kind in AssetType}
    assert set(TERMS["verb"]) == {verb.value for verb in DecisionVerb}


def test_a_measured_value_is_written_to_the_precision_of_its_band() -> None:
    facts = {fact: FACTS[fact] for fact in REASONS["expected_vs_measured"]}
    assert say_reason(Reason("expected_vs_measured", facts), Language.DUTCH) == (
        "Scheefstand (x) bij sensor tilt_1 is 1,931\u00a0mrad; normaal is 0,441 ± 0,031\u00a0mrad bij 11,2\u00a0°C, "
        "of 0,702\u00a0mrad vergeleken met soortgelijke objecten. Dat is 45% van de weg naar de faalgrens."
    )
    moist = {**facts, "channel": "base_moisture", "unit": "%"}
    assert "is 1,931%; normaal is 0,441 ± 0,031% bij" in say_reason(
        Reason("expected_vs_measured", moist), Language.DUTCH
    )


def test_what_is_not_known_is_left_out() -> None:
    unknown = {"temperature_degc", "expected_corrected"}
    facts = {fact: FACTS[fact] for fact in REASONS["expected_vs_measured"] if fact not in unknown}
    sentence = say_reason(Reason("expected_vs_measured", {**facts, "unit": "1"}), Language.ENGLISH)
    assert sentence.startswith("Tilt (x) at sensor tilt_1 is 1.931; 0.441 ± 0.031 is normal.")
    silent = Reason("sensor_silent", {"sensor": "t1", "channel": "", "days": 1.0})
    assert say_reason(silent, Language.DUTCH) == "Sensor t1 zwijgt al 1 dag."


def test_a_reason_without_its_facts_or_without_a_sentence_stays_readable() -> None:
    assert say_reason(Reason("sensor_silent", {"sensor": "t1"}), Language.ENGLISH) == "Sensor silent (sensor: t1)."
    assert say_reason(Reason("brand_new"), Language.DUTCH) == "Brand new."
    assert say_advice("call_the_mayor", Language.ENGLISH) == "Call the mayor."


def test_works_and_alarms_share_a_fact_and_not_their_words() -> None:
    works = Reason("works_active", {"kind": "sensor swap"})
    assert "sensor vervangen" in say_reason(works, Language.DUTCH)
    on_sensor = Reason("works_on_sensor", {"kind": "sensor swap", "sensor": "s1"})
    assert "aan sensor s1 (sensor vervangen)" in say_reason(on_sensor, Language.DUTCH)
    assert alarm_title("data.gaps", Language.DUTCH) == "probleem met gegevens: sensor valt telkens weg"
    assert alarm_title("gateway.lost_in_space", Language.ENGLISH) == "gateway problem: lost in space"
    assert alarm_title("strange", Language.ENGLISH) == "strange"


def test_every_fault_that_is_raised_has_a_word() -> None:
    """A clock that jumped was told in English to Dutch readers."""
    sources = [path.read_text() for room in ("models", "service") for path in (MODELS.parent / room).rglob("*.py")]
    kinds = {kind for text in sources for kind in re.findall(r'"(?:sensor|data|gateway|clock)\.([a-z_]+)"', text)}
    assert {"stuck", "gaps", "silent", "jump", "impossible", "units"} <= kinds
    assert sorted(kinds - TERMS["fault"].keys()) == []


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, Language.ENGLISH),
        ("nl", Language.DUTCH),
        ("de, fr", Language.ENGLISH),
        ("en;q=0.2, NL-nl;q=0.3", Language.DUTCH),
        ("nl;q=0", Language.ENGLISH),
        ("nl;q=high,en;q=0.1", Language.ENGLISH),
        ("," * 10_000, Language.ENGLISH),
    ],
)
def test_language_is_what_the_caller_prefers(accepted: str | None, language: Language) -> None:
    assert choose_language(None, accepted, Language.ENGLISH) is language


@pytest.mark.parametrize("code", list(ONE_SENTENCES))
@pytest.mark.parametrize("language", list(Language))
def test_one_is_no_plural(code: str, language: Language) -> None:
    """It said "All 1 condition measurements" and "voor 1 kanalen"."""
    counted, _ = ONE_SENTENCES[code]
    one, many = (say_reason(Reason(code, FACTS | {counted: count}), language) for count in (1, 2))
    assert one != many
    assert not re.search(r"\b1 \w+(s|en)\b", one)
    assert "2" in many


@pytest.mark.parametrize(
    ("language", "new", "old"),
    [
        (Language.ENGLISH, "An alarm has just been raised: signs of settlement.", "has been open for 2 hours"),
        (Language.DUTCH, "Er is net een alarm gegeven: ", "Er staat al 2 uur een alarm open"),
    ],
)
def test_an_alarm_of_this_moment_has_not_been_open_for_nought_minutes(language: Language, new: str, old: str) -> None:
    """Each alarm said so in the assessment of the day that raised it, which is the one that people are called to."""
    facts: dict[str, str | float] = {"kind": "condition.settlement"}
    assert new in say_reason(Reason("alarm_open", facts | {"days": 0.0}), language)
    assert old in say_reason(Reason("alarm_open", facts | {"days": 0.1}), language)


@pytest.mark.parametrize(
    ("severity", "growth", "english", "dutch"),
    [
        (0.41, 0.032, "stand at 41% of the failure level and grow by 3% of it every 30 days.", "komt daar 3% bij."),
        (0.41, 0.003, "stand at 41% of the failure level and do not grow.", "41% van de faalgrens en groeien niet."),
        (0.41, -0.066, "and went back by 7% of it in 30 days.", "In 30 dagen ging daar 7% af."),
        (0.003, -0.066, "are likelier chance than damage: they are weighed at", "zijn eerder toeval dan schade."),
        (0.003, 0.19, "are likelier chance than damage: they are weighed at", "zijn eerder toeval dan schade."),
    ],
)
def test_signs_that_shrink_or_count_for_nothing_do_not_grow(
    severity: float, growth: float, english: str, dutch: str
) -> None:
    """Signs said to stand at 17% and 14% of the way "stand at 0% of the failure level and grow by -7% of it"."""
    facts: dict[str, str | float] = {"mode": "settlement", "severity": severity, "per_30_days": growth}
    assert english in say_reason(Reason("trend_to_threshold", facts), Language.ENGLISH)
    assert dutch in say_reason(Reason("trend_to_threshold", facts), Language.DUTCH)


@pytest.mark.parametrize(
    ("language", "year", "years", "second"),
    [(Language.ENGLISH, "1 year.", "54 years.", "-1 second "), (Language.DUTCH, "1 jaar.", "54 jaar.", "-1 seconde ")],
)
def test_one_year_and_a_second_back_are_no_plurals(language: Language, year: str, years: str, second: str) -> None:
    said = [say_reason(Reason("prior_by_age", FACTS | {"age_years": age}), language) for age in (1.0, 54)]
    assert said[0].endswith(year)
    assert said[1].endswith(years)
    assert second in say_reason(Reason("clock_jumped", {"sensor": "s", "jump_s": -1}), language)


def test_a_changed_frequency_is_said_with_its_day_its_size_and_what_that_means() -> None:
    facts: dict[str, str | float | int] = {
        "sensor": "acc1",
        "channel": "natural_frequency_1",
        "since": "2026-03-04",
        "percent": -0.31,
        "band": 0.06,
        "severity": 0.03,
    }
    reason = Reason("frequency_changed", facts)
    english, dutch = (say_reason(reason, language) for language in (Language.ENGLISH, Language.DUTCH))
    assert "4 Mar 2026" in english
    assert english.endswith(
        "apart from the weather. That is 3% of the way to the failure level: too little for an alarm."
    )
    assert "4 mrt 2026" in dutch
    assert dutch.endswith("los van het weer. Dat is 3% van de weg naar de faalgrens: te weinig voor een alarm.")
    assert "0,31" in dutch
    assert "0,06" in dutch


def test_what_is_compared_has_as_many_decimals_as_its_band() -> None:
    facts = {fact: FACTS[fact] for fact in REASONS["expected_vs_measured"]} | {"measured": 2.3, "expected": 1.9}
    sentence = say_reason(Reason("expected_vs_measured", facts | {"band": 0.21}), Language.ENGLISH)
    assert "is 2.30\u00a0mrad; 1.90 ± 0.21\u00a0mrad is normal" in sentence
    wide = say_reason(Reason("expected_vs_measured", facts | {"band": 0.2}), Language.DUTCH)
    assert "is 2,30\u00a0mrad; normaal is 1,90 ± 0,20\u00a0mrad" in wide


@pytest.mark.parametrize("code", ["sensor_silent", "sensor_stuck", "climate_sensor_lost"])
def test_where_one_sensor_of_a_sound_structure_fails_the_advice_is_never_to_do_nothing(code: str) -> None:
    """A drive that had been silent for 46 days stood behind "Nothing to do. The sensors keep listening."."""
    reasons = (Reason(code, {}), Reason("all_as_expected", {"channels": 5}))
    fair = make_risk("sluis-5", RiskState.OK, 10.0, advice="none", data_quality=DataQuality.MEDIUM, reasons=reasons)
    assert say_advice_of(fair, Language.ENGLISH) == (
        "Have the sensors checked: not all of them send sound data. "
        "As far as the others tell, there is nothing else to do."
    )
    inspect = say_advice_of(replace(fair, advice="plan_inspection"), Language.DUTCH)
    assert inspect.endswith("Laat de sensoren nakijken: niet alle sturen goede gegevens.")
    assert say_advice_of(replace(fair, reasons=reasons[1:]), Language.ENGLISH).startswith("Nothing to do.")
