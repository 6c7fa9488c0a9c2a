"""Blocks that repeat the text of an earlier one but for their time, samples and number: read without parsing it anew.

A sensor's gateway writes every block alike. Once one was read, the text between the parts that change is
remembered; a block with the same text there means the same, whatever those parts say, since each stands alone between
two quotation marks. That is not taken on trust: before a form is used, it is tried with other parts, and what the
whole decoder makes of those must differ in them alone. Every block that does not fit is read as if nothing was known.

Samples are unpacked by pybase64, which takes a quarter of the time for 500 of them; where what comes out is not as long
as it should be, the whole decoder judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from pybase64 import b64decode, b64encode

from domain.errors import PayloadError
from ingest.block_kind import BlockKind
from ingest.formats.project import RawBlock, SampleEncoding, decode_waveform, parse_time
from ingest.sharing import shared

if TYPE_CHECKING:
    from ingest.messages import Message

__all__ = ["BlockForm", "KnownBlocks", "ReadTogether", "form_of"]

# One for each topic, like what is remembered of topics; some 700 bytes each.
_MOST_TOPICS: Final = 131_072
# One sensor's blocks along three axes come under one topic; one form more for a gateway that was just changed.
_FORMS: Final = 4
# A sender whose blocks have no common form costs no more than so many attempts to find one.
_ATTEMPTS: Final = 12

_OTHER_TIME: Final = "2001-02-03T04:05:06.700Z"
_OTHER_ID: Final = "another-block"
_LONGEST_TEXT: Final = 128
_MOST_PADS: Final = 2  # of a text in base64


class _Shape(NamedTuple):
    """How samples are packed as text: its length without pads, the pads, and the bytes of samples."""

    length: int
    pads: int
    size: int


class _Places(NamedTuple):
    """Where all stands in a block of which nothing but time and samples changes, while times are equally long.

    Attributes
    ----------
    length : int
        Bytes of the whole.
    middle : int
        Where `second` begins.
    second, tail : bytes
        What stands between the changing parts and behind them: the literals, and the pads of the samples in front of
        the one that follows them.
    time, data : slice
        Where the changing parts are, without pads.
    shape : _Shape
        Of the samples.
    """

    length: int
    middle: int
    second: bytes
    tail: bytes
    time: slice
    data: slice
    shape: _Shape


class BlockForm(NamedTuple):
    """The text of one sensor's blocks: `literals` around what changes.

    Attributes
    ----------
    literals : tuple of bytes
        What stands before the first changing part, between them, and behind the last.
    changing : tuple of str
        The names of the changing parts in their order: `t0`, `data` and perhaps `id`.
    data_length : int
        Characters of `data`; the other parts end at the next quotation mark.
    size : int
        Bytes of samples.
    places : _Places or None
        Of a block as long as the one that the form was found in; None where more than time and samples changes.
    """

    literals: tuple[bytes, ...]
    changing: tuple[str, ...]
    data_length: int
    size: int
    places: _Places | None

    def read(self, payload: bytes) -> tuple[int, bytes] | None:
        """Read a block of this form.

        Returns
        -------
        start_ns : int
            Unix nanoseconds.
        data : bytes
            Raw samples.
        None
            Where the block has another form, or what changes is not sound: then it is to be read as a whole.
        """
        literals, changing, data_length, size, _ = self
        at = end = 0
        start_ns, data = None, b""
        for literal, name in zip(literals, changing, strict=False):
            if not payload.startswith(literal, end):
                return None
            at = end + len(literal)
            if name == "data":
                end = at + data_length
                data = _samples_of(payload[at:end])
                continue
            end = payload.find(b'"', at)
            if end < 0:
                return None
            if name == "t0":
                start_ns = _time_of(payload[at:end])
            elif not _is_plain(payload[at:end]):
                return None
        if start_ns is None or len(data) != size or payload[end:] != literals[-1]:
            return None
        return start_ns, data


class ReadTogether(NamedTuple):
    """Blocks of a batch whose samples are of one size; entries belong together.

    Attributes
    ----------
    positions : list of int
        Of their messages in the batch.
    kinds : list of BlockKind
        What each is.
    starts_ns : list of int
        Unix nanoseconds.
    data : list of bytes
        Raw samples; packed as in the message until all are unpacked.
    received_ns : list of int
        When each arrived.
    """

    positions: list[int]
    kinds: list[BlockKind]
    starts_ns: list[int]
    data: list[bytes]
    received_ns: list[int]


class KnownBlocks:
    """How blocks were written before, by topic, under one register."""

    __slots__ = ("_attempts", "_known")

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[BlockForm, BlockKind], ...]] = {}
        self._attempts: dict[str, int] = {}

    def read(self, topic: str, payload: bytes) -> tuple[BlockKind, int, bytes] | None:
        """Read a block that repeats an earlier one of its topic: its kind, its start, and its raw samples."""
        for form, kind in self._known.get(topic, ()):
            found = form.read(payload)
            if found is not None:
                return kind, *found
        return None

    def read_together(self, messages: Sequence[Message], most_bytes: int) -> list[ReadTogether]:
        """Read, of a batch, the blocks that repeat earlier ones and have everything in its place.

        Parameters
        ----------
        messages : sequence of Message
            A whole batch; those that the broker kept, and those of more than `most_bytes`, are passed over.

        Returns
        -------
        list of ReadTogether
            What `read` would read of each of them; not all that it would.
        """
        known = self._known.get
        found: dict[_Shape, ReadTogether] = {}
        last: _Shape | None = None
        for position, (topic, payload, received_ns, retained, _) in enumerate(messages):
            for form, kind in known(topic, ()):
                places = form.places
                if places is None:
                    continue
                length, middle, second, tail, time, samples, shape = places
                if (
                    len(payload) == length
                    and payload.startswith(form.literals[0])
                    and payload.startswith(second, middle)
                    and payload.endswith(tail)
                ):
                    start_ns = _time_of(payload[time])
                    if start_ns is None or retained or length > most_bytes:
                        break
                    if shape is not last:
                        columns = found.setdefault(shape, ReadTogether([], [], [], [], []))
                        add_position, add_kind = columns.positions.append, columns.kinds.append
                        add_start, add_text = columns.starts_ns.append, columns.data.append
                        add_received = columns.received_ns.append
                        last = shape
                    add_position(position)
                    add_kind(kind)
                    add_start(start_ns)
                    add_text(payload[samples])
                    add_received(received_ns)
                    break
        unpacked = ((columns, _unpack_equal(columns.data, shape)) for shape, columns in found.items())
        return [columns._replace(data=data) for columns, data in unpacked if data is not None]

    def learn(self, topic: str, payload: bytes, raw: RawBlock, kind: BlockKind) -> None:
        """Remember how a block was written that had to be decoded as a whole.

        Parameters
        ----------
        payload : bytes
            What was decoded as `raw`.
        kind : BlockKind
            What every block of that form is, under the register in force.
        """
        attempts = self._attempts.get(topic, 0)
        if attempts >= _ATTEMPTS or (not attempts and len(self._attempts) >= _MOST_TOPICS):
            return
        self._attempts[topic] = attempts + 1
        form = form_of(payload, raw, kind.slot.sensor)
        if form is not None:
            self._known[topic] = (*self._known.get(topic, ())[1 - _FORMS :], (form, kind))


def form_of(payload: bytes, raw: RawBlock, sensor: str) -> BlockForm | None:
    """Find what a block would share with the next one of its sensor.

    Parameters
    ----------
    payload : bytes
        A block that `ingest.formats.project.decode_waveform` read as `raw`.

    Returns
    -------
    BlockForm or None
        None for a part of a burst, samples as numbers, and text in which a changing part cannot be told apart.
    """
    if raw.parts > 1 or raw.encoding is SampleEncoding.JSON or raw.start_ns is None:
        return None
    values = [_value_of(payload, name) for name in (b"t0", b"data")]
    if raw.id:
        values.append(_value_of(payload, b"id"))
    found = sorted((*value, name) for value, name in zip(values, ("t0", "data", "id"), strict=False) if value)
    if len(found) < len(values):
        return None
    starts, ends = [0, *(end for _, end, _ in found)], [*(start for start, _, _ in found), len(payload)]
    # What stands before the first changing part names the sensor as a rule; the rest repeats from sensor to sensor.
    literals = tuple(shared(payload[start:end]) for start, end in zip(starts, ends, strict=True))
    changing = shared(tuple(name for _, _, name in found))
    data_length = next(end - start for start, end, name in found if name == "data")
    places = None
    pads = data_length // 4 * 3 - len(raw.data)
    if not raw.id and data_length % 4 == 0 and 0 <= pads <= _MOST_PADS:
        places = _places(len(payload), tuple(found), literals[1:], pads, len(raw.data))
    form = BlockForm(literals, changing, data_length, len(raw.data), places)
    return form if form.read(payload) == (raw.start_ns, raw.data) and _holds(form, raw, sensor) else None


@lru_cache(maxsize=4096)
def _places(
    length: int, changing: tuple[tuple[int, int, str], ...], literals: tuple[bytes, ...], pads: int, size: int
) -> _Places:
    """Give one object for equal places."""
    parts = {name: slice(start, end) for start, end, name in changing}
    data = slice(parts["data"].start, parts["data"].stop - pads)
    second, tail = literals
    if changing[0][2] == "data":
        middle, second = data.stop, b"=" * pads + second
    else:
        middle, tail = changing[0][1], b"=" * pads + tail
    shape = shared(_Shape(data.stop - data.start, pads, size))
    return _Places(length, middle, second, tail, parts["t0"], data, shape)


def _value_of(payload: bytes, name: bytes) -> tuple[int, int] | None:
    """Find where the only text that looks like the value of `name` begins and ends, within its quotation marks."""
    key = b'"' + name + b'"'
    at = payload.find(key)
    if at < 0 or payload.find(key, at + 1) >= 0:
        return None
    start = payload.find(b'"', at + len(key)) + 1
    end = payload.find(b'"', start)
    return (start, end) if 0 < start < end else None


def _holds(form: BlockForm, raw: RawBlock, sensor: str) -> bool:
    """Try the form on a block with another time, number and samples."""
    other_data = bytes(byte ^ 0x55 for byte in raw.data)
    parts = {
        "t0": _OTHER_TIME.encode(),
        "id": _OTHER_ID.encode(),
        "data": b64encode(other_data),
    }
    text = form.literals[0] + b"".join(
        parts[name] + literal for name, literal in zip(form.changing, form.literals[1:], strict=True)
    )
    other_ns = parse_time(_OTHER_TIME)
    expected = raw._replace(start_ns=other_ns, data=other_data, id=_OTHER_ID if "id" in form.changing else raw.id)
    try:
        return decode_waveform(text, sensor) == expected and form.read(text) == (other_ns, other_data)
    except PayloadError:
        return False


@lru_cache(maxsize=4096)
def _time_of(text: bytes) -> int | None:
    return parse_time(text.decode("latin-1"))


def _samples_of(text: bytes) -> bytes:
    """Unpack samples; what no base64 has is passed over, so that the rest comes out too short."""
    try:
        return b64decode(text)
    except ValueError:
        return b""


def _unpack_equal(texts: Sequence[bytes], shape: _Shape) -> list[bytes] | None:
    """Unpack equally long samples without their pads as one text; None where one is not sound, whichever it is.

    In the place of pads stands the letter for zero, and what that unpacks to is cut off again.
    """
    _, pads, size = shape
    zeros = b"A" * pads
    try:
        unpacked = b64decode(zeros.join([*texts, b""]), validate=True)
    except ValueError:
        return None
    return [unpacked[at : at + size] for at in range(0, len(unpacked), size + pads)]


def _is_plain(part: bytes) -> bool:
    """Tell whether text between quotation marks means itself and is no longer than a number may be."""
    return len(part) <= _LONGEST_TEXT and part.isascii() and b"\\" not in part and part.decode().isprintable()
