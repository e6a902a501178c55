"""Waits until the devices have finished. TensorFlow is imported inside.

A call on a GPU returns before the device has done the work, so no clock may be read without this.
"""

from __future__ import annotations


def wait() -> None:
    """Block until all work handed to this process's devices is done. Eager only."""
    import tensorflow as tf

    sync = getattr(tf.test.experimental, "sync_devices", None)
    if sync is not None:
        sync()
    else:
        wait_by_reading()


def wait_by_reading() -> None:
    """The same through a value read from each device, for a TensorFlow without `sync_devices`.

    A device's compute stream runs in order: its newest result is there only after all older work.
    """
    import tensorflow as tf

    for device in tf.config.list_logical_devices():
        with tf.device(device.name):
            tf.add(tf.constant(1.0), tf.constant(1.0)).numpy()
