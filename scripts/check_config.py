"""Check a config and the data it names, and run nothing (`make check CONFIG=...`)."""

import os
import sys
from pathlib import Path

from check_backends import check_backends
from grvsnn.base.registry import read_registry
from grvsnn.run.check_data import check_dataset
from grvsnn.run.config_check import missing_controls
from grvsnn.run.read_config import load_config


def main(path: str) -> int:
    """Print what was found; 0 if a run can start."""
    config, problems = load_config(path)
    asked: list[str] = []
    if not problems:
        print(f"{path}: datasets {', '.join(config['datasets'])}")
        findings, found = check_backends(config)
        problems += found
        for line in findings:
            print(line)
        if remark := missing_controls(config["methods"], read_registry("methods")):
            print(f"note: {remark}, with which every method should be compared")
        mirror = os.environ.get("GRVSNN_DATA_MIRROR")
        folders = [Path("resources"), *([Path(mirror)] if mirror else [])]
        for name in config["datasets"]:
            print(f"\n{name} ({config['registry'][name]['format']})")
            findings, found = check_dataset(name, config, folders)
            for line in findings:
                print(f"  {line}")
            problems += found
            asked += findings
        print()
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    if not problems:
        doubts = ("note: ", "warning: ")
        n_asked = sum(line.strip().startswith(doubts) for line in asked)
        warned = any(line.strip().startswith("warning: ") for line in asked)
        more = f", but look at the {n_asked} notes and warnings above" if warned else ""
        print(f"ready{more}")
    return 1 if problems else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python scripts/check_config.py CONFIG")
    sys.exit(main(sys.argv[1]))
