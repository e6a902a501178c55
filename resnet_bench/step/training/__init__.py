"""Training to an accuracy: the loop, its schedule, when it ends, and its checkpoints.

`loop.py` drives a step from `step.py` over a data set from `data/datasets/`; `worker/handlers/train.py` sets both
up inside a worker. Imports no TensorFlow, so that all of it is tested with a step that is made up.
"""
