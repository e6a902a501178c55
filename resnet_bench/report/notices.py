"""The words for every notice: what happened and what to try. The only place where they are written.

A notice's facts fill the braces; `{name:unit}` formats with `units.py`.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

from resnet_bench import units
from resnet_bench.records.base import Notice

SENTENCES: dict[str, str] = {
    # What to expect
    "emulated_16bit": "This device ({device}) has no instructions for {precision}: it is emulated in float32, often "
    "several times slower. Measure float32 for this machine's best speed.",
    "emulated_16bit_xla": "XLA on a CPU may compute {precision} in float32 even where the CPU has 16-bit instructions. "
    "Compare with --no-xla.",
    "no_network": "--mode input builds no network, so {options} changed nothing.",
    "options_unused": "{options} made no difference to {where}.",
    "xla_train_cpu": "XLA trains 2 to 4 times slower than oneDNN on most CPUs. Compare with --no-xla.",
    "channels_first_cpu": "CPUs run convolutions in channels_last; channels_first is often several times slower. "
    "Use --data-format channels_last.",
    "threads_exceed_cpus": "{threads} threads share {cpus} usable cores. Use --threads {cpus}.",
    "pixels_assumed": "{model} does not say how it reads pixels; {pixels} was assumed. Name it with --pixels if that "
    "is wrong.",
    "trained_on_other_data": "{model} was trained on other data, or on another split of it ({source}): these images "
    "may be among those that it learned from. Use the same --split-seed and --test-share.",
    # What a training says
    "nothing_to_resume": "{folder} holds no checkpoint, so the training begins at its first step.",
    "trained_once": "One process trained, so its images/s has no interval. Measure speed with bench-cli run.",
    "no_epoch_finished": "No epoch was finished, so there is neither accuracy nor throughput.",
    "curves_not_drawn": "The learning curves were not drawn: matplotlib is missing. Use: pip install "
    "'resnet-bench[plots]'.",
    # What was cut
    "budget_cut_rounds": "The time budget allowed {ran} of {asked} rounds per process. Raise --max-time for all of "
    "them.",
    "budget_cut_processes": "The time budget allowed {ran} of {asked} processes. Raise --max-time for all of them.",
    "budget_cut_warmup": "The time budget allowed {ran} of {asked} warm-up steps. Raise --max-time, or make the work "
    "smaller.",
    "budget_cut_end": "The time budget ended in phase {phase}: what was timed before counts, the rest is missing. "
    "Raise --max-time.",
    "budget_cut_pairs": "The time budget allowed {ran} of {asked} sets of processes. Raise --max-time for a narrower "
    "interval.",
    "sides_do_not_fit": "The sides do not fit in memory at once (a side needs {needed_bytes:size}, "
    "{free_bytes:size} is free), so whole processes alternate: expect a wider interval. Use a smaller "
    "--batch-size to let them take turns.",
    "sides_ran_out_of_memory": "Side {side} ran out of memory while the others lived, so whole processes alternate: "
    "expect a wider interval. Use a smaller --batch-size to let them take turns.",
    # How a verdict is to be read
    "interval_wide": "The {processes} processes came apart: the interval reaches {resolution:share} to either side, so "
    "only larger differences show. Raise --processes to narrow it; bench-cli ab finds small differences.",
    "interval_below_noise": "The interval reaches {resolution:share} to either side, but on this machine identical "
    "configurations came out {floor:share} apart (bench-cli noise). Believe no smaller difference between records; "
    "bench-cli ab takes turns instead.",
    # What a search for the fastest configuration left out
    "tune_emulated_left_out": "Not tried, because this device ({device}) would only emulate it: {precisions}. "
    "--emulated tries it too.",
    "tune_search_cut": "The search had too little time: challengers tried {tried}, cut short {cut}. Raise --max-time.",
    "tune_gain_unclear": "The last match was too short to confirm the gain, which rests on the race alone. Raise "
    "--pairs and --max-time.",
    "tune_gain_unmeasured": "No time was left to measure the gain over TensorFlow's defaults. Raise --max-time.",
    # How --batch-size max was settled
    "batch_found": "--batch-size max is {batch}: found by {tries} tries, and {too_large} does not fit into the "
    "device's memory.",
    "batch_found_host": "--batch-size max is {batch}: found by {tries} tries; {too_large} would take more than "
    "{limit_bytes:size} of host memory, which is what was available less a tenth.",
    "batch_search_cut": "--batch-size max stopped at {batch} after {tries} tries, when half of the time budget was "
    "over (smallest that does not fit: {too_large}). Raise --max-time for the largest.",
    # Why not valid
    "did_not_finish": "The run did not finish: {outcome}, in phase {phase}.",
    "nothing_timed": "No round was timed, so there is no throughput.",
    "loss_not_finite": "The result was not finite in process {process}: the arithmetic ran on infinities or NaN. In "
    "training lower --learning-rate; else use another --precision.",
    "few_processes": "{processes} of the {needed} processes that an interval needs. Use --preset standard, or "
    "--processes {needed} and a larger --max-time.",
    "few_rounds": "{rounds} timed rounds per process where {needed} are needed to tell a steady state. Raise "
    "--max-time or --rounds.",
    "few_steady_rounds": "Only {rounds} of {timed} timed rounds came after the warm-up, where {needed} are needed. "
    "Raise --rounds, and --max-time with it.",
    "still_drifting": "{processes} of {of} processes were still getting faster when the timed window ended. Raise "
    "--warmup or --rounds, and --max-time with it.",
    "slowing_down": "{processes} of {of} processes got slower during the timed window. Look for heat, power limits or "
    "another program; measure longer (--rounds) to see where it ends.",
    "bimodal": "{processes} of {of} processes switched between two speeds. Look for another program, changing clocks "
    "or a pipeline that stalls (--mode input); a mean of two speeds is neither of them.",
    "warmup_counted": "{processes} of {of} processes were still warming up in the timed window, and --warmup made all "
    "of it count. Raise --warmup, or leave it at auto, which leaves such rounds out.",
    "other_load": "Other programs used {share:share} of the processors in the timed window; up to {limit:share} is "
    "tolerated. Stop them, or run again when the machine is quiet.",
    "cpu_steal": "The hypervisor took {share:share} of the processors in the timed window; up to {limit:share} is "
    "tolerated. Run again at a quieter time, or on a machine that is not shared.",
    "cgroup_throttled": "The control group's CPU quota held the worker for {share:share} of the timed window. Raise "
    "the quota, or use fewer --threads.",
    "often_preempted": "The worker was put aside {per_s} times per second and core in the timed window, more often "
    "than its own threads do that. Stop other programs, or use fewer --threads.",
    "gpu_throttled": "The GPU lowered its clocks to protect itself ({causes}). Improve its cooling or power supply, "
    "let it cool down, and run again.",
    "gpu_clock_moved": "The GPU's clock moved between {low_mhz} and {high_mhz} MHz in the timed window. Fix it "
    "(nvidia-smi --lock-gpu-clocks), or warm up longer (--warmup).",
    "gpu_shared": "Other processes computed on the GPU ({processes}). Stop them, or use another --device gpu:N.",
    "not_resnet50": "The network is not ResNet-50 (stages {stage_sizes}, width {width}); its speed says nothing about "
    "ResNet-50.",
    "onednn_from_environment": "{variable}={value} was already set in the environment and is kept. --onednn on or off "
    "overrides it.",
    "environment_overridden": "{variable} was {given} in the environment; {option} made it {used}.",
    "gpu_hidden": "{variable}='{value}' hides this machine's GPU, so the CPU was used. Unset it to use the GPU.",
    # What holds a step back
    "ceilings_not_reached": "End to end reaches {efficiency:share} of what model and pipeline allow together: they get "
    "in each other's way. Try a larger --prefetch-buffer-size, fewer --private-threadpool-size, or --data-service.",
    "bound_exceeded": "End to end reaches {efficiency:share} of the bound, so a ceiling was measured too low: alone, "
    "model or pipeline leaves cores idle that both together use, or other programs disturbed it. Run again when the "
    "machine is quiet.",
    "pipeline_leaves_cores": "The pipeline alone keeps {busy} of {usable} cores busy, so more cores would not make it "
    "faster. Look for the stage that waits (bench-cli data bench), for storage, or raise --num-parallel-calls and "
    "--cycle-length.",
    # What the cache's budget made of --cache
    "cache_over_budget": "--cache {cache} would take {needed_bytes:size}, more than its budget of "
    "{budget_bytes:size}, so nothing is cached and every epoch reads the data anew. Raise --cache-budget if there is "
    "memory.",
    "cache_over_budget_in_all": "--cache {cache} would take {needed_bytes:size} in up to {of} pipelines that are "
    "compared, more than the budget of {budget_bytes:size}, so none caches and every epoch reads the data anew. Raise "
    "--cache-budget if there is memory.",
    "cache_size_unknown": "How much --cache {cache} would take is not known (nobody counted the records), so nothing "
    "is cached and every epoch reads the data anew. Use --cache records.",
    # What a tf.data service went through
    "data_service_worker_lost": "tf.data service worker {worker} was lost ({cause}); {then}. What it had read of its "
    "shards is missing from that pass, and the speed is not that of all workers. Run again.",
    "data_service_runs_on": "The tf.data service at {address} is not stopped with its reader: where sides take turns, "
    "its workers may read ahead meanwhile. Compare with --data-service local:N instead.",
    "few_shards": "{shards} shards are too few to keep {workers} tf.data service workers busy: each shard is read by "
    "one worker at a time. Write more shards, or use fewer workers.",
    # What the doctor finds
    "gpu_unusable": "{message} {remedy}",
    "gpu_unused": "This machine has {gpus} NVIDIA GPU(s) that this run leaves alone. Use --device gpu.",
    "onednn_off": "oneDNN is off on a CPU with AVX2, where it often trains several times faster. Use --onednn on.",
    "cpu_quota": "The control group allows {quota} of {cpus} cores: more threads than that are throttled.",
    "governor": "The CPU governor is {governor}. Set {wanted} (cpupower frequency-set -g {wanted}) for steady clocks.",
    "virtual_machine": "This is a virtual machine: neighbours may take its CPU time. Repeat over several processes "
    "(--preset standard), and compare configurations in turns.",
    "no_native_16bit": "{device} computes no 16-bit type natively with the kernels in use: mixed precision is emulated "
    "(a bfloat16 product ran at {bfloat16_over_float32} times float32's rate). Measure float32.",
    "persistence_mode_off": "Persistence mode is off on GPU {gpu}. nvidia-smi -pm 1 saves its start-up time.",
    "mig_on": "GPU {gpu} ({name}) is in MIG mode: a run may use a slice of it.",
    "power_limited": "GPU {gpu} is limited to {limit_w} W of {default_w} W. nvidia-smi -pl raises it.",
    "gpus_idle": "{idle} more GPU(s) stay idle beside {used}. Choose one with --device gpu:N.",
    "library_mismatch": "TensorFlow was built for {library} {built}, but {loaded} is loaded. Install the gpu extra for "
    "the supported one.",
    "profiler_missing": "Not installed: {packages}. Profiles need them: pip install 'resnet-bench[profile]'.",
    "perf_events_restricted": "perf_event_paranoid is {paranoid}, which keeps CPU counters for administrators. "
    "Set it to 2 (sysctl kernel.perf_event_paranoid=2).",
    "gpu_counters_restricted": "GPU counters are for administrators only. Load the driver with "
    "NVreg_RestrictProfilingToAdminUsers=0, or profile as root.",
    "cupti_missing": "CUPTI is missing, so GPU kernels cannot be traced. Install 'resnet-bench[gpu]'.",
    # What the input pipeline does
    "pixels_approximate": "--dct-method INTEGER_FAST and --no-fancy-upscaling change the images a little; bench-cli "
    "data bench with the same options says by how much.",
    "pixels_changed": "--dct-method INTEGER_FAST and --no-fancy-upscaling change the images: by {difference} of 255 "
    "levels per pixel on average here, for those that are on.",
    "one_worker": "All turns were taken in one process, and another may differ by more than the intervals say. Compare "
    "whole pipelines with bench-cli ab and --mode input.",
    "pipeline_bottleneck": "Stage {stage} costs most: {share:share} of the time per image (gain if it were free: "
    "{gain}x).",
    "pipeline_cores_busy": "The processor limits: of {cores} cores the pipeline keeps {busy:.2f} busy and other "
    "programs {others:.2f}. Stage {stage} costs most, {share:share} of the time per image (gain if it were free: "
    "{gain}x). One core more would make it up to {one_more:.2f} times as fast; --data-service adds those of other "
    "hosts.",
    "pipeline_cores_idle": "The pipeline waits: of {cores} cores it keeps {busy:.2f} busy and other programs "
    "{others:.2f}. Stage {stage} costs most, {share:share} of the time per image. Try a larger --num-parallel-calls, "
    "--cycle-length or --prefetch-buffer-size: with every free core at work it would be {room:.2f} times as fast.",
    "page_cache_unknown": "How much of the data lies in the page cache cannot be told here (another user's files, or "
    "no mincore), so no epoch is called cold or warm.",
    "page_cache_not_evicted": "{share:share} of the data stayed in the page cache though it was told to drop it, so "
    "the first epoch does not show the disk.",
    "epoch_cut": "The time ended epoch {epoch} (up to {until}) after {images} of {of} images. Raise --max-time.",
    "ablation_without_rewrites": "--inject-prefetch, --map-parallelization and --map-and-batch-fusion were off while "
    "options were changed in turn: they would put back what was taken away.",
    "memory_grows": "The worker's memory grew by {growth_bytes:size} over {images} images. Look at --cache and "
    "--shuffle-buffer-size; a longer run (--epochs) shows whether it goes on.",
    # What happened to a profile
    "profile_cut": "The profile stopped after {limit_s} s with {steps} of {asked_steps} steps.",
    "profile_shortened": "A traced call takes {call_bytes:size}, so {steps} of {asked_steps} steps were traced to stay "
    "below {limit_bytes:size}.",
    "profile_without_steps": "The trace holds no step marker, so nothing is known of its steps' time.",
    "profile_unread": "The trace was saved, but could not be summed up: {reason}",
    "profile_large": "The trace has {bytes:size}; viewers struggle above {limit_bytes:size}.",
    "profile_host_only": "The GPU's own activity is not in this profile ({reason}). Allow profiling counters to all "
    "users, or run with SYS_ADMIN.",
    "roofline_cut": "The roofs were not measured: {left_s:duration} were left of the {needed_s:duration} that it "
    "takes. Raise --max-time.",
    "roofs_too_low": "The roofs do not hold: MFU is {mfu:share}, and a step took {step_s:duration} where they allow "
    "{limit_s:duration}. The machine was busier while they were measured; run again when it is quiet.",
    "roofline_failed": "The roofs were not measured: {message}",
    # What a report says beside the numbers
    "bottleneck_stage": "The input pipeline's stage {stage} costs most.",
    "bottleneck_part": "A profiled step is mostly {part}: {share:share} of it, {seconds:duration}.",
    "bottleneck_group": "{group}: {gain_s:duration} of a step lie above what the measured roofs allow.",
    "bottleneck_part_and_wait": "A profiled step is mostly {part}: {share:share} of it, {seconds:duration}; waiting "
    "for input takes {waiting:share}.",
    "bottleneck_unknown": "Nothing in the record tells. Run with --profile, or find out whether the input holds the "
    "model back: {command}",
    "bottleneck_of_synthetic": "Synthetic data has no input pipeline, so the step itself is the limit. Run with "
    "--profile to see what it is made of.",
    "bottleneck_of_input": "The input pipeline is all that ran. bench-cli data bench shows which of its stages costs "
    "most.",
    "bottleneck_other_options": "That was measured with other options: {options}.",
    "gains_need_profile": "Where the time goes is not known without a profile: run with --profile as well for the "
    "most promising places to gain.",
    "published_elsewhere": "What others have published for this network and mode, on other hardware, software and "
    "data. It is not comparable like for like, and nothing else in this report rests on it.",
    # What evidence found
    "option_without_effect": "What was asked for did not take effect: {claim} was to be {requested}, and {source} "
    "shows {observed}. The number belongs to another configuration.",
    "promise_broken": "{claim} was to be {requested}, but {source} shows {observed}.",
    "evidence_cut": "The untimed pass for {what} did not fit: it needs about {needed_s:duration}, {left_s:duration} "
    "of --max-time were left. Raise it, keep time with --evidence full, or leave the pass out with --evidence off.",
    "evidence_failed": "The untimed pass for evidence ended in phase {phase}: {message}",
    "evidence_interrupted": "The untimed pass for evidence was interrupted; what was timed before it stands.",
    "evidence_unreadable": "{what} could not be read, so what depends on it is unobserved ({error}).",
    "xla_compilation_unseen": "XLA was asked for, but its log shows no compilation, so the compile time is unknown.",
}

_FORMATS = {
    "rate": units.rate,
    "duration": units.duration,
    "size": units.size,
    "share": units.share,
    "count": units.count,
}


class _Formatter(string.Formatter):
    """`str.format` whose format specs may be the names of units; unknown facts read "unknown"."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if value is None:
            return "unknown"
        if format_spec in _FORMATS:
            return _FORMATS[format_spec](value)
        if isinstance(value, float) and not format_spec:
            return f"{value:.3g}"
        return str(super().format_field(value, format_spec))

    def get_value(self, key: int | str, args: Any, kwargs: Mapping[str, Any]) -> Any:
        return kwargs.get(str(key)) if isinstance(key, str) else super().get_value(key, args, kwargs)


def sentence(notice: Notice) -> str:
    """The notice in words; one of an unknown kind (an older or newer record's) shows its data."""
    words = SENTENCES.get(notice.kind)
    if words is None:
        return f"{notice.kind}: {', '.join(f'{key} {value}' for key, value in notice.facts.items())}".rstrip(": ")
    return _Formatter().format(words, **notice.facts)
