"""Print throughput and verdict of every record in a folder: python docs/examples/read_records.py runs"""

from __future__ import annotations

import sys
from pathlib import Path

from resnet_bench.records.read import load
from resnet_bench.records.record import Record

for path in sorted(Path(sys.argv[1]).glob("*.json")):
    record = load(path)
    if not isinstance(record, Record) or record.summary is None:
        continue
    rate = record.summary.images_per_s
    step = record.config.resolved.step if record.config.resolved else record.config.requested.step
    print(f"{path.name}: {step.mode}, batch {step.batch_size}: {rate.value:.1f} images/s, {record.verdict.kind}")
