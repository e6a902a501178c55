"""Campaign: does `ab` cry wolf on this machine, and does it find what is really there?

Ten A/A comparisons of inference at 64 pixels give the share of false alarms, a longer one how far pairs of
processes deviate; a slowdown of 3 %, made of matrix products inside the step and sized beforehand, must be
found within 5 minutes. Figures go to `benchmarks/results/`; nothing here fails for what a machine measures.
"""

from __future__ import annotations

import math
import shlex
import statistics
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from resnet_bench.config.options import parse_args
from resnet_bench.experiments.budget import TURN_SECONDS
from resnet_bench.experiments.paired import ab
from resnet_bench.pytest_plugin import CLOCK
from resnet_bench.records.files import write_atomically
from resnet_bench.worker.process import WorkerProcess

pytestmark = [pytest.mark.campaign, pytest.mark.benchmark(timer=CLOCK)]
ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
WORDS = "--mode infer --source synthetic --image-size 64 --batch-size 16"
SLOWDOWN, LIMIT_S = 0.03, 300.0
PILOT_PRODUCTS = 500
"""Enough to slow a step by tens of per cent, so that one product's share is known well."""


def side(label: str, words: str = WORDS) -> ab.Side:
    """A side of the product itself."""
    return ab.Side(label, parse_args(shlex.split(words))[0])


def side_with(products: int, words: str = WORDS) -> ab.Side:
    """A side whose step has that many matrix products in it."""
    new_worker = partial(WorkerProcess, "benchmarks.peers.slower", {"PYTHONPATH": str(ROOT), "PRODUCTS": str(products)})
    return ab.Side(f"{products} products", parse_args(shlex.split(words))[0], new_worker)


def compare_with_itself(comparisons: int, budget: ab.Budget, words: str = WORDS) -> dict[str, Any]:
    """That many A/A comparisons; `false_alarms` is the share that says faster or slower."""
    found = [ab.run_pairs(side("a", words), side("b", words), budget) for _ in range(comparisons)]
    alarms = sum(each.finding in ("faster", "slower") for each in found)
    return {"false_alarms": alarms / comparisons, "comparisons": found}


def find_slowdown(pilot: ab.Budget, budget: ab.Budget, words: str = WORDS) -> dict[str, Any]:
    """Size the extra work in turns, then look for it: what was found, and after how many seconds."""
    sized = ab.run_pairs(side_with(0, words), side_with(PILOT_PRODUCTS, words), pilot)
    products = round(PILOT_PRODUCTS * SLOWDOWN / (1 / sized.ratio.value - 1))
    start = time.monotonic()
    found = ab.run_pairs(side_with(0, words), side_with(products, words), budget)
    return {"slowdown": SLOWDOWN, "products": products, "seconds": time.monotonic() - start, "found": found}


def keep(name: str, measured: dict[str, Any]) -> None:
    """Save the figures with every turn: some thousands, so without spaces."""
    write_atomically(RESULTS / f"{name}.json", msgspec.json.encode(measured))


def test_false_positives(benchmark: Any) -> None:
    """Ten comparisons of a configuration with itself, five short pairs each."""
    measured = compare_with_itself(10, ab.Budget(turns=60, pairs=5, turn_s=TURN_SECONDS))
    keep("trust_false_alarms", measured)
    benchmark.extra_info["false_alarms"] = measured["false_alarms"]
    benchmark.pedantic(lambda: CLOCK.advance(1.0), rounds=1, iterations=1)
    ratios = ", ".join(f"{each.ratio.value:.3f} {each.finding}" for each in measured["comparisons"])
    sys.stderr.write(f"\nfalse alarms: {measured['false_alarms']:.0%} of 10 A/A comparisons ({ratios})\n")


def test_how_far_long_pairs_deviate(benchmark: Any) -> None:
    """Pairs of processes that take 180 steps each in turns of one step, of a configuration with itself."""
    found = ab.run_pairs(side("a"), side("b"), ab.Budget(turns=180, pairs=6, steps=1))
    pair_sd = statistics.stdev(math.log(pair.ratio) for pair in found.pairs)
    keep("trust_long_pairs", {"pair_sd": pair_sd, "found": found})
    benchmark.extra_info["pair_sd"] = pair_sd
    benchmark.pedantic(lambda: CLOCK.advance(1.0), rounds=1, iterations=1)
    ratios = ", ".join(f"{pair.ratio:.3f}" for pair in found.pairs)
    sys.stderr.write(f"\nstandard deviation of a pair of 180 turns: {pair_sd:.1%} ({ratios})\n")


def test_a_slowdown_of_three_percent(benchmark: Any) -> None:
    """Extra work of 3 % of a step, looked for until the interval is narrow or 5 minutes are over."""
    budget = ab.Budget(turns=90, pairs=50, precision_target=SLOWDOWN / 2, max_time_s=LIMIT_S, turn_s=TURN_SECONDS)
    measured = find_slowdown(ab.Budget(turns=60, pairs=2, turn_s=TURN_SECONDS), budget)
    keep("trust_slowdown", measured)
    found = measured["found"]
    benchmark.extra_info.update(finding=found.finding, seconds=measured["seconds"])
    benchmark.pedantic(lambda: CLOCK.advance(1.0), rounds=1, iterations=1)
    sys.stderr.write(
        f"\na slowdown of 3 %: {found.finding}, ratio {found.ratio.value:.3f} ({found.ratio.low} to "
        f"{found.ratio.high}) after {len(found.pairs)} pairs and {measured['seconds']:.0f} s\n"
    )
