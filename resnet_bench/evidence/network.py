"""Claims about the network: batch norms, convolutions, layout, frozen variables, what training changed. Pure."""

from __future__ import annotations

from resnet_bench.config.fields import Value
from resnet_bench.evidence.case import FIT_HIDES, NOT_LOOKED_AT, CheckInput, truth
from resnet_bench.records.evidence import CheckResult, Compiled, OptionCheck

LAYOUTS = {"channels_last": "NHWC", "channels_first": "NCHW"}
CONVOLUTIONS_PER_CHANGE = 10
"""Entering and leaving another layout takes a few transposes; one per so many convolutions passes for that."""

NOT_RUN = "no process got as far as its timed rounds"


def claims(case: CheckInput) -> list[OptionCheck]:
    """Batch norm, convolutions, layout, freezing and training."""
    found = [_batch_norm(case), _convolutions(case), _data_format(case), _layout_changes(case)]
    if case.config.step.freeze:
        found.append(_freeze(case))
    return [*found, _training(case)] if case.config.step.mode == "train" else found


def _batch_norm(case: CheckInput) -> OptionCheck:
    options, requested = ("batch_norm",), case.config.model.batch_norm
    forms, source = _forms(case)
    if source is None or case.model is None:
        return case.claim("batch_norm", options, requested=requested, why=NOT_LOOKED_AT)
    found = {name: number for name, number in forms.items() if number}
    wanted, separate = case.model.batch_norms, forms["separate"]
    fused = sum(forms.values()) - separate
    # Keras' batch norm with constant statistics is arithmetic that folding may dissolve: it need only not be fused.
    right = (fused == wanted and separate == 0) if requested == "fused" else fused == 0
    facts: dict[str, Value] = {"model": wanted, **found}
    words = ", ".join(f"{number} {name}" for name, number in found.items()) or "none"
    return case.claim(
        "batch_norm", options, requested=requested, observed=words, source=source, holds=truth(right), facts=facts
    )


def _forms(case: CheckInput) -> tuple[dict[str, int], str | None]:
    """How many batch norms ended in which form, and where that was seen."""
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


def _convolutions(case: CheckInput) -> OptionCheck:
    """All of the model's convolutions ran: none was folded away, none twice."""
    model, executed, compiled = case.model, case.seen.executed, case.seen.compiled
    if model is None or (executed is None and compiled is None):
        return case.claim(
            "convolutions", (), requested=None if model is None else model.convolutions, why=NOT_LOOKED_AT
        )
    train = case.config.step.mode == "train"
    if compiled is not None:
        return _compiled_convolutions(case, compiled, model.convolutions)
    assert executed is not None
    ran, gradients = sum(executed.convolutions.values()), sum(executed.gradients.values())
    right = ran == model.convolutions and (not train or gradients == 2 * model.convolutions - 1)
    facts: dict[str, Value] = {"gradients": gradients} if train else {}
    if case.seen.onednn is not None and case.seen.onednn.steps:
        facts["onednn_per_step"] = sum(case.seen.onednn.convolutions.values()) // case.seen.onednn.steps
    return case.claim(
        "convolutions",
        (),
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
    kept, products = sum(compiled.convolutions.values()), sum(compiled.dots.values())
    facts: dict[str, Value] = {
        "convolutions": kept,
        "products": products,
        "before_optimisation": compiled.convolutions_before,
    }
    return case.claim(
        "convolutions",
        (),
        requested=wanted,
        observed=kept + products,
        source=compiled.source,
        holds=truth(kept + products >= wanted),
        facts=facts,
    )


def _data_format(case: CheckInput) -> OptionCheck:
    options, requested = ("data_format",), LAYOUTS[case.config.model.data_format]
    traced = case.seen.traced or case.seen.executed
    if traced is None or not traced.data_formats:
        why = FIT_HIDES if case.config.step.loop == "fit" else NOT_RUN
        return case.claim("data_format", options, requested=requested, why=why)
    found = " and ".join(sorted(traced.data_formats))
    executed = case.seen.executed
    facts: dict[str, Value] = {}
    if executed is not None and executed.data_formats:
        facts["executed"] = " and ".join(sorted(executed.data_formats))
    return case.claim(
        "data_format",
        options,
        requested=requested,
        observed=found,
        source=traced.source,
        holds=truth(found == requested),
        facts=facts,
    )


def _layout_changes(case: CheckInput) -> OptionCheck:
    executed, compiled, log = case.seen.executed, case.seen.compiled, case.seen.onednn
    # The network's input is transposed once for channels_first; that is what was asked for.
    allowed = 1 if case.config.model.data_format == "channels_first" else 0
    if executed is None and compiled is None:
        return case.claim("layout_changes", (), requested=allowed, why=NOT_LOOKED_AT)
    found = compiled.layout_changes if compiled is not None else executed.transposes if executed is not None else 0
    convolutions = case.model.convolutions if case.model is not None else 0
    facts: dict[str, Value] = {}
    if compiled is None and log is not None and log.steps and log.total_s:
        facts["reorder_s_per_step"] = log.reorder_s / log.steps
        facts["reorder_share"] = log.reorder_s / log.total_s
    source = compiled.source if compiled is not None else executed.source if executed is not None else None
    return case.claim(
        "layout_changes",
        (),
        requested=allowed,
        observed=found,
        source=source,
        holds=truth(found <= max(allowed, convolutions // CONVOLUTIONS_PER_CHANGE)),
        facts=facts,
    )


def _freeze(case: CheckInput) -> OptionCheck:
    looked = case.seen.executed or case.seen.traced
    if looked is None:
        return case.claim("freeze", ("freeze",), requested=True, why=NOT_LOOKED_AT)
    facts: dict[str, Value] = {"variable_reads": looked.variable_reads}
    frozen = looked.variable_reads == 0
    return case.claim(
        "freeze", ("freeze",), requested=True, observed=frozen, source=looked.source, holds=truth(frozen), facts=facts
    )


def _training(case: CheckInput) -> OptionCheck:
    changes, options = case.seen.changes, ("mode",)
    if changes is None:
        return case.claim("training", options, requested="all change", why=NOT_LOOKED_AT)
    source = f"the variables before and after {changes.steps} untimed steps"
    if changes.skipped is not None and changes.skipped >= changes.steps:
        why = f"loss scaling skipped all {changes.steps} steps that were looked at"
        return case.claim("training", options, requested="all change", source=source, why=why)
    all_changed = changes.trainable_changed == changes.trainable and changes.statistics_changed == changes.statistics
    holds: CheckResult = truth(all_changed and changes.finite is not False)
    facts: dict[str, Value] = {"unchanged": ", ".join(changes.unchanged)} if changes.unchanged else {}
    facts["loss_finite"] = changes.finite
    return case.claim(
        "training",
        options,
        requested="all change",
        observed=f"{changes.trainable_changed} of {changes.trainable} variables and {changes.statistics_changed} of "
        f"{changes.statistics} statistics changed",
        source=source,
        holds=holds,
        facts=facts,
    )
