"""`make bench` and `make test` on a bare machine: tools/bootstrap.sh, the Makefile, the pins and .ci/run.

Interpreters are small shell scripts that answer as Python, venv and pip would: nothing is installed and
no network is used. PATH holds only what the scripts may rely on.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
POSIX_TOOLS = ("sh", "cat", "chmod", "cksum", "cp", "dirname", "env", "find", "kill", "mkdir", "rm", "rmdir")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="the bootstrap is a POSIX shell script")

FAKE_PYTHON = """#!/bin/sh
# Answers as {version}; writes down every venv and pip call.
case "$*" in
    *python_implementation*) echo '{version}' ;;
    *'import ensurepip'*) {ensurepip} ;;
    '-m venv '*)
        echo "venv {name}" >>{log}
        mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo "$PATH" >"$3/pyvenv.cfg" ;;
    '-m pip '*)
        shift 2
        echo "pip $*" >>{log}
        {pip} ;;
    '-m '*)
        shift
        echo "ran $*" ;;
    *) exit 99 ;;
esac
"""


class Machine:
    """A checkout under a path with spaces, and a PATH that holds a few tools and the fakes put there."""

    def __init__(self, root: Path) -> None:
        self.checkout = root / "a checkout" / "resnet bench"
        self.bin = root / "bin of fakes"
        self.log = root / "calls of fakes.txt"
        (self.checkout / "tools").mkdir(parents=True)
        self.bin.mkdir()
        for name in ("pyproject.toml", "constraints.txt", "Makefile", "tools/bootstrap.sh"):
            shutil.copy(ROOT / name, self.checkout / name)
        for tool in POSIX_TOOLS:
            if found := shutil.which(tool):
                (self.bin / tool).symlink_to(found)

    @property
    def venv(self) -> Path:
        return self.checkout / ".venv"

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def python(self, name: str, version: str, *, ensurepip: bool = True, pip: str = ":") -> None:
        """Put an interpreter on PATH; `pip` is the shell command that stands for an installation."""
        path = self.bin / name
        path.write_text(
            FAKE_PYTHON.format(
                name=name,
                version=version,
                ensurepip="exit 0" if ensurepip else "exit 1",
                log=shlex.quote(str(self.log)),
                pip=pip,
            )
        )
        path.chmod(0o755)

    def run(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.checkout.parent,
            env={"PATH": str(self.bin), **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def bootstrap(self, wanted: str = "runtime", **env: str) -> subprocess.CompletedProcess[str]:
        return self.run("sh", str(self.checkout / "tools" / "bootstrap.sh"), wanted, **env)

    def make(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        make = shutil.which("make")
        if make is None:
            pytest.skip("make is not installed")
        return self.run(make, "-C", str(self.checkout), "--no-print-directory", *arguments, **env)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


# What is installed, and when it is not repeated


def test_a_bare_machine_gets_an_environment_with_pinned_runtime_packages(machine: Machine) -> None:
    machine.python("python3", "CPython 3.11")
    done = machine.bootstrap()
    assert done.returncode == 0, done.stderr
    common = "pip install --quiet --disable-pip-version-check --no-input --compile --constraint constraints.txt"
    assert machine.calls == [
        "venv python3",
        f"{common} setuptools",
        f"{common} --no-build-isolation --editable .",
    ]
    assert done.stdout == ""


def test_dev_also_installs_the_dev_extra(machine: Machine) -> None:
    machine.python("python3", "CPython 3.13")
    assert machine.bootstrap("dev").returncode == 0
    assert machine.calls[-1].endswith("--editable .[dev]")


def test_a_finished_environment_is_not_touched_again(machine: Machine) -> None:
    machine.python("python3", "CPython 3.12")
    machine.bootstrap()
    calls = machine.calls
    again = machine.bootstrap()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert machine.calls == calls


def test_dev_is_added_to_a_runtime_environment_and_serves_it_too(machine: Machine) -> None:
    machine.python("python3", "CPython 3.12")
    machine.bootstrap("runtime")
    machine.bootstrap("dev")
    assert [call for call in machine.calls if call.startswith("venv")] == ["venv python3"]
    assert machine.calls[-1].endswith("--editable .[dev]")
    calls = machine.calls
    machine.bootstrap("runtime")
    assert machine.calls == calls


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_change_of_the_requirements_updates_the_environment(machine: Machine, name: str) -> None:
    machine.python("python3", "CPython 3.12")
    machine.bootstrap("dev")
    before = len(machine.calls)
    with (machine.checkout / name).open("a") as file:
        file.write("# changed\n")
    done = machine.bootstrap("runtime")
    assert "up to date" in done.stderr
    assert [call.split()[0] for call in machine.calls[before:]] == ["pip", "pip"]
    assert machine.calls[-1].endswith("--editable .[dev]"), "what make test needs must survive make bench"
    assert machine.bootstrap("dev").stderr == ""


def test_another_python_makes_the_environment_anew(machine: Machine) -> None:
    machine.python("python3", "CPython 3.11")
    machine.python("python3.12", "CPython 3.12")
    machine.bootstrap()
    (machine.venv / "left-over").touch()
    assert machine.bootstrap(PYTHON="python3.12").returncode == 0
    assert "venv python3.12" in machine.calls
    assert not (machine.venv / "left-over").exists()
    assert machine.bootstrap().stderr == "", "without PYTHON the environment that is there is used"


def test_a_moved_checkout_gets_a_new_environment(machine: Machine) -> None:
    machine.python("python3", "CPython 3.11")
    machine.bootstrap()
    moved = machine.checkout.parent / "moved here"
    machine.checkout.rename(moved)
    machine.checkout = moved
    machine.bootstrap()
    assert machine.calls.count("venv python3") == 2


def test_an_environment_whose_python_is_gone_is_made_anew(machine: Machine) -> None:
    machine.python("python3", "CPython 3.11")
    machine.bootstrap()
    (machine.venv / "bin" / "python").unlink()
    assert machine.bootstrap().returncode == 0
    assert machine.calls.count("venv python3") == 2


def test_packages_outside_the_environment_do_not_count_as_installed(machine: Machine) -> None:
    machine.python("python3", "CPython 3.11", pip='test -z "${PYTHONPATH-}${PYTHONHOME-}"')
    assert machine.bootstrap(PYTHONPATH="/elsewhere", PYTHONHOME="/elsewhere").returncode == 0


# Which Python


@pytest.mark.parametrize("minor", range(8, 18))
def test_exactly_the_pythons_that_pyproject_names_are_accepted(machine: Machine, minor: int) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    machine.python("python3", f"CPython 3.{minor}")
    supported = SpecifierSet(project["requires-python"]).contains(f"3.{minor}.0")
    assert (machine.bootstrap().returncode == 0) == supported
    assert machine.venv.exists() == supported


@pytest.mark.parametrize("version", ["CPython 2.7", "CPython 3.10", "CPython 3.14", "PyPy 3.11"])
def test_an_unsupported_python_is_one_line_and_leaves_nothing(machine: Machine, version: str) -> None:
    machine.python("python3", version)
    done = machine.bootstrap()
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1
    for words in (f"python3 is {version}", "Python 3.11, 3.12 or 3.13", "PYTHON="):
        assert words in done.stderr
    assert not machine.venv.exists()


def test_no_python_at_all_is_one_line(machine: Machine) -> None:
    done = machine.bootstrap()
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1
    assert "python3 was not found" in done.stderr
    assert not machine.venv.exists()


def test_a_missing_ensurepip_names_the_package_to_install(machine: Machine) -> None:
    machine.python("python3", "CPython 3.12", ensurepip=False)
    done = machine.bootstrap()
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1
    assert "ensurepip" in done.stderr
    assert "apt-get install python3.12-venv" in done.stderr
    assert not machine.venv.exists()


def test_an_unsupported_default_gives_way_to_a_supported_python_and_says_so(machine: Machine) -> None:
    machine.python("python3", "CPython 3.9")
    (machine.bin / "python3.13").write_text("#!/bin/sh\necho 'not chosen' >&2\nexit 127\n")
    (machine.bin / "python3.13").chmod(0o755)
    machine.python("python3.12", "CPython 3.12")
    done = machine.bootstrap()
    assert done.returncode == 0
    assert "python3 is CPython 3.9" in done.stderr
    assert "using python3.12" in done.stderr
    assert "not chosen" not in done.stderr
    assert "venv python3.12" in machine.calls


def test_a_python_that_lacks_only_venv_is_the_better_advice(machine: Machine) -> None:
    machine.python("python3", "CPython 3.9")
    machine.python("python3.11", "CPython 3.11", ensurepip=False)
    done = machine.bootstrap()
    assert done.returncode != 0
    assert "apt-get install python3.11-venv" in done.stderr


def test_a_python_asked_for_by_name_is_never_replaced(machine: Machine) -> None:
    machine.python("my python", "CPython 3.9")
    machine.python("python3", "CPython 3.11")
    done = machine.bootstrap(PYTHON=str(machine.bin / "my python"))
    assert done.returncode != 0
    assert "my python is CPython 3.9" in done.stderr
    assert machine.calls == []


# What failure and interruption leave behind


def test_a_failed_installation_shows_its_message_and_leaves_nothing(machine: Machine) -> None:
    machine.python("python3", "CPython 3.11", pip="echo 'ERROR: no matching distribution' >&2; exit 1")
    done = machine.bootstrap()
    assert done.returncode != 0
    assert "ERROR: no matching distribution" in done.stderr
    assert not machine.venv.exists()
    machine.python("python3", "CPython 3.11")
    assert machine.bootstrap().returncode == 0


@pytest.mark.parametrize("signal", ["INT", "TERM", "HUP"])
def test_an_interrupted_installation_leaves_nothing(machine: Machine, signal: str) -> None:
    machine.python("python3", "CPython 3.11", pip=f"kill -{signal} $PPID; exit 1")
    assert machine.bootstrap().returncode != 0
    assert not machine.venv.exists()


def test_a_killed_installation_is_repeated_from_nothing(machine: Machine) -> None:
    machine.python("python3", "CPython 3.11", pip="kill -9 $PPID")
    assert machine.bootstrap().returncode != 0
    assert machine.venv.exists(), "nobody could clean up"
    (machine.venv / "half-written").touch()
    machine.python("python3", "CPython 3.11")
    assert machine.bootstrap().returncode == 0
    assert machine.calls.count("venv python3") == 2
    assert not (machine.venv / "half-written").exists()
    assert machine.bootstrap().stderr == ""


def test_a_failed_update_is_repeated_from_nothing(machine: Machine) -> None:
    machine.python("python3", "CPython 3.11", pip='test "${FAIL-}" = ""')
    machine.bootstrap()
    with (machine.checkout / "constraints.txt").open("a") as file:
        file.write("# changed\n")
    assert machine.bootstrap(FAIL="yes").returncode != 0
    assert machine.bootstrap().returncode == 0
    assert machine.calls.count("venv python3") == 2


def test_a_folder_that_is_not_ours_is_left_alone(machine: Machine) -> None:
    machine.python("python3", "CPython 3.11")
    machine.venv.mkdir()
    (machine.venv / "mine").write_text("keep")
    done = machine.bootstrap()
    assert done.returncode != 0
    assert "not made by this Makefile" in done.stderr
    assert (machine.venv / "mine").read_text() == "keep"
    assert machine.calls == []


# The commands themselves


INSTALL_BENCH_CLI = (
    'printf \'#!/bin/sh\\nfor a; do echo "<$a>"; done\\nexit ${BENCH_STATUS-0}\\n\' >"${0%/*}/bench-cli"; '
    'chmod +x "${0%/*}/bench-cli"'
)


def test_make_bench_runs_the_benchmark_and_owns_stdout(machine: Machine) -> None:
    machine.python("python3", "CPython 3.11", pip=INSTALL_BENCH_CLI)
    done = machine.make("bench", "BENCH_ARGS=--preset smoke --json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["<run>", "<--preset>", "<smoke>", "<--json>"]


def test_make_bench_fails_when_the_benchmark_does(machine: Machine) -> None:
    machine.python("python3", "CPython 3.11", pip=INSTALL_BENCH_CLI)
    assert machine.make("bench", BENCH_STATUS="4").returncode != 0


def test_make_test_ends_with_the_output_of_pytest(machine: Machine) -> None:
    machine.python("python3.13", "CPython 3.13")
    done = machine.make("test", "PYTHON=python3.13", "TEST_ARGS=-k words")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "ran pytest -n 2 --dist loadfile --no-loadscope-reorder -k words"


def test_make_test_fast_leaves_tensorflow_and_processes_out(machine: Machine) -> None:
    machine.python("python3", "CPython 3.13")
    done = machine.make("test-fast", "TEST_ARGS=--lf")
    assert done.stdout.splitlines()[-1] == "ran pytest -n 2 --dist worksteal -m not tensorflow and not process --lf"


def test_make_lint_checks_format_lint_and_types_of_every_folder(machine: Machine) -> None:
    machine.python("python3", "CPython 3.11")
    for folder in ("resnet_bench", "benchmarks", "tests", "tools"):
        (machine.checkout / folder).mkdir(exist_ok=True)
        (machine.checkout / folder / "a.py").touch()
    done = machine.make("lint")
    assert [line for line in done.stdout.splitlines() if line.startswith("ran")] == [
        "ran ruff format --check .",
        "ran ruff check .",
        "ran mypy --strict benchmarks resnet_bench tests tools",
    ]


def test_make_stops_where_no_environment_can_be_made(machine: Machine) -> None:
    machine.python("python3", "CPython 3.10")
    done = machine.make("bench")
    assert done.returncode != 0
    assert "python3 is CPython 3.10" in done.stderr


# The pins


def pins() -> dict[str, Version]:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    found = [re.fullmatch(r"([a-z0-9-]+)==([^\s;]+)", line) for line in lines]
    assert all(found), "each line is name==version: no ranges, options or addresses"
    return {match[1]: Version(match[2]) for match in found if match}


def test_every_requirement_has_a_pin_that_satisfies_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    requirements = [Requirement(line) for line in listed]
    outside = [item for item in requirements if canonicalize_name(item.name) != canonicalize_name(project["name"])]
    assert outside
    for requirement in outside:
        pin = pins().get(canonicalize_name(requirement.name))
        assert pin is not None, f"{requirement} has no pin"
        assert pin in requirement.specifier, f"{requirement} is pinned to {pin}"


def test_the_build_backend_is_pinned() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert [Requirement(line).name for line in build] == ["setuptools"], "bootstrap.sh installs setuptools alone"
    assert pins()["setuptools"] in Requirement(build[0]).specifier


@pytest.mark.parametrize("name", ["Makefile", "constraints.txt", "tools/bootstrap.sh", ".ci/run", "pyproject.toml"])
def test_no_registry_is_named(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"index-url|find-links|trusted-host|extra-index|https?://", text)


# CI


FAKE_MAKE = """#!/bin/sh
echo "make $1"
case "$1" in {failing}) exit 2 ;; esac
"""


def run_ci(machine: Machine, *, failing: str) -> subprocess.CompletedProcess[str]:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    (machine.checkout / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", machine.checkout / ".ci" / "run")
    if failing:
        (machine.bin / "make").write_text(FAKE_MAKE.format(failing=failing))
        (machine.bin / "make").chmod(0o755)
    return machine.run(bash, str(machine.checkout / ".ci" / "run"), CI="true")


def test_ci_starts_fresh_and_ends_with_the_tests(machine: Machine) -> None:
    machine.venv.mkdir()
    done = run_ci(machine, failing="nothing")
    assert done.returncode == 0
    assert done.stdout.splitlines() == ["make dev-environment", "make lint", "make test"]
    assert not machine.venv.exists()


@pytest.mark.parametrize("failing", ["lint", "test"])
def test_ci_fails_with_any_part_and_still_runs_the_tests(machine: Machine, failing: str) -> None:
    done = run_ci(machine, failing=failing)
    assert done.returncode != 0
    assert done.stdout.splitlines()[-1] == "make test"


def test_ci_stops_where_no_environment_can_be_made(machine: Machine) -> None:
    done = run_ci(machine, failing="dev-environment")
    assert done.returncode != 0
    assert done.stdout.splitlines() == ["make dev-environment"]


def test_ci_says_that_make_is_missing(machine: Machine) -> None:
    done = run_ci(machine, failing="")
    assert done.returncode != 0
    assert "make was not found" in done.stderr
