"""Campaign: our input pipeline against other people's, on the same files, the same crop and the same cores, in turns.

Each peer first meets itself with 1 to 4 workers, all in turns, and the fastest of these then meets us. What its
pixels differ from a reference decoder by is stored beside its speed, with its settings and every round, in
`benchmarks/results/`. The peers are an extra (`pip install '.[peers]'`); one that is missing is skipped and named.
`PEER_TURNS` and `PEER_PAIRS` make it shorter or longer.
"""

from __future__ import annotations

import os
import shlex
import statistics
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks.shards import write_yardstick
from resnet_bench.config.fields import Value
from resnet_bench.config.options import parse_args
from resnet_bench.experiments.paired import ab
from resnet_bench.experiments.paired.interleave import Interleaver, Repetition
from resnet_bench.pytest_plugin import CLOCK
from resnet_bench.records.ab import rate
from resnet_bench.records.base import Estimate
from resnet_bench.records.files import write_atomically
from resnet_bench.worker.process import WorkerProcess

pytestmark = [pytest.mark.campaign, pytest.mark.benchmark(timer=CLOCK)]
ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
TURNS, PAIRS = int(os.environ.get("PEER_TURNS", "12")), int(os.environ.get("PEER_PAIRS", "3"))
MOST_WORKERS = 4
BATCH = 64
PEERS = [
    ("dali", "nvidia.dali", 1.2),
    ("torch", "torch", 1.8),
    ("grain", "grain", None),
    ("opencv", "cv2", None),
]
"""Name, the module it needs, and how much faster than it we want to be (None: only measured)."""


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The yardstick's shards, the same for all."""
    return write_yardstick(tmp_path_factory.mktemp("yardstick"))


def installed(module: str) -> bool:
    """Whether a module could be imported."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def side(label: str, module: str, data: str, workers: int, size: int = 224, batch: int = BATCH) -> ab.Side:
    """A peer (or our own worker, `workers` left to it) over these shards. What can lie ready in its buffers is
    said with the pipeline's own option, so that a turn begins with them empty."""
    words = f"--mode input --source tfrecord --data '{data}' --batch-size {batch} --image-size {size}"
    if workers:
        words += f" --prefetch-buffer-size {2 * workers + 2} --no-map-and-batch-fusion"
    environment = {"PYTHONPATH": str(ROOT), "WORKERS": str(workers)}
    return ab.Side(label, parse_args(shlex.split(words))[0], partial(WorkerProcess, module, environment))


def best_workers(new_side: Callable[[int], ab.Side], turns: int) -> tuple[int, dict[int, float]]:
    """The number of workers that makes most images, and what each number made (images/s), all in turns."""
    sides = {f"{workers} workers": new_side(workers) for workers in range(1, MOST_WORKERS + 1)}
    game = Interleaver(sides, ab.Budget(turns=turns), _spread, equal_steps=False)
    game.run()
    rates = {workers: rate(game.done[0].rounds[f"{workers} workers"]) for workers in range(1, MOST_WORKERS + 1)}
    return max(rates, key=lambda workers: rates[workers]), rates


def _spread(done: Sequence[Repetition]) -> Estimate:
    rates = [rate(rounds) for rounds in done[-1].rounds.values()]
    return Estimate(value=max(rates) / statistics.median(rates))


def against(ours: ab.Side, peer: ab.Side, budget: ab.Budget) -> dict[str, Any]:
    """How much faster than the peer we are, in turns, with both sides' settings and pixels."""
    match = ab.AbRun(peer, ours, budget)
    match.run()
    facts = match.facts["b"]
    assert facts.resolved is not None
    options = msgspec.structs.replace(facts.resolved.data, data="yardstick/*.tfrecord")  # no folder of this machine's
    conditions = {"machine": facts.machine, "environment": facts.environment, "options": options}
    return {"result": match.result(), "peer": _settings(match, "a"), "ours": _settings(match, "b"), **conditions}


def _settings(match: ab.AbRun, name: str) -> dict[str, Value]:
    (found,) = (notice.facts for notice in match.facts[name].notices if notice.kind == "peer")  # type: ignore[index]
    return found


@pytest.mark.parametrize(("name", "module", "goal"), PEERS, ids=[peer[0] for peer in PEERS])
def test_input_against(benchmark: Any, shards: str, name: str, module: str, goal: float | None) -> None:
    """Our input pipeline against one peer at its best."""
    if not installed(module):
        pytest.skip(f"{module} is not installed: pip install '.[peers]'")
    peer = partial(side, name, f"benchmarks.peers.input_{name}", shards)
    workers, rates = best_workers(peer, max(4, TURNS // 2))
    ours = side("resnet_bench", "benchmarks.peers.input_ours", shards, 0)
    measured = against(ours, peer(workers), ab.Budget(turns=TURNS, pairs=PAIRS))
    ratio = measured["result"].ratio
    kept = {**measured, "goal": goal, "workers_tried": {str(tried): speed for tried, speed in rates.items()}}
    write_atomically(RESULTS / f"input_{name}.json", msgspec.json.format(msgspec.json.encode(kept), indent=1))
    benchmark.extra_info.update(ratio=ratio.value, goal=goal, workers=workers)
    benchmark.pedantic(lambda: CLOCK.advance(1 / ratio.value), rounds=1, iterations=1)
    met = "" if goal is None else f", goal {goal:g}x: {'met' if ratio.value >= goal else 'missed'}"
    away = [measured[each]["mean_absolute_difference"] for each in ("ours", "peer")]
    sys.stderr.write(
        f"\ninput against {measured['peer']['peer']} ({workers} workers): {ratio.value:.3f}x{met}; "
        f"pixels off the reference by {away[0]:.2f} (ours) and {away[1]:.2f} levels on average\n"
    )
