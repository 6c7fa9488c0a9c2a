"""The sentences behind each reason, advice and explanation, in English; Dutch (B1) is in the catalogue of `api.texts`.

`{fact}` stands for a fact put in the reader's way of writing by `api.wording`; what stands in square
brackets is left out when one of its facts is not known. Sentences are short, name the sensor, and
say what a thing means rather than how it was computed.
"""

from __future__ import annotations

from typing import Final

__all__ = ["ADVICE_SENTENCES", "CASE_SENTENCES", "EXPLANATION_SENTENCES", "ONE_SENTENCES", "REASON_SENTENCES"]

REASON_SENTENCES: Final = {
    "alarm_open": "An alarm has been open for {days}: {kind}.",
    "alarms_dismissed": (
        "Colleagues dismissed {dismissed} of {judged} such alarms ({mode}) on this type of structure ({asset_type}), "
        "so an alarm takes more evidence."
    ),
    "alarms_dismissed_here": (
        "Colleagues dismissed {dismissed} of {judged} such alarms ({mode}) here, so an alarm takes more evidence."
    ),
    "all_as_expected": "The {channels} condition measurements are as expected.",
    "cleared_by_decision": "A person ended the alarm with the decision “{verb}”.",
    "climate_borrowed": (
        "There is no temperature sensor here: the warmth that other structures measure is used instead, so estimates "
        "are less certain."
    ),
    "climate_not_measured": "There is no temperature sensor here, so the weather makes every estimate less certain.",
    "climate_sensor_lost": "The temperature sensor has been silent for {days}, so estimates are less certain.",
    "clock_impossible": (
        "The messages of sensor {sensor} carry impossible times or none: its readings are kept and not scored."
    ),
    "clock_jumped": "The clock of sensor {sensor} jumped by {jump_s} seconds against the time its messages arrive.",
    "commissioning": (
        "The sensors are still learning what is normal: {values} of {needed} measurements so far, "
        "for {channels} channels."
    ),
    "condition_disagrees": (
        "Sensors indicate condition {indicative} where inspection found {condition}[ on {inspected_on}]; "
        "an inspection tells which is right."
    ),
    "default_costs": (
        "The register gives no costs, so amounts usual for this type are used: planned repair {planned_eur}, "
        "emergency repair {emergency_eur}."
    ),
    "evidence_growing": "Signs of {mode} are growing: they reach {share_of_alarm} of what raises an alarm.",
    "expected_vs_measured": (
        "{channel} at sensor {sensor} is {measured} {unit}; {expected} ± {band} {unit} is normal"
        "[ at {temperature_degc} °C][, or {expected_corrected} {unit} compared with similar structures]. "
        "That is {severity} of the way to the failure level."
    ),
    "frequency_changed": (
        "Since about {since} {channel} at sensor {sensor} differs by {percent} ± {band}% from what it was, apart from "
        "the weather. That is {severity} of the way to the failure level: too little for an alarm."
    ),
    "frequency_changed_early": (
        "Since about {since} {channel} at sensor {sensor} differs by {percent} ± {band}% from what it was, apart from "
        "the weather."
    ),
    "frequency_changed_far": (
        "Since about {since} {channel} at sensor {sensor} differs by {percent} ± {band}% from what it was, apart from "
        "the weather. That is {severity} of the way to the failure level."
    ),
    "heard_again": "Good readings arrive again from sensor {sensor}[ ({channel})].",
    "like_others_again": "Sensor {sensor} ({channel}) reads like similar sensors again.",
    "lone_quantity": (
        "Only {channel} at sensor {sensor} points to {mode}; the change is larger than a drifting sensor "
        "or other traffic can cause."
    ),
    "modes_agree": "A measurement that by itself points to {other_mode} agrees with what points to {mode}.",
    "never_heard": "No condition sensor has ever sent a reading.",
    "no_condition_indicator": "No sensor here measures the condition itself.",
    "late_data_disagree": "Readings that arrived later do not support this alarm; it has ended.",
    "seen_by_new_models": (
        "Model version {version} found this when it learnt again from earlier readings; it may have begun before."
    ),
    "no_recent_data": "No condition sensor has sent a reading for {days}.",
    "outside_climate_seen": (
        "At {temperature_degc} °C it is outside the {low_degc} to {high_degc} °C seen so far, "
        "so what is normal is less certain."
    ),
    "prior_by_age": "Without evidence from sensors the estimate rests on type and age: {asset_type}, {age_years}.",
    "prior_by_class": "Without evidence from sensors the estimate rests on the type alone: {asset_type}.",
    "prior_by_inspection": "The inspection[ on {inspected_on}] (condition {condition}) counts in the estimate.",
    "put_back_by_works": (
        "After announced works the measurements that pointed to {mode} are back where they first were."
    ),
    "quantities_agree": "{quantities} different measurements point to {mode}.",
    "removed_from_register": "It was taken out of the register.",
    "repaired": (
        "A repair was recorded on {since}: what was measured before no longer counts, and what is normal is being "
        "learned again."
    ),
    "normal_accepted": ("On {since} what is measured was accepted as the new normal, which is being learned again."),
    "returned_to_normal": "There has been no sign of {mode} for {days}.",
    "sensor_drift": (
        "Sensor {sensor} ({channel}) has moved {apart} {unit} away from {others} similar sensors in the same weather; "
        "have it checked."
    ),
    "sensor_far_from_harm": (
        "Sensor {sensor} ({channel}) reads sounder than a structure can be: {times} times as far from normal as the "
        "failure level lies on the other side. It may be loose or less sensitive; its values do not count. "
        "If the structure was renewed, accept the new normal."
    ),
    "sensor_gaps": (
        "Sensor {sensor} comes and goes: {share} of its readings are missing; check its plug, battery and connection, "
        "and whether it speaks as often as the register says."
    ),
    "sensor_crowded": (
        "Sensor {sensor} ({channel}) counted {measured} {unit}, while its busiest hour so far had {busiest} {unit}; "
        "it does not count until it is as before for a day."
    ),
    "sensor_implausible": (
        "Sensor {sensor} ({channel}) gave {measured} {unit} where {expected} {unit} was expected; "
        "no structure changes that fast, so the value does not count."
    ),
    "sensor_impossible": (
        "Sensor {sensor} ({channel}) gave {measured} {unit}, which cannot be; the value does not count."
    ),
    "sensor_agrees_again": "The measurements of sensor {sensor} have not gone opposite ways for two weeks.",
    "sensor_opposed": (
        "Sensor {sensor} has drifted: {towards} moved as damage moves it, and {away} the other way, "
        "which no damage does. What such a drift can cause does not count as damage; have it checked."
    ),
    "sensor_near_again": "Sensor {sensor} ({channel}) reads what a structure can be again.",
    "sensor_noisy": (
        "Sensor {sensor} ({channel}) varies {times} times as much as it used to; "
        "its values do not count until it is calm."
    ),
    "sensor_silent": "Sensor {sensor}[ ({channel})] has been silent for {days}.",
    "sensor_not_counted": (
        "The values of sensor {sensor} ({channel}) have not counted for {days}: they cannot be right, or vary too much."
    ),
    "sensor_clipping": (
        "The waveforms of sensor {sensor} touch the end of its range in {share} of the latest readings, "
        "so what is computed from them is too small. Set a wider range."
    ),
    "sensor_range_ends": (
        "Sensor {sensor} ({channel}) stands at exactly {value} {unit} in {share} of the latest readings: "
        "its range ends there, and what lies beyond is not measured. Set a wider range, or mount it anew."
    ),
    "sensor_miscounting": (
        "Sensor {sensor} ({channel}) counts {times} times what is usual at this hour, and the structure moves as under "
        "the usual traffic; its counts explain nothing until they agree again. Have it checked."
    ),
    "sensor_spikes": "Sensor {sensor} ({channel}) jumped away for a single value {spikes} times in {days}.",
    "sensor_stuck": "Sensor {sensor} ({channel}) has repeated exactly {value} for {hours}.",
    "sensor_turned": (
        "Sensor {sensor} ({channel}) reads with the other sign, as if it were mounted or wired the other way "
        "round; this is turned back. Put it as it was, or turn the sign at the gateway."
    ),
    "sensor_units": (
        "Sensor {sensor} ({channel}) reads a factor {factor} off, as if it used another unit; this is taken out. "
        "Correct the unit at the gateway, or, where it was wrong from the beginning, in the register (--correct-units)."
    ),
    "trend_to_threshold": (
        "Signs of {mode} stand at {severity} of the failure level and grow by {per_30_days} of it every 30 days."
    ),
    "waiting_costs_more": ("Waiting 90 days is expected to cost {cost_eur}, more than {share} of the planned repair."),
    "works_active": "Announced works are under way ({kind}); nothing is learned or counted yet.",
    "works_lasting": (
        "Announced works have been under way for weeks ({kind}); what they changed in their first week is taken off, "
        "and what comes on top of it counts."
    ),
    "works_on_sensor": (
        "Announced works are under way on sensor {sensor} ({kind}); what it measures does not count yet."
    ),
    "works_settling": "After works, what is normal is being learned again for {channels} channels.",
}

# Where a fact that counts is one (or minus one): which fact, and the sentence then.
ONE_SENTENCES: Final = {
    "alarms_dismissed": (
        "judged",
        (
            "Colleagues dismissed the only such alarm ({mode}) on this type of structure ({asset_type}), "
            "so an alarm takes more evidence."
        ),
    ),
    "alarms_dismissed_here": (
        "judged",
        "Colleagues dismissed the only such alarm ({mode}) here, so an alarm takes more evidence.",
    ),
    "all_as_expected": ("channels", "The one condition measurement is as expected."),
    "clock_jumped": (
        "jump_s",
        "The clock of sensor {sensor} jumped by {jump_s} second against the time its messages arrive.",
    ),
    "commissioning": (
        "channels",
        "The sensors are still learning what is normal: {values} of {needed} measurements so far, for one channel.",
    ),
    "sensor_drift": (
        "others",
        (
            "Sensor {sensor} ({channel}) has moved {apart} {unit} away from the one similar sensor in the same "
            "weather; have it checked."
        ),
    ),
    "works_settling": ("channels", "After works, what is normal is being learned again for one channel."),
}

# Where the facts of a reason make its usual sentence nonsense: an alarm of this moment, and signs that are weighed at
# nothing, stay as they are or go back (`api.wording` tells which).
CASE_SENTENCES: Final = {
    "alarm_raised_now": "An alarm has just been raised: {kind}.",
    "trend_at_nothing": (
        "Signs of {mode} are likelier chance than damage: they are weighed at less than 1% of the failure level."
    ),
    "trend_back": (
        "Signs of {mode} stand at {severity} of the failure level and went back by {per_30_days} of it in 30 days."
    ),
    "trend_flat": "Signs of {mode} stand at {severity} of the failure level and do not grow.",
}

ADVICE_SENTENCES: Final = {
    "inspect_now": "Inspect now and prepare measures: failure within 30 days is likely.",
    "inspect_soon": "Inspect within two weeks: an alarm is open.",
    "keep_watching": "Look again in a week or two: there is some evidence, not yet enough.",
    "look_at_inspection": "No hurry: look at what has changed at the next inspection.",
    "none": "Nothing to do. The sensors keep listening.",
    "plan_inspection": "Plan an inspection within three months.",
    "plan_repair": "Plan the repair: waiting costs more than repairing in time.",
    "rely_on_inspection": "Rely on inspection: no sensor here measures the condition.",
    "restore_data": "Repair the sensors, and rely on inspection until then.",
    "wait_for_commissioning": "Rely on inspection until the sensors have learned what is normal.",
}

EXPLANATION_SENTENCES: Final = {
    "cause": "{share} of the chance of failure within 90 days comes from {cause}.",
    "later": "{share} of the chance of failure within 90 days comes from damage that has not begun yet.",
    "unseen": (
        "{share} of the chance of failure within 90 days comes from what no sensor sees: type, age and inspection."
    ),
    "week": "The cheapest week to repair is week {week} from now.",
    "this_week": "Repairing is cheapest this week.",
    "next_week": "Repairing is cheapest next week.",
    "no_week": "Repairing within a year costs more than waiting.",
    "no_crew": "The crew cannot come within a year.",
    "week_later": "A week later costs about {cost} more.",
    "inspection": "An inspection before deciding is worth at most {cost}.",
    "life_wider": "The margin around the remaining life is wider than usual: damage here grows by fits and starts, or "
    "earlier failures were not as was said.",
    "life_narrower": "The margin around the remaining life is narrower than usual: damage here grows steadily, or "
    "earlier failures were as was said.",
    "look_alike_open": "The most similar earlier case is {asset}. Its alarm is still open.",
    "look_alike_acknowledged": "The most similar earlier case is {asset}. A colleague has seen its alarm, which is "
    "still open.",
    "look_alike_confirmed": "The most similar earlier case is {asset}. A colleague found its alarm to be right.",
    "look_alike_dismissed": "The most similar earlier case is {asset}. A colleague dismissed its alarm.",
    "look_alike_cleared": "The most similar earlier case is {asset}. Its alarm has ended.",
    "waiting_more": "If waiting 90 days comes to cost more than {cost}, the advice becomes to plan the repair.",
    "waiting_less": "If waiting 90 days comes to cost no more than {cost}, planning the repair is no longer advised.",
    "used": "Assessed as of {time}, from {number} condition measurements, with model version {version}.",
    "used_one": "Assessed as of {time}, from one condition measurement, with model version {version}.",
    "used_none": "Assessed as of {time}, without any condition measurement, with model version {version}.",
    "missing": "{number} measurements tell nothing yet.",
    "missing_one": "One measurement tells nothing yet.",
    "same": "Computed again from what is stored: the same to the last bit.",
    "rounded": "Computed again from what is stored: apart by {difference} at most, which is rounding.",
    "apart": "Computed again from what is stored: the numbers are apart by {difference}.",
    "not_so": "Computed again from what is stored: what was told does not follow from it.",
}
