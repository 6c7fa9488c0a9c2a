"""The sentences behind each reason and advice, in English and in Dutch at B1 level.

`{fact}` stands for a fact put in the reader's way of writing by `api.wording`; what stands in square
brackets is left out when one of its facts is not known. Sentences are short, name the sensor, and
say what a thing means rather than how it was computed.
"""

from __future__ import annotations

from typing import Final

from api.languages import Language

__all__ = ["ADVICE_SENTENCES", "REASON_SENTENCES"]

_REASONS_EN: Final = {
    "alarm_open": "An alarm has been open for {days}: {kind}.",
    "all_as_expected": "All {channels} condition measurements are as expected.",
    "cleared_by_decision": "A person ended the alarm with the decision “{verb}”.",
    "climate_not_measured": "There is no temperature sensor here, so the weather makes every estimate less certain.",
    "climate_sensor_lost": "The temperature sensor has been silent for {days}, so estimates are less certain.",
    "commissioning": (
        "The sensors are still learning what is normal: {values} of {needed} measurements so far, "
        "for {channels} channels."
    ),
    "default_costs": (
        "The register gives no costs, so amounts usual for this type are used: planned repair {planned_eur}, "
        "emergency repair {emergency_eur}."
    ),
    "evidence_growing": "Signs of {mode} are growing: they reach {share_of_alarm} of what raises an alarm.",
    "expected_vs_measured": (
        "{channel} at sensor {sensor} is {measured} {unit}; {expected} ± {band} {unit} is normal"
        "[ at {temperature_degc} °C]. That is {severity} of the way to the failure level."
    ),
    "heard_again": "Good readings arrive again from sensor {sensor}[ ({channel})].",
    "lone_quantity": (
        "Only {channel} at sensor {sensor} points to {mode}; the change is larger than a drifting sensor "
        "or other traffic can cause."
    ),
    "never_heard": "No condition sensor has ever sent a reading.",
    "no_condition_indicator": "No sensor here measures the condition itself.",
    "no_recent_data": "No condition sensor has sent a reading for {days}.",
    "outside_climate_seen": (
        "At {temperature_degc} °C it is outside the {low_degc} to {high_degc} °C seen so far, "
        "so what is normal is less certain."
    ),
    "prior_by_age": "Without evidence from sensors the estimate rests on type and age: {asset_type}, {age_years}.",
    "prior_by_class": "Without evidence from sensors the estimate rests on the type alone: {asset_type}.",
    "prior_by_inspection": "The inspection on {inspected_on} (condition {condition}) counts in the estimate.",
    "quantities_agree": "{quantities} different measurements point to {mode}.",
    "removed_from_register": "It was taken out of the register.",
    "returned_to_normal": "There has been no sign of {mode} for {days}.",
    "sensor_silent": "Sensor {sensor}[ ({channel})] has been silent for {days}.",
    "sensor_stuck": "Sensor {sensor} ({channel}) has repeated exactly {value} for {hours}.",
    "trend_to_threshold": (
        "Signs of {mode} stand at {severity} of the failure level and grow by {per_30_days} of it every 30 days."
    ),
    "waiting_costs_more": ("Waiting 90 days is expected to cost {cost_eur}, more than {share} of the planned repair."),
    "works_active": "Announced works are under way ({kind}); nothing is learned or counted until they end.",
    "works_settling": "After works, what is normal is being learned again for {channels} channels.",
}

_REASONS_NL: Final = {
    "alarm_open": "Er staat al {days} een alarm open: {kind}.",
    "all_as_expected": "Alle {channels} metingen van de conditie zijn zoals verwacht.",
    "cleared_by_decision": "Iemand heeft het alarm beëindigd met het besluit ‘{verb}’.",
    "climate_not_measured": "Hier hangt geen temperatuursensor. Door het weer is elke schatting minder zeker.",
    "climate_sensor_lost": "De temperatuursensor zwijgt al {days}. De schattingen zijn daardoor minder zeker.",
    "commissioning": (
        "De sensoren leren nog wat normaal is: {values} van de {needed} metingen zijn binnen, voor {channels} kanalen."
    ),
    "default_costs": (
        "In het register staan geen kosten. We rekenen met bedragen die bij dit type horen: geplande reparatie "
        "{planned_eur}, spoedreparatie {emergency_eur}."
    ),
    "evidence_growing": "Er zijn steeds meer tekenen van {mode}: {share_of_alarm} van wat een alarm geeft.",
    "expected_vs_measured": (
        "{channel} bij sensor {sensor} is {measured} {unit}; normaal is {expected} ± {band} {unit}"
        "[ bij {temperature_degc} °C]. Dat is {severity} van de weg naar de faalgrens."
    ),
    "heard_again": "Sensor {sensor}[ ({channel})] stuurt weer goede metingen.",
    "lone_quantity": (
        "Alleen {channel} bij sensor {sensor} wijst op {mode}. De verandering is groter dan door een afwijkende "
        "sensor of ander verkeer kan komen."
    ),
    "never_heard": "Er is nog nooit een meting van de conditie binnengekomen.",
    "no_condition_indicator": "Geen enkele sensor hier meet de conditie zelf.",
    "no_recent_data": "Er is al {days} geen meting van de conditie binnengekomen.",
    "outside_climate_seen": (
        "Het is {temperature_degc} °C. Dat ligt buiten de {low_degc} tot {high_degc} °C die we hier kennen. "
        "Wat normaal is, is daardoor minder zeker."
    ),
    "prior_by_age": "De sensoren geven nog geen bewijs. We schatten op type en leeftijd: {asset_type}, {age_years}.",
    "prior_by_class": "De sensoren geven nog geen bewijs. We schatten alleen op type: {asset_type}.",
    "prior_by_inspection": "De inspectie van {inspected_on} (conditie {condition}) telt mee in de schatting.",
    "quantities_agree": "{quantities} verschillende metingen wijzen op {mode}.",
    "removed_from_register": "Dit staat niet meer in het register.",
    "returned_to_normal": "Er is al {days} geen teken meer van {mode}.",
    "sensor_silent": "Sensor {sensor}[ ({channel})] zwijgt al {days}.",
    "sensor_stuck": "Sensor {sensor} ({channel}) geeft al {hours} precies dezelfde waarde: {value}.",
    "trend_to_threshold": (
        "De tekenen van {mode} staan op {severity} van de faalgrens. Elke 30 dagen komt daar {per_30_days} bij."
    ),
    "waiting_costs_more": (
        "90 dagen wachten kost naar verwachting {cost_eur}. Dat is meer dan {share} van de geplande reparatie."
    ),
    "works_active": "Er is aangekondigd werk bezig ({kind}). Tot het klaar is, leren en tellen we niets.",
    "works_settling": "Na het werk leren we opnieuw wat normaal is, voor {channels} kanalen.",
}

REASON_SENTENCES: Final = {Language.ENGLISH: _REASONS_EN, Language.DUTCH: _REASONS_NL}

ADVICE_SENTENCES: Final = {
    Language.ENGLISH: {
        "inspect_now": "Inspect now and prepare measures: failure within 30 days is likely.",
        "inspect_soon": "Inspect within two weeks: an alarm is open.",
        "keep_watching": "Look again in a week or two: there is some evidence, not yet enough.",
        "none": "Nothing to do. The sensors keep listening.",
        "plan_inspection": "Plan an inspection within three months.",
        "plan_repair": "Plan the repair: waiting costs more than repairing in time.",
        "rely_on_inspection": "Rely on inspection: no sensor here measures the condition.",
        "restore_data": "Repair the sensors, and rely on inspection until then.",
        "wait_for_commissioning": "Rely on inspection until the sensors have learned what is normal.",
    },
    Language.DUTCH: {
        "inspect_now": "Inspecteer nu en bereid maatregelen voor: falen binnen 30 dagen is waarschijnlijk.",
        "inspect_soon": "Inspecteer binnen twee weken: er staat een alarm open.",
        "keep_watching": "Kijk over een à twee weken opnieuw: er is bewijs, maar nog niet genoeg.",
        "none": "Niets te doen. De sensoren blijven luisteren.",
        "plan_inspection": "Plan een inspectie binnen drie maanden.",
        "plan_repair": "Plan de reparatie: wachten kost meer dan op tijd herstellen.",
        "rely_on_inspection": "Vertrouw op inspectie: geen sensor hier meet de conditie.",
        "restore_data": "Herstel de sensoren en vertrouw tot die tijd op inspectie.",
        "wait_for_commissioning": "Vertrouw op inspectie tot de sensoren weten wat normaal is.",
    },
}
