"""Notices about options, the time budget, memory, batch search, tuning and training."""

from __future__ import annotations

from resnet_bench.records.notices.kind import Kind

_OPTIONS = (
    Kind(
        "emulated_16bit",
        "emulated",
        "warning",
        "{device} has no {precision} instructions: they are emulated in float32, often several times slower.",
        "Use --precision float32 for the best speed of this machine.",
        {"precision": str, "device": str},
    ),
    Kind(
        "emulated_16bit_xla",
        "emulated by XLA",
        "warning",
        "XLA on a CPU may compute {precision} in float32, even if the CPU has 16-bit instructions.",
        "Compare with --no-xla.",
        {"precision": str},
    ),
    Kind(
        "keras_reference",
        "options",
        "info",
        "--runtime keras runs keras.applications.ResNet50 (v1, biases in convolutions, no label smoothing or weight "
        "decay) under TensorFlow's own settings of threads, oneDNN and layout. Its options are not checked.",
    ),
    Kind(
        "no_network",
        "options",
        "warning",
        "--mode input builds no network, so {options} had no effect.",
        facts={"options": str},
    ),
    Kind(
        "options_unused",
        "options",
        "warning",
        "{where} ignores {options}.",
        facts={"options": str, "where": str},
    ),
    Kind(
        "xla_train_cpu",
        "options",
        "info",
        "On most CPUs, training with XLA is 2 to 4 times slower than with oneDNN.",
        "Compare with --no-xla.",
    ),
    Kind(
        "channels_first_cpu",
        "options",
        "info",
        "On a CPU, channels_first is often several times slower than channels_last.",
        "Use --data-format channels_last.",
    ),
    Kind(
        "threads_exceed_cpus",
        "options",
        "warning",
        "{threads} threads share {cpus} usable cores.",
        "Use --threads {cpus}.",
        {"threads": int, "cpus": int},
    ),
    Kind(
        "onednn_from_environment",
        "options",
        "info",
        "{variable}={value} is set in the environment and is kept.",
        "Override it with --onednn on or --onednn off.",
        {"variable": str, "value": str},
    ),
    Kind(
        "environment_overridden",
        "options",
        "warning",
        "{variable} was {given} in the environment; {option} changed it to {used}.",
        facts={"variable": str, "given": str, "used": str, "option": str},
    ),
    Kind(
        "environment_removed",
        "options",
        "warning",
        "{variable}={value} in the environment is ignored: {why}.",
        facts={"variable": str, "value": str, "why": str},
    ),
    Kind(
        "environment_contradicts",
        "options",
        "invalidates",
        "{variable}={value} in the environment contradicts {option}: {effect}.",
        "Unset it, or measure what it does with {instead}.",
        {"variable": str, "value": str, "option": str, "effect": str, "instead": str},
    ),
    Kind(
        "environment_steers",
        "options",
        "warning",
        "Variables in the environment change how TensorFlow and its libraries compute: {variables}.",
        "Unset them, unless they are part of what is measured.",
        {"variables": str},
    ),
    Kind(
        "gpu_hidden",
        "GPU out of reach",
        "warning",
        "{variable}='{value}' hides this machine's GPU, so the CPU was used.",
        "Unset it to use the GPU.",
        {"variable": str, "value": str},
    ),
)

_MODELS = (
    Kind(
        "pixels_assumed",
        "model",
        "warning",
        "{model} does not say how its input pixels are scaled; {pixels} was assumed.",
        "Set --pixels if that is wrong.",
        {"model": str, "pixels": str},
    ),
    Kind(
        "trained_on_other_data",
        "model",
        "warning",
        "{model} was trained on other data, or on another split of this data ({source}): the test images may be among "
        "its training images.",
        "Use the --split-seed and --test-share of the training.",
        {"model": str, "source": str},
    ),
    Kind(
        "trained_once",
        "training",
        "degrades",
        "A training is a single process, so its images/s has no confidence interval.",
        "Measure speed with bench-cli run.",
    ),
    Kind(
        "no_epoch_finished",
        "training",
        "invalidates",
        "No epoch was completed, so there is no accuracy and no throughput.",
    ),
    Kind(
        "progress_not_shown",
        "training",
        "warning",
        "Progress could not be shown any more ({problem}); the training was not affected.",
        "",
        {"problem": str},
    ),
    Kind(
        "curves_not_drawn",
        "training",
        "warning",
        "The learning curves were not drawn because matplotlib is not installed.",
        "Install it: pip install 'resnet-bench[plots]'.",
    ),
)

_BUDGET = (
    Kind(
        "budget_cut_rounds",
        "budget",
        "degrades",
        "Only {ran} of {asked} rounds per process fit in the time budget.",
        "Increase --max-time.",
        {"ran": int, "asked": int},
    ),
    Kind(
        "budget_cut_processes",
        "budget",
        "degrades",
        "Only {ran} of {asked} processes fit in the time budget.",
        "Increase --max-time.",
        {"ran": int, "asked": int},
    ),
    Kind(
        "budget_cut_warmup",
        "budget",
        "degrades",
        "Only {ran} of {asked} warm-up steps fit in the time budget.",
        "Increase --max-time, or use a smaller --batch-size or --image-size.",
        {"ran": int, "asked": int},
    ),
    Kind(
        "budget_cut_end",
        "budget",
        "degrades",
        "The time budget ended in phase {phase}; rounds timed before that count, later phases are missing.",
        "Increase --max-time.",
        {"process": int, "phase": str | None},
    ),
    Kind(
        "budget_cut_pairs",
        "budget",
        "degrades",
        "Only {ran} of {asked} repetitions fit in the time budget.",
        "Increase --max-time for a narrower confidence interval.",
        {"ran": int, "asked": int},
    ),
    Kind(
        "sides_do_not_fit",
        "memory of sides",
        "warning",
        "The sides do not fit in memory together (one needs {needed_bytes:size}, {free_bytes:size} are free), so they "
        "run in alternating processes, which widens the confidence interval.",
        "Use a smaller --batch-size to interleave them.",
        {"needed_bytes": int, "free_bytes": int},
    ),
    Kind(
        "sides_ran_out_of_memory",
        "memory of sides",
        "warning",
        "Side {side} ran out of memory beside the others, so the sides run in alternating processes, which widens the "
        "confidence interval.",
        "Use a smaller --batch-size to interleave them.",
        {"side": str},
    ),
    Kind(
        "batch_found",
        "batch search",
        "info",
        "--batch-size max is {batch} (found in {tries} tries; {too_large} does not fit in device memory).",
        facts={"batch": int, "too_large": int | None, "tries": int},
    ),
    Kind(
        "batch_found_host",
        "batch search",
        "info",
        "--batch-size max is {batch} (found in {tries} tries; {too_large} would exceed {limit_bytes:size} of host "
        "memory, 90 % of what was available).",
        facts={"batch": int, "too_large": int | None, "tries": int, "limit_bytes": int | None},
    ),
    Kind(
        "batch_search_cut",
        "batch search",
        "warning",
        "The search for --batch-size max stopped at {batch} after {tries} tries, at half of the time budget (smallest "
        "batch that does not fit: {too_large}).",
        "Increase --max-time.",
        {"batch": int, "too_large": int | None, "tries": int},
    ),
)

_TUNING = (
    Kind(
        "tune_emulated_left_out",
        "tuning",
        "info",
        "Not tried, because {device} would emulate it: {precisions}.",
        "Include it with --emulated.",
        {"precisions": str, "device": str},
    ),
    Kind(
        "tune_search_cut",
        "tuning",
        "warning",
        "The search ran out of time after {tried} candidates ({cut} of them incomplete).",
        "Increase --max-time.",
        {"tried": int, "cut": int},
    ),
    Kind(
        "tune_gain_unclear",
        "tuning",
        "warning",
        "The confirmation run was too short to confirm the gain; it is supported by the search only.",
        "Increase --pairs and --max-time.",
    ),
    Kind(
        "tune_gain_unmeasured",
        "tuning",
        "warning",
        "There was no time left to measure the gain over TensorFlow's defaults.",
        "Increase --max-time.",
    ),
)

KINDS = (*_OPTIONS, *_MODELS, *_BUDGET, *_TUNING)
