"""Refuses combinations of options that cannot run on any device."""

from __future__ import annotations

from resnet_bench.config.config import Config
from resnet_bench.config.runtime_support import check_runtime
from resnet_bench.config.sources import alternatives, check_source, with_pipeline
from resnet_bench.errors import ConfigError


def check(config: Config) -> None:
    """Refuse combinations that cannot run on any device; `runtime/resolve.py` checks what depends on the device."""
    for rule in (_check_data, _check_step, _check_model, _check_measure, check_runtime):
        problem = rule(config)
        if problem is not None:
            raise problem


def _check_data(config: Config) -> ConfigError | None:
    data, mode = config.data, config.step.mode
    problem = check_source(data.source, data.data, "benchmark")
    if problem is not None:
        return problem
    if mode == "input" and not data.has_pipeline:
        return ConfigError(
            f"--mode input measures the pipeline, but --source {data.source} has none.",
            f"Choose --source {alternatives(with_pipeline())}.",
        )
    if data.cache == "images" and mode in ("train", "input"):
        return ConfigError(
            f"--cache images would repeat the same random crops in --mode {mode}.",
            "Use --cache records, or --mode eval or infer.",
        )
    return _check_data_service(config)


def _check_data_service(config: Config) -> ConfigError | None:
    data = config.data
    if data.data_service is None:
        return None
    if not data.has_pipeline:
        return ConfigError(
            f"--data-service {data.data_service} is given, but --source {data.source} has no pipeline.",
            f"Choose --source {alternatives(with_pipeline())}.",
        )
    if data.on_bad_record == "skip":
        return ConfigError(
            "--on-bad-record skip counts bad records in this process, but --data-service reads them in others.",
            "Leave one of them out; bench-cli data check finds bad records beforehand.",
        )
    if data.cache != "none":
        return ConfigError(
            f"--cache {data.cache} would tie each shard to the --data-service worker that read it first: fast workers "
            "would repeat theirs, and those of a lost worker would never be read again.",
            "Use --cache none.",
        )
    return None


def _check_step(config: Config) -> ConfigError | None:
    step = config.step
    if step.mixed_precision and step.precision in ("float32", "tf32"):
        return ConfigError(
            f"--mixed-precision contradicts --precision {step.precision}.",
            "Leave one of them out, or name --precision mixed_bfloat16 or mixed_float16.",
        )
    only = [
        (step.freeze, "--freeze", ("infer", "eval"), "freezes variables to constants"),
        (step.split, "--split", ("train",), "times forward, backward and optimizer separately"),
        (step.loop == "fit", "--loop fit", ("train",), "trains with Keras' model.fit"),
    ]
    for given, flag, modes, does in only:
        if given and step.mode not in modes:
            return ConfigError(f"{flag} {does}, which --mode {step.mode} does not do.", f"Use --mode {modes[0]}.")
    if step.split and step.loop == "fit":
        return ConfigError(
            "--split times the parts of the custom step, which --loop fit does not run.", "Use --loop custom."
        )
    return None


def _check_model(config: Config) -> ConfigError | None:
    model = config.model
    if model.data_format == "channels_first" and model.batch_norm == "fused":
        return ConfigError(
            "--batch-norm fused is a channels-last operation and cannot run with --data-format channels_first.",
            "Use --batch-norm keras.",
        )
    return None


def _check_measure(config: Config) -> ConfigError | None:
    if config.measure.roofline and config.step.mode == "input":
        return ConfigError(
            "--roofline compares a network with the machine's measured peaks, but --mode input builds none.",
            "Use --mode train, infer or eval.",
        )
    return None
