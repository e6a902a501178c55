"""Processes of this package import nothing from the working directory, and the standard library before all else."""

from __future__ import annotations

import os
import re
import site
import subprocess
import time
from pathlib import Path

import pytest

import resnet_bench
from resnet_bench.runtime import python_process
from resnet_bench.worker import protocol as p
from resnet_bench.worker.process import WorkerProcess

PACKAGE = Path(resnet_bench.__file__).parent
HOSTILE = ("typing", "numpy", "random", "msgspec", "tensorflow", "tensorboard", "click")
STARTED = ("resnet_bench.data.service_process", "resnet_bench.report.export.tensorboard_server")


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory whose modules leave a mark when they are imported."""
    monkeypatch.chdir(tmp_path)
    for name in HOSTILE:
        Path(f"{name}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'a').write({name!r})")
    return tmp_path


@pytest.mark.process
def test_a_worker_imports_nothing_from_the_working_directory(trap: Path) -> None:
    with WorkerProcess() as worker:
        worker.request(p.Finish(), p.Finished, silence_s=60, deadline=time.monotonic() + 60)
    assert not (trap / "imported").exists()


@pytest.mark.process
@pytest.mark.parametrize("module", STARTED)
def test_nor_does_another_process_of_ours(trap: Path, module: str) -> None:
    words = python_process.command(module, str(os.getpid()), "--helpfull")
    subprocess.run(words, env=python_process.environment(), capture_output=True, timeout=120, check=False)
    assert not (trap / "imported").exists()


@pytest.mark.process
def test_without_the_option_it_would_be_imported(trap: Path) -> None:
    words = [word for word in python_process.command("resnet_bench.worker.child", "1") if word != "-P"]
    subprocess.run(words, env=python_process.environment(), capture_output=True, timeout=120, check=False)
    assert (trap / "imported").exists()


def test_every_python_process_of_the_package_is_started_this_way() -> None:
    found = [path.name for path in PACKAGE.rglob("*.py") if re.search(r"\[sys\.executable", path.read_text())]
    assert found == ["python_process.py"]


def test_an_installed_package_is_not_put_before_the_standard_library(monkeypatch: pytest.MonkeyPatch) -> None:
    root = str(PACKAGE.parent)
    assert python_process.environment({})["PYTHONPATH"] == root
    monkeypatch.setattr(site, "getsitepackages", lambda: [root])
    assert "PYTHONPATH" not in python_process.environment({})


def test_a_checkout_comes_after_the_users_own_folders_once() -> None:
    root = str(PACKAGE.parent)
    assert python_process.environment({"PYTHONPATH": f"/a{os.pathsep}/b"})["PYTHONPATH"].split(os.pathsep) == [
        "/a",
        "/b",
        root,
    ]
    assert python_process.environment({"PYTHONPATH": root})["PYTHONPATH"] == root


def test_an_empty_entry_is_not_taken_for_the_working_directory() -> None:
    found = python_process.environment({"PYTHONPATH": f"{os.pathsep}/a"})["PYTHONPATH"]
    assert found.split(os.pathsep)[0] == "/a"


def test_grpc_on_this_machine_goes_past_a_proxy_and_the_users_exceptions_stay() -> None:
    assert "no_grpc_proxy" not in python_process.environment({"HOME": "/root"})
    proxied = python_process.environment({"http_proxy": "http://127.0.0.1:9"})
    assert proxied["no_grpc_proxy"] == "localhost,127.0.0.1,::1"
    given = python_process.environment({"https_proxy": "http://p:9", "no_proxy": "data.example"})
    assert given["no_grpc_proxy"] == "data.example,localhost,127.0.0.1,::1"
    assert given["no_proxy"] == "data.example"
