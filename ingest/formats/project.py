"""The project's own wire format in one import: plain JSON v1 and waveform block v1, both ways.

What a payload holds is decoded here without asking whether its sender is known; `ingest.batch` does that
for a whole batch at once.
"""

from ingest.formats.encoding import OutgoingReading, encode_readings, encode_status, encode_waveform
from ingest.formats.readings import DecodedReading, QuantityKey, channel_name, decode_readings
from ingest.formats.samples import SampleEncoding, decode_samples
from ingest.formats.status import DecodedStatus, GatewayState, decode_status
from ingest.formats.times import parse_time
from ingest.formats.waveforms import MAX_PARTS, MAX_SAMPLES, RawBlock, decode_waveform

__all__ = [
    "MAX_PARTS",
    "MAX_SAMPLES",
    "DecodedReading",
    "DecodedStatus",
    "GatewayState",
    "OutgoingReading",
    "QuantityKey",
    "RawBlock",
    "SampleEncoding",
    "channel_name",
    "decode_readings",
    "decode_samples",
    "decode_status",
    "decode_waveform",
    "encode_readings",
    "encode_status",
    "encode_waveform",
    "parse_time",
]
