"""Run every benchmark of this folder and write latest.json.

A module ``bench_<subject>.py`` has ``run() -> list[dict]`` with the keys name, value,
unit, peer, peer_value, ratio (peer_value / value: above 1 is faster) and config, a
dict of the problem's sizes and, where measured, peak_memory_gb.
"""

import importlib
import sys
import time
from pathlib import Path

from grvsnn.base.files import write_json

HERE = Path(__file__).parent
KEYS = ("name", "value", "unit", "peer", "peer_value", "ratio", "config")


def main(wanted: list[str]) -> None:
    """Run the named subjects, or all; print and write what they measured."""
    subjects = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*"))
    results = []
    for subject in wanted or subjects:
        start = time.perf_counter()
        print(f"{subject} ...", flush=True)
        module = importlib.import_module(f"benchmarks.bench_{subject}")
        for entry in module.run():
            results.append({key: entry[key] for key in KEYS})
            print(describe(results[-1]), flush=True)
        print(f"  {time.perf_counter() - start:.0f} s", flush=True)
    write_json(results, HERE / "latest.json")


def describe(entry: dict) -> str:
    """Print one measurement on one line."""
    line = f"  {entry['name']:32} {entry['value']:9.4g} {entry['unit']}"
    if entry["peer_value"] is not None:
        line += f"; {entry['peer']}: {entry['peer_value']:.4g}, {entry['ratio']:.1f} x"
    if "peak_memory_gb" in entry["config"]:
        line += f"; at most {entry['config']['peak_memory_gb']:.2f} GB"
    return line


if __name__ == "__main__":
    main(sys.argv[1:])
