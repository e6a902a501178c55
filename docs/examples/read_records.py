"""Print throughput and verdict of every record in a folder: python docs/examples/read_records.py runs"""

from __future__ import annotations

import sys
from pathlib import Path

import resnet_bench

for path in sorted(Path(sys.argv[1]).glob("*.json")):
    record = resnet_bench.load(path)
    if not isinstance(record, resnet_bench.Record) or record.summary is None:
        continue
    rate = record.summary.images_per_s
    step = record.config.resolved.step if record.config.resolved else record.config.requested.step
    print(f"{path.name}: {step.mode}, batch {step.batch_size}: {rate.value:.1f} images/s, {record.verdict.kind}")
