"""A command's file is whole or not there, and nothing else in its folder is touched."""

from __future__ import annotations

import gzip
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from service.score import score_file
from service.whole_file import whole_file, whole_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_source_may_have_any_name_beside_the_target(tmp_path: Path) -> None:
    """`schouw score part-x.csv x.csv` opened its own source for writing and removed it at the end."""
    source = tmp_path / "part-x.csv"
    source.write_text("t,a\n1,2\n2,3\n")
    assert score_file(source, tmp_path / "x.csv", time="t", values=["a"]) == 2
    assert source.read_text() == "t,a\n1,2\n2,3\n"
    assert names(tmp_path) == ["part-x.csv", "x.csv"]


def test_two_that_write_to_one_target_do_not_mix(tmp_path: Path) -> None:
    target = tmp_path / "x.csv"
    with whole_file(target) as first, whole_file(target) as second:
        first.write_text("first")
        second.write_text("second")
    assert target.read_text() == "first"  # it ended last
    assert names(tmp_path) == ["x.csv"]


def test_what_fails_leaves_nothing_but_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("before")
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "x.csv") as part:
        part.with_name(part.read_text() + "nowhere").read_text()
    assert (tmp_path / "x.csv").read_text() == "before"
    assert names(tmp_path) == ["x.csv"]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_who_may_read_it_is_up_to_the_umask(tmp_path: Path, mask: int, mode: int) -> None:
    usual = os.umask(mask)
    try:
        with whole_file(tmp_path / "x.csv") as part:
            part.write_text("a")
    finally:
        os.umask(usual)
    assert (tmp_path / "x.csv").stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("name", ["x" * 248 + ".csv.gz", "ü" * 124 + ".csv.gz"])
def test_the_longest_name_is_taken_and_its_ending_kept(tmp_path: Path, name: str) -> None:
    with whole_file(tmp_path / name) as part:
        assert part.name.endswith(".csv.gz")
        part.write_text("a")
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("target", [".", "nowhere/x.csv", "file/x.csv"])
def test_a_place_that_takes_no_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=re.escape(target.partition("/")[0])), whole_file(Path(target)) as part:
        part.write_text("a")
    assert names(tmp_path) == ["file"]


def test_what_is_no_file_is_written_to_and_stays_what_it_is(tmp_path: Path) -> None:
    """As root, `schouw score x.csv /dev/null` made a file of the device; `/dev/full` was no full disk but a file."""
    device = tmp_path / "pipe.csv"
    os.mkfifo(device)
    heard: list[str] = []
    listener = threading.Thread(target=lambda: heard.append(device.read_text()))
    listener.start()
    with whole_file(device) as part:
        assert part == device
        part.write_text("a")
    listener.join(10)
    assert heard == ["a"]
    assert device.is_fifo()
    assert names(tmp_path) == ["pipe.csv"]


@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_stays_and_what_it_names_is_written(tmp_path: Path, *, is_there: bool) -> None:
    (tmp_path / "days").mkdir()
    if is_there:
        (tmp_path / "days" / "monday.csv").write_text("before")
    (tmp_path / "latest.csv").symlink_to(Path("days") / "monday.csv")
    with whole_file(tmp_path / "latest.csv") as part:
        part.write_text("after")
    assert (tmp_path / "latest.csv").is_symlink()
    assert (tmp_path / "days" / "monday.csv").read_text() == "after"
    assert names(tmp_path / "days") == ["monday.csv"]


def test_the_ending_says_whether_text_is_packed_and_the_same_text_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("x.csv", "x.csv.gz", "y.csv.gz"):
        with whole_text(tmp_path / name) as text:
            text.write("a\r\nü\n")
    assert (tmp_path / "x.csv").read_bytes() == "a\r\nü\n".encode()
    assert gzip.decompress((tmp_path / "x.csv.gz").read_bytes()) == (tmp_path / "x.csv").read_bytes()
    assert (tmp_path / "x.csv.gz").read_bytes() == (tmp_path / "y.csv.gz").read_bytes()


_UNTIL_TOLD = """
import signal, sys, time
from pathlib import Path
from service.whole_file import whole_file
# Whoever starts the tests by nohup, or in the background, hands down that these are ignored.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
with whole_file(Path(sys.argv[1])) as part, part.open("w") as file:
    file.write("half")
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_command_that_is_told_to_end_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "x.csv").write_text("before")
    command = [sys.executable, "-c", _UNTIL_TOLD, str(tmp_path / "x.csv")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.send_signal(number)
        assert child.wait(30) != 0
    assert names(tmp_path) == ["x.csv"]
    assert (tmp_path / "x.csv").read_text() == "before"


def test_a_handler_of_the_program_is_left_alone(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        own = signal.getsignal(signal.SIGTERM)
        with whole_file(tmp_path / "x.csv"):
            assert signal.getsignal(signal.SIGTERM) is own
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)
