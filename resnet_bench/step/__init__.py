"""Training, inference, evaluation and input-only steps as callables, without clock or printing.

`make.py` chooses the step that a configuration asks for. `step_functions.py` says what a step computes,
`compiled.py` compiles and dispatches it, `fit.py` leaves the loop to Keras, `input_only.py` runs the pipeline
alone, `split.py` takes the training step apart, `training/` trains to an accuracy. Neighbours:
`worker/timing.py` times a `Step`, `profile/` traces one. Importing this package imports no TensorFlow.
"""
