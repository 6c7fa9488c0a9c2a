"""What nats-server is told: the file that `service.broker` writes at every start.

Traps that were found by trying nats-server 2.15:

- `max_ack_pending` counts per subscription, yet a session's subscriptions may hold 65,535 together, and the
  one that would pass this is refused in the SUBACK. With six topic filters the most is 10,922 each.
- Publishers with MQTT 5, topics with spaces or payloads over `max_payload` lose their connection.
- `ack_wait` is 30 s when nothing is said: so long stays with a killed subscriber what it had taken.
- Synced at once (`sync_interval: always`) it takes a tenth of the messages per second, but loses none of
  the acknowledged ones in a power cut; otherwise it syncs every two minutes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

__all__ = ["ACK_PENDING", "MAX_ACK_PENDING", "nats_configuration"]

_SESSION_ACK_PENDING: Final = 65_535  # nats-server's limit over all subscriptions of one session: packet ids are 16 bit
_SESSION_FILTERS: Final = 6  # ingest.topics: one, and for a while the three and the two of earlier versions
MAX_ACK_PENDING: Final = _SESSION_ACK_PENDING // _SESSION_FILTERS
# As a batch and its successor need; more would only make more bytes that are under way, and come again.
ACK_PENDING: Final = 4_096

_MAX_PAYLOAD_BYTES: Final = 4_194_304  # design.md D4; a 4 s record at 25 kHz in base64 takes 267 kB
# The broker writes to its clients as fast as it reads from its disk, and holds in memory what they have not read. By
# default it calls a client slow at 64 MB or after ten seconds and closes its connection, and what was under way comes
# again. Ingest reads on whatever happens (`ingest.spill`), so what it has not read is never more than what is under
# way; this is room for 4,096 messages of half a megabyte.
_MAX_PENDING_BYTES: Final = 2_147_483_648
_WRITE_DEADLINE_S: Final = 120
_LOG_SIZE: Final = "10MB"


def nats_configuration(
    folder: Path,
    *,
    host: str,
    mqtt_port: int,
    sync_always: bool,
    max_ack_pending: int,
    ack_wait_seconds: int,
    shards: int = 0,
) -> str:
    """Write down the configuration of nats-server.

    Parameters
    ----------
    folder : Path
        Absolute; its streams, pid file and state.
    host : str
        Loopback address of all its listeners.
    mqtt_port : int
        Port of the MQTT listener. NATS' own client port is any free one, since nobody uses it.
    sync_always : bool
        Sync each message to disk before it is acknowledged.
    max_ack_pending : int
        Per subscription; lowered to `MAX_ACK_PENDING` when above it, so that no topic filter is refused.
    ack_wait_seconds : int
        After this long without acknowledgement a message is sent again.
    shards : int
        Topics of readings and waveforms get `shard/<n>/` in front, n below this by their asset; 0: they stay.
    """
    pending = min(max_ack_pending, MAX_ACK_PENDING)
    return f"""# Written by Schouw at every start; changes here are lost.
server_name: "schouw"
host: {_quoted(host)}
port: -1
max_payload: {_MAX_PAYLOAD_BYTES}
max_pending: {_MAX_PENDING_BYTES}
write_deadline: "{_WRITE_DEADLINE_S}s"
pid_file: {_quoted(str(folder / "nats-server.pid"))}
logfile_size_limit: {_LOG_SIZE}
jetstream {{
  store_dir: {_quoted(str(folder))}
  {"sync_interval: always" if sync_always else "# sync_interval: two minutes, the default"}
}}
mqtt {{
  host: {_quoted(host)}
  port: {mqtt_port}
  ack_wait: "{ack_wait_seconds}s"
  max_ack_pending: {pending}
}}
{_mappings(shards)}"""


def _mappings(shards: int) -> str:
    """Write down how topics become those of shards (design.md D6): the hash is that of the asset, the second level."""
    if not shards:
        return ""
    levels = ".".join(f"{{{{wildcard({place})}}}}" for place in range(1, 5))
    front = f"shard.{{{{partition({shards},2)}}}}.infra.v1"
    binary = levels.replace("{{wildcard(4)}}", "waveform.bin")
    return f"""mappings {{
  "infra.v1.*.*.*.*": "{front}.{levels}"
  "infra.v1.*.*.*.waveform.bin": "{front}.{binary}"
}}
"""


def _quoted(text: str) -> str:
    """Quote as JSON does; nats-server knows no `u` escapes, so letters stay as they are."""
    return json.dumps(text, ensure_ascii=False)
