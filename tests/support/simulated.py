"""Timings of machines that do not exist, for the proofs that comparisons hold what they promise.

One block takes base x drift x process x noise x outlier, all multiplicative, so that what is added is known:

- drift: what the machine does to both sides alike: a random walk of `DRIFT` a turn on the logarithm, and a
  swing of `SWING` with a random phase and a period of 10 to 60 turns;
- process: what a process has from birth (memory layout, thread placement), lognormal, fixed for its life;
- noise: AR(1) on the logarithm with coefficient `AUTOCORRELATION` and marginal deviation `NOISE`;
- outliers: `OUTLIERS` of the blocks take 1.2 to 3 times as long.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.signal import lfilter

from resnet_bench.records.ab import PairSamples
from resnet_bench.records.run import Round

DRIFT, SWING, NOISE, AUTOCORRELATION, OUTLIERS = 0.01, 0.05, 0.02, 0.5, 0.03
IMAGES, STEPS, BLOCK_S = 160, 10, 0.5

DEVELOPMENT_SEEDS = range(100, 120)
"""What the parameters of the statistics were tried on; the tests take others."""

TEST_SEEDS = range(2026112200, 2026112220)


def drift(random: np.random.Generator, blocks: int) -> Any:
    """The machine's own factor for each block, [blocks]."""
    period = random.uniform(10, 60)
    swing = SWING * np.sin(2 * np.pi * (np.arange(blocks) / period + random.uniform()))
    return np.exp(np.cumsum(random.normal(0, DRIFT, blocks)) + swing)


def noise(random: np.random.Generator, blocks: int) -> Any:
    """One process' own factor for each block, [blocks]."""
    shocks = random.normal(0, NOISE * np.sqrt(1 - AUTOCORRELATION**2), blocks)
    shocks[0] = random.normal(0, NOISE)
    logs = lfilter([1.0], [1.0, -AUTOCORRELATION], shocks)
    hit = random.uniform(size=blocks) < OUTLIERS
    return np.exp(logs) * np.where(hit, random.uniform(1.2, 3, blocks), 1)


def rounds(seconds: Any) -> tuple[Round, ...]:
    """Blocks of ten steps of 16 images."""
    return tuple(Round(steps=STEPS, images=IMAGES, wall_s=float(s), dispatch_s=None) for s in seconds)


def pair(random: np.random.Generator, turns: int, process_sd: float, slowdown: float = 0.0) -> PairSamples:
    """One pair of processes that took turns in ABBA order; side b takes `slowdown` more time."""
    machine = drift(random, 2 * turns).reshape(turns, 2)
    first = np.arange(turns) % 2  # the position of side a in each turn
    a = machine[np.arange(turns), first] * noise(random, turns) * np.exp(random.normal(0, process_sd))
    b = machine[np.arange(turns), 1 - first] * noise(random, turns) * np.exp(random.normal(0, process_sd))
    return PairSamples(a=rounds(BLOCK_S * a), b=rounds(BLOCK_S * b * (1 + slowdown)))


def process(random: np.random.Generator, blocks: int, process_sd: float, slowdown: float = 0.0) -> tuple[Round, ...]:
    """The rounds of one process that ran alone."""
    effect = np.exp(random.normal(0, process_sd)) * (1 + slowdown)
    return rounds(BLOCK_S * drift(random, blocks) * noise(random, blocks) * effect)
