"""Codes of reasons and advice, with the facts each one carries; any language turns them into sentences.

A `domain.records.Reason` has a code from `REASONS` and facts with exactly the keys listed there: text,
float or int, finite, units in the key. `sensor` and `channel` are identifiers of the register; `mode` is
a failure mode from `models.thresholds.MODES`; an empty text or a key listed in `OPTIONAL_FACTS` that is
missing means not known.

========================= ================================================================================
code                      says
========================= ================================================================================
alarms_dismissed          people dismissed `dismissed` of `judged` alarms about `mode` on assets of `asset_type`, so
                          one takes more evidence
alarms_dismissed_here     the same on this asset
alarm_open                an alarm `kind` has been open for `days`
evidence_growing          evidence for `mode` stands at `share_of_alarm` (0 to 1) of what an alarm takes
expected_vs_measured      `sensor`/`channel` measured `measured` where `expected` ± `band` (80 %) `unit` is
                          normal, at `temperature_degc` of air or deck; its level is off by `deviation_sd`
                          standard deviations and `severity` (1: failure level) of the way to failure; what is
                          normal beside like structures is `expected_corrected` where that makes a difference
quantities_agree          `quantities` different quantities of `mode` point the same way
modes_agree               a quantity of `mode` and one of `other_mode` point the same way
lone_quantity             only one quantity of `mode` (`channel` of `sensor`) shows it; it is beyond what its
                          instrument or a change of load can do
trend_to_threshold        `mode` stands at `severity` of the failure level and grows by `per_30_days` of it
outside_climate_seen      lagged temperature `temperature_degc` is outside `low_degc`..`high_degc` seen so far
climate_borrowed          the asset has no temperature sensor; the median warmth of others stands in, which widens
                          every interval less and less as calm days bear it out
climate_not_measured      the asset has no temperature sensor, so weather widens every interval
climate_sensor_lost       its temperature sensor has been silent for `days`
commissioning             `channels` condition indicators are still learning; the furthest has `values` of
                          `needed` hourly or slower values
no_condition_indicator    the register names no condition indicator for this asset
no_recent_data            no condition indicator was heard for `days`
never_heard               no condition indicator was ever heard
sensor_silent             `sensor` (or one `channel` of it) was silent for `days`
sensor_gaps               `sensor` comes and goes; its gaps are `share` (0 to 1) of the time
sensor_implausible        `channel` of `sensor` said `measured` `unit` where `expected` was its level: no structure
                          moves as far within an hour
sensor_impossible         `channel` of `sensor` said `measured` `unit`, which no weather, traffic or machine can be
sensor_crowded            `channel` of `sensor` counted `measured` `unit`, many times its `busiest` hour so far
sensor_noisy              `channel` of `sensor` changes `times` as much from value to value as it used to
sensor_drift              `channel` of `sensor` has come to read `apart` `unit` more than the median of `others` like
                          sensors, the weather they share taken out; negative: less
sensor_far_from_harm      `channel` of `sensor` reads `times` as far on the side without harm as failure lies on the
                          other: it is loose or has lost its sensitivity, or the structure was renewed or closed
sensor_opposed            of `sensor` the quantity `towards` has moved towards harm and `away` away from it, as no
                          damage moves them: it has drifted, and what that can make up is no evidence
sensor_not_counted        what `channel` of `sensor` says has not counted for `days`: it cannot be, or varies too much
sensor_clipping           waveforms of `sensor` touched the limit of its range in `share` (0 to 1) of its latest values
sensor_range_ends         `channel` of `sensor` stood at exactly `value` `unit`, where its range ends, likewise
sensor_miscounting        `channel` of `sensor` counts `times` what is usual then; the structure does not bear it out
sensor_spikes             `channel` of `sensor` jumped away for a single value `spikes` times in `days`
sensor_units              `channel` of `sensor` is off by `factor`, as another unit would be; it is divided out
sensor_turned             `channel` of `sensor` reads its opposite, as if mounted or wired so; it is turned back
sensor_stuck              `channel` of `sensor` repeated exactly `value` for `hours`
prior_by_age              without evidence from sensors: class `asset_type`, age `age_years`
prior_by_class            the same, with unknown year of building
prior_by_inspection       inspected condition `condition` (1 to 6) on `inspected_on` moved the prior
condition_disagrees       sensors indicate condition `indicative` where `condition` was inspected on `inspected_on`
frequency_changed         the level of natural frequency `channel` of `sensor`, weather taken out, has differed by
                          `percent` ± `band` (80 %) % from that of its first hundred days since about `since`; that is
                          `severity` of the way to failure, too little for an alarm
frequency_changed_far     the same, far enough on the way that an alarm may follow
frequency_changed_early   the same, before it is known how far failure is
waiting_costs_more        waiting 90 days costs `cost_eur`, more than `share` of the planned repair
default_costs             the register gives no costs, or 0; `planned_eur` and `emergency_eur` of the class used
works_active              announced works `kind` last; nothing is learnt or counted
works_lasting             announced works `kind` last for weeks; what they began with is taken off, and the rest counts
works_on_sensor           announced works `kind` last on `sensor` alone: what it says is neither learnt nor counted
works_settling            after works the reference of `channels` channels is being found again
all_as_expected           `channels` condition indicators are as expected
repaired                  a repair was recorded on `since`: what was seen before counts no more
normal_accepted           what was measured on `since` was accepted as the new normal
returned_to_normal        an alarm cleared: `mode` was calm for `days`
heard_again               an alarm cleared: readings vary or arrive again
like_others_again         an alarm cleared: `channel` of `sensor` reads as like sensors do again
sensor_near_again         an alarm cleared: `channel` of `sensor` reads what a structure can be again
sensor_agrees_again       an alarm cleared: the quantities of `sensor` have not gone opposite ways for two weeks
cleared_by_decision       an alarm cleared by the decision `verb`
put_back_by_works         an alarm cleared: behind works what spoke of `mode` lies where it did at first
removed_from_register     an alarm cleared: the channel or asset left the register
clock_impossible          the messages of `sensor` carry times that cannot be, or none
clock_jumped              the clock of `sensor` moved by `jump_s` against the time of arrival, positive: behind
late_data_disagree        an alarm cleared: scored again with what came late, it would not have been raised
seen_by_new_models        models of `version` found it when they learnt again from what is kept
========================= ================================================================================

Advice is one code of `ADVICE` without facts.
"""

from __future__ import annotations

from typing import Final

__all__ = ["ADVICE", "OPTIONAL_FACTS", "REASONS"]

REASONS: Final[dict[str, tuple[str, ...]]] = {
    "alarms_dismissed": ("mode", "asset_type", "dismissed", "judged"),
    "alarms_dismissed_here": ("mode", "dismissed", "judged"),
    "alarm_open": ("kind", "days"),
    "evidence_growing": ("mode", "share_of_alarm"),
    "expected_vs_measured": (
        "sensor",
        "channel",
        "measured",
        "expected",
        "band",
        "unit",
        "temperature_degc",
        "deviation_sd",
        "severity",
        "expected_corrected",
    ),
    "quantities_agree": ("mode", "quantities"),
    "modes_agree": ("mode", "other_mode"),
    "lone_quantity": ("mode", "sensor", "channel"),
    "trend_to_threshold": ("mode", "severity", "per_30_days"),
    "outside_climate_seen": ("temperature_degc", "low_degc", "high_degc"),
    "climate_borrowed": (),
    "climate_not_measured": (),
    "climate_sensor_lost": ("days",),
    "commissioning": ("channels", "values", "needed"),
    "no_condition_indicator": (),
    "no_recent_data": ("days",),
    "never_heard": (),
    "sensor_silent": ("sensor", "channel", "days"),
    "sensor_gaps": ("sensor", "channel", "share"),
    "sensor_implausible": ("sensor", "channel", "measured", "expected", "unit"),
    "sensor_impossible": ("sensor", "channel", "measured", "unit"),
    "sensor_crowded": ("sensor", "channel", "measured", "unit", "busiest"),
    "sensor_noisy": ("sensor", "channel", "times"),
    "sensor_drift": ("sensor", "channel", "apart", "unit", "others"),
    "sensor_far_from_harm": ("sensor", "channel", "times"),
    "sensor_opposed": ("sensor", "channel", "towards", "away"),
    "sensor_not_counted": ("sensor", "channel", "days"),
    "sensor_clipping": ("sensor", "channel", "share"),
    "sensor_range_ends": ("sensor", "channel", "value", "unit", "share"),
    "sensor_miscounting": ("sensor", "channel", "times"),
    "sensor_spikes": ("sensor", "channel", "spikes", "days"),
    "sensor_units": ("sensor", "channel", "factor"),
    "sensor_turned": ("sensor", "channel"),
    "sensor_stuck": ("sensor", "channel", "value", "hours"),
    "prior_by_age": ("asset_type", "age_years"),
    "prior_by_class": ("asset_type",),
    "prior_by_inspection": ("condition", "inspected_on"),
    "condition_disagrees": ("indicative", "condition", "inspected_on"),
    "frequency_changed": ("sensor", "channel", "since", "percent", "band", "severity"),
    "frequency_changed_far": ("sensor", "channel", "since", "percent", "band", "severity"),
    "frequency_changed_early": ("sensor", "channel", "since", "percent", "band"),
    "waiting_costs_more": ("cost_eur", "share"),
    "default_costs": ("planned_eur", "emergency_eur"),
    "works_active": ("kind",),
    "works_on_sensor": ("kind", "sensor"),
    "works_lasting": ("kind",),
    "works_settling": ("channels",),
    "all_as_expected": ("channels",),
    "repaired": ("since",),
    "normal_accepted": ("since",),
    "returned_to_normal": ("mode", "days"),
    "heard_again": ("sensor", "channel"),
    "like_others_again": ("sensor", "channel"),
    "sensor_near_again": ("sensor", "channel"),
    "sensor_agrees_again": ("sensor", "channel"),
    "cleared_by_decision": ("verb",),
    "put_back_by_works": ("mode",),
    "removed_from_register": (),
    "late_data_disagree": (),
    "seen_by_new_models": ("version",),
    "clock_impossible": ("sensor",),
    "clock_jumped": ("sensor", "jump_s"),
}

OPTIONAL_FACTS: Final[frozenset[str]] = frozenset({"temperature_degc", "expected_corrected"})

ADVICE: Final[dict[str, str]] = {
    "none": "nothing to do but to keep listening",
    "keep_watching": "evidence is growing; look again in a week or two",
    "look_at_inspection": "something has changed that is no alarm: look at it when it is inspected anyway",
    "plan_inspection": "have it inspected at the next occasion, within three months",
    "inspect_soon": "an alarm is open: inspect within two weeks",
    "inspect_now": "an alarm is open and failure within 30 days is likely: inspect now, prepare measures",
    "plan_repair": "plan the repair: waiting costs more than repairing in time",
    "restore_data": "the sensors do not tell enough: restore them, and rely on inspection until then",
    "wait_for_commissioning": "the sensors are still learning what is normal; rely on inspection until then",
    "rely_on_inspection": "no condition indicator is fitted: the ranking rests on class, age and inspection",
}
