"""The commands of the project: make, the scripts behind it, and CI."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MAKEFILE = ROOT / "Makefile"


def make(*arguments: str, folder: Path = ROOT, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    if path is not None:
        environment["PATH"] = path
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the Makefile, its scripts, and nothing installed."""
    folder = tmp_path / "project"
    (folder / "requirements").mkdir(parents=True)
    shutil.copy(MAKEFILE, folder)
    for name in ("install-packages", "install-servers", "servers.txt"):
        shutil.copy(ROOT / "requirements" / name, folder / "requirements")
    for name in ("requirements/run.lock", "requirements/dev.lock", "pyproject.toml"):
        (folder / name).write_text("", encoding="utf-8")
    return folder


def test_help_lists_every_target_once_in_one_line() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert phony is not None
    lines = make("help").stdout.splitlines()
    assert sorted(line.split()[1] for line in lines) == sorted(phony[1].split())
    assert all(len(line.split()) > 3 for line in lines)


def test_help_is_what_make_alone_gives() -> None:
    assert make().stdout == make("help").stdout


def test_every_listed_target_has_a_recipe() -> None:
    for line in make("help").stdout.splitlines():
        target = line.split()[1]
        assert make("--dry-run", target).returncode == 0, target


def test_make_test_runs_pytest_last() -> None:
    """The closing lines of CI are then pytest's own summary."""
    last = make("--dry-run", "test").stdout.strip().splitlines()[-1]
    assert ".venv/bin/pytest" in last


def test_ci_calls_make_test_in_strict_mode_and_nothing_else() -> None:
    run = ROOT / ".ci" / "run"
    lines = [line for line in run.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert lines[-1] == "SCHOUW_TEST_STRICT=1 make --no-print-directory test"
    assert [line.split()[0] for line in lines[:-1]] == ["set", "cd"]
    assert run.stat().st_mode & stat.S_IXUSR


def test_shell_scripts_have_no_fault_of_syntax() -> None:
    for name in (".ci/run", "requirements/install-packages", "requirements/install-servers"):
        assert subprocess.run(["bash", "-n", str(ROOT / name)], check=False).returncode == 0, name


@pytest.fixture
def listening_to_ctrl_c() -> Iterator[None]:
    """Where the tests run in the background, interrupts are ignored, and what they start would inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("listening_to_ctrl_c")
def test_ctrl_c_reaches_schouw_through_make(project: Path) -> None:
    script(
        project / ".venv/bin/schouw",
        "#!/bin/sh\ntrap 'echo stopped cleanly; exit 0' INT\necho up \"$@\"\nwhile :; do sleep 0.05; done\n",
    )
    (project / ".venv/run.stamp").write_text("", encoding="utf-8")
    for name in ("requirements/run.lock", "pyproject.toml"):
        os.utime(project / name, (1_000_000_000, 1_000_000_000))  # older than the stamp
    with subprocess.Popen(
        ["make", "--no-print-directory", "run"],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up run --demo\n"
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stdout.read()
    # GNU make 4.3 loses a race with itself now and then and remarks on a child it has seen end already
    # ("wait: No child processes"; seen once, under load). Those lines are its own.
    said = [line for line in rest.splitlines() if not line.startswith("make")]
    assert said == ["stopped cleanly"]


def test_an_old_python_is_told_in_one_sentence(project: Path) -> None:
    old = script(
        project / "old/python3",
        '#!/bin/sh\ncase $1 in -V) echo "Python 3.9.2" ;; *) exit 1 ;; esac\n',
    )
    answer = make("run", f"PYTHON={old}", folder=project)
    assert answer.returncode != 0
    assert answer.stderr.splitlines()[0].startswith("Schouw needs Python 3.11 or newer, and ")
    assert "is Python 3.9.2" in answer.stderr


def test_another_python_than_that_of_the_environment_is_told(project: Path) -> None:
    """It was passed over: `make test PYTHON=python3.13` tested with the Python that was there, and was green."""
    for folder, version in ((".venv/bin/python", "3.11.7"), ("other/python", "3.13.0")):
        script(project / folder, f'#!/bin/sh\necho "Python {version}"\n')
    other = f"PYTHON={project / 'other/python'}"
    answer = make("--dry-run", "test", other, folder=project)
    assert answer.returncode != 0
    assert "The Python of .venv is Python 3.11.7, and" in answer.stderr
    assert "is Python 3.13.0: run 'make clean' first" in answer.stderr
    assert make("--dry-run", "clean", other, folder=project).returncode == 0
    assert make("--dry-run", "test", folder=project).returncode == 0
    assert make("--dry-run", "test", f"PYTHON={project / '.venv/bin/python'}", folder=project).returncode == 0


def test_no_python_is_told_in_one_sentence(project: Path) -> None:
    answer = make("run", "PYTHON=python3.99", folder=project)
    assert answer.returncode != 0
    assert "there is no python3.99 here" in answer.stderr


def test_a_python_without_venv_is_told_with_the_remedy(project: Path) -> None:
    bare = script(project / "bare/python3", "#!/bin/sh\ncase $2 in *venv*) exit 1 ;; *) exit 0 ;; esac\n")
    answer = make("run", f"PYTHON={bare}", folder=project)
    assert answer.returncode != 0
    assert "apt-get install python3-venv" in answer.stderr


@pytest.mark.slow
def test_a_failed_installation_leaves_no_stamp(project: Path) -> None:
    # An environment that is there already: to make one takes ten times as long as to fail in it.
    without_pip = project / ".venv"
    venv.create(without_pip, symlinks=True, system_site_packages=True, with_pip=False)
    lock = f"schouw-no-such-thing @ file://{project}/absent-1-py3-none-any.whl --hash=sha256:{'0' * 64}\n"
    (project / "requirements/run.lock").write_text(lock, encoding="utf-8")
    answer = make("run", folder=project)
    assert answer.returncode != 0
    assert "could not be installed: check the network or proxy" in answer.stderr
    assert not (project / ".venv/run.stamp").exists()


def test_missing_servers_are_named_with_the_command(project: Path) -> None:
    """Without apt-get, or without the right to use it, nothing is installed and nothing fails."""
    folder = project / "bin"
    folder.mkdir()
    for tool in ("sh", "dirname", "id", "cat"):
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    (project / "requirements/servers.txt").write_text("no-such-server no-such-program\n", encoding="utf-8")
    answer = subprocess.run(
        [str(project / "requirements/install-servers")],
        env={"PATH": str(folder)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0
    assert "sudo apt-get install --no-install-recommends no-such-server" in answer.stdout


@pytest.mark.parametrize(("strict", "code"), [("", 0), ("1", 1)])
def test_a_failed_server_installation_fails_in_strict_mode_only(project: Path, strict: str, code: int) -> None:
    folder = project / "bin"
    script(folder / "apt-get", "#!/bin/sh\necho no network >&2\nexit 100\n")
    script(folder / "id", "#!/bin/sh\necho 0\n")
    (project / "requirements/servers.txt").write_text("no-such-server no-such-program\n", encoding="utf-8")
    install = (project / "requirements/install-servers").read_text(encoding="utf-8")
    policy = project / "policy-rc.d"
    script(project / "requirements/install-servers", install.replace("/usr/sbin/policy-rc.d", str(policy)))
    answer = subprocess.run(
        [str(project / "requirements/install-servers")],
        env={"PATH": f"{folder}:{os.environ['PATH']}", "SCHOUW_TEST_STRICT": strict},
        check=False,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == code
    assert answer.stdout.startswith("Installing the Debian packages")
    assert "no network" in answer.stderr
    assert "apt-get could not install no-such-server" in answer.stderr
    assert not policy.exists()


def test_services_may_not_start_while_servers_are_installed(project: Path) -> None:
    folder = project / "bin"
    policy = project / "policy-rc.d"
    script(folder / "apt-get", f'#!/bin/sh\n"{policy}"\necho "policy says $?" >> "{project}/said"\n')
    script(folder / "id", "#!/bin/sh\necho 0\n")
    script(folder / "systemctl", f'#!/bin/sh\necho "systemctl $*" >> "{project}/said"\n')
    (project / "requirements/servers.txt").write_text("no-such-server no-such-program\n", encoding="utf-8")
    install = (project / "requirements/install-servers").read_text(encoding="utf-8")
    script(project / "requirements/install-servers", install.replace("/usr/sbin/policy-rc.d", str(policy)))
    subprocess.run(
        [str(project / "requirements/install-servers")],
        env={"PATH": f"{folder}:{os.environ['PATH']}"},
        check=True,
        capture_output=True,
    )
    said = (project / "said").read_text(encoding="utf-8").splitlines()
    assert said == ["policy says 101", "policy says 101", "systemctl disable no-such-server"]
    assert not policy.exists()
