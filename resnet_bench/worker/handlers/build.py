"""Build a network inside the worker, start it from weights, save it.

Neighbours: `backends/tensorflow.py` hands the command on, `model` does the work.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from resnet_bench.worker import protocol as p

if TYPE_CHECKING:
    from resnet_bench.worker.backends.tensorflow_session import TensorFlowSession


def build(session: TensorFlowSession, command: p.Build) -> p.Built:
    """What `bench-cli build` asks for; imports TensorFlow, and blocks until the file is written."""
    session.start_tensorflow(command.config)
    from resnet_bench import model as models
    from resnet_bench.model import model_card, pretrained, weights

    config, started = session.config, None
    assert config is not None
    with session.phases.enter("build"):
        models.check_data_format(config, session.runtime)
        model = models.build(config, session.runtime)
    if command.weights is not None:
        with session.phases.enter("weights"):
            started = pretrained.start_from(
                model, command.weights, new_head=command.new_head, fold_biases=command.fold_biases
            )
    if command.path is not None:
        with session.phases.enter("save"):
            save = weights.save_portable if command.portable else weights.save
            save(model, Path(command.path), model_card.card_of(model, config))
    return p.Built(model=models.facts(model, config), stages=models.stages(model), weights=started)
