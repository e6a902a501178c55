"""Option checks of the network: batch norm, convolutions, layout, frozen variables, training. Pure."""

from __future__ import annotations

from resnet_bench.config.fields import Value
from resnet_bench.evidence.check_input import FIT_HIDES, NOT_RUN_IN_PASS, Check, CheckInput, truth
from resnet_bench.records.evidence import CheckResult, Compiled, OptionCheck

LAYOUTS = {"channels_last": "NHWC", "channels_first": "NCHW"}
CONVOLUTIONS_PER_CHANGE = 10
"""Converting to another layout and back takes a few transposes; up to one per this many convolutions is accepted."""

NOT_RUN = "no process got as far as its timed rounds"


def checks(case: CheckInput) -> list[OptionCheck]:
    """Batch norm, convolutions, layout, freezing and training."""
    found = [_batch_norm(case), _convolutions(case), _data_format(case), _layout_changes(case)]
    if case.config.step.freeze:
        found.append(_freeze(case))
    return [*found, _training(case)] if case.config.step.mode == "train" else found


BATCH_NORM = Check("batch_norm", "batch norm", options=("batch_norm",))


def _batch_norm(case: CheckInput) -> OptionCheck:
    requested = case.config.model.batch_norm
    forms, source = _forms(case)
    if source is None or case.model is None:
        return case.check(BATCH_NORM, requested=requested, why=NOT_RUN_IN_PASS)
    found = {name: number for name, number in forms.items() if number}
    wanted, separate = case.model.batch_norms, forms["separate"]
    fused = sum(forms.values()) - separate
    # Keras' batch norm with constant statistics can be constant-folded away: it must only not be fused.
    right = (fused == wanted and separate == 0) if requested == "fused" else fused == 0
    facts: dict[str, Value] = {"model": wanted, **found}
    words = ", ".join(f"{number} {name}" for name, number in found.items()) or "none"
    return case.check(BATCH_NORM, requested=requested, observed=words, source=source, holds=truth(right), facts=facts)


def _forms(case: CheckInput) -> tuple[dict[str, int], str | None]:
    """The number of batch norms by form, and where that was observed."""
    traced, executed, compiled = case.seen.traced, case.seen.executed, case.seen.compiled
    none = dict.fromkeys(("fused", "fused with activation", "folded into a convolution", "compiled by XLA"), 0)
    if compiled is not None:
        forms = {**none, "compiled by XLA": compiled.norms_before, "separate": compiled.separate_norms_before}
        if traced is not None:
            forms["folded into a convolution"] = traced.folded_norms
        return forms, compiled.source
    if executed is None or case.config.step.xla:
        return {**none, "separate": 0}, None
    folded = executed.folded_norms
    if case.config.step.freeze and traced is not None:
        folded = max(folded, traced.folded_norms)
    forms = {
        **none,
        "fused": executed.fused_norms,
        "fused with activation": executed.activated_norms,
        "folded into a convolution": folded,
        "separate": executed.separate_norms,
    }
    return forms, executed.source


CONVOLUTIONS = Check("convolutions", "convolutions executed", unconditional=True)


def _convolutions(case: CheckInput) -> OptionCheck:
    """All of the model's convolutions ran, each once."""
    model, executed, compiled = case.model, case.seen.executed, case.seen.compiled
    if model is None or (executed is None and compiled is None):
        return case.check(CONVOLUTIONS, requested=None if model is None else model.convolutions, why=NOT_RUN_IN_PASS)
    train = case.config.step.mode == "train"
    if compiled is not None:
        return _compiled_convolutions(case, compiled, model.convolutions)
    assert executed is not None
    ran, gradients = sum(executed.convolutions.values()), sum(executed.gradients.values())
    right = ran == model.convolutions and (not train or gradients == 2 * model.convolutions - 1)
    facts: dict[str, Value] = {"gradients": gradients} if train else {}
    if case.seen.onednn is not None and case.seen.onednn.steps:
        facts["onednn_per_step"] = sum(case.seen.onednn.convolutions.values()) // case.seen.onednn.steps
    return case.check(
        CONVOLUTIONS,
        requested=model.convolutions,
        observed=ran,
        source=executed.source,
        holds=truth(right),
        facts=facts,
    )


def _compiled_convolutions(case: CheckInput, compiled: Compiled, convolutions: int) -> OptionCheck:
    """XLA turns 1x1 convolutions into matrix products, among which the classifier's are. In training each has two
    gradients, but the first convolution none of its input."""
    wanted = (3 * convolutions - 1 + 3) if case.config.step.mode == "train" else convolutions + 1
    convolving, products = sum(compiled.convolutions.values()), sum(compiled.dots.values())
    facts: dict[str, Value] = {
        "convolutions": convolving,
        "products": products,
        "before_optimisation": compiled.convolutions_before,
    }
    return case.check(
        CONVOLUTIONS,
        requested=wanted,
        observed=convolving + products,
        source=compiled.source,
        holds=truth(convolving + products >= wanted),
        facts=facts,
    )


DATA_FORMAT = Check("data_format", "data format", options=("data_format",))


def _data_format(case: CheckInput) -> OptionCheck:
    requested = LAYOUTS[case.config.model.data_format]
    traced = case.seen.traced or case.seen.executed
    if traced is None or not traced.data_formats:
        why = FIT_HIDES if case.config.step.loop == "fit" else NOT_RUN
        return case.check(DATA_FORMAT, requested=requested, why=why)
    found = " and ".join(sorted(traced.data_formats))
    executed = case.seen.executed
    facts: dict[str, Value] = {}
    if executed is not None and executed.data_formats:
        facts["executed"] = " and ".join(sorted(executed.data_formats))
    return case.check(
        DATA_FORMAT,
        requested=requested,
        observed=found,
        source=traced.source,
        holds=truth(found == requested),
        facts=facts,
    )


LAYOUT_CHANGES = Check("layout_changes", "layout changes in a step")


def _layout_changes(case: CheckInput) -> OptionCheck:
    executed, compiled, log = case.seen.executed, case.seen.compiled, case.seen.onednn
    # channels_first transposes the network's input once, as requested.
    allowed = 1 if case.config.model.data_format == "channels_first" else 0
    if executed is None and compiled is None:
        return case.check(LAYOUT_CHANGES, requested=allowed, why=NOT_RUN_IN_PASS)
    found = compiled.layout_changes if compiled is not None else executed.transposes if executed is not None else 0
    convolutions = case.model.convolutions if case.model is not None else 0
    facts: dict[str, Value] = {}
    if compiled is None and log is not None and log.steps and log.total_s:
        facts["reorder_s_per_step"] = log.reorder_s / log.steps
        facts["reorder_share"] = log.reorder_s / log.total_s
    source = compiled.source if compiled is not None else executed.source if executed is not None else None
    return case.check(
        LAYOUT_CHANGES,
        requested=allowed,
        observed=found,
        source=source,
        holds=truth(found <= max(allowed, convolutions // CONVOLUTIONS_PER_CHANGE)),
        facts=facts,
    )


FREEZE = Check("freeze", "variables frozen", options=("freeze",))


def _freeze(case: CheckInput) -> OptionCheck:
    looked = case.seen.executed or case.seen.traced
    if looked is None:
        return case.check(FREEZE, requested=True, why=NOT_RUN_IN_PASS)
    facts: dict[str, Value] = {"variable_reads": looked.variable_reads}
    frozen = looked.variable_reads == 0
    return case.check(FREEZE, requested=True, observed=frozen, source=looked.source, holds=truth(frozen), facts=facts)


TRAINING = Check("training", "training changes all variables", options=("mode",), unconditional=True)


def _training(case: CheckInput) -> OptionCheck:
    changes = case.seen.changes
    if changes is None:
        return case.check(TRAINING, requested="all change", why=NOT_RUN_IN_PASS)
    source = f"the variables before and after {changes.steps} untimed steps"
    if changes.skipped is not None and changes.skipped >= changes.steps:
        why = f"loss scaling skipped all {changes.steps} steps that were checked"
        return case.check(TRAINING, requested="all change", source=source, why=why)
    all_changed = changes.trainable_changed == changes.trainable and changes.statistics_changed == changes.statistics
    holds: CheckResult = truth(all_changed and changes.finite is not False)
    facts: dict[str, Value] = {"unchanged": ", ".join(changes.unchanged)} if changes.unchanged else {}
    facts["loss_finite"] = changes.finite
    return case.check(
        TRAINING,
        requested="all change",
        observed=f"{changes.trainable_changed} of {changes.trainable} variables and {changes.statistics_changed} of "
        f"{changes.statistics} statistics changed",
        source=source,
        holds=holds,
        facts=facts,
    )
