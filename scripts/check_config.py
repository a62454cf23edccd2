"""Check a config and the data it names, and run nothing (`make check CONFIG=...`)."""

import os
import sys
from pathlib import Path

from check_backends import check_backends
from grvsnn.config_check import (
    find_problems,
    find_repeated_keys,
    missing_controls,
)
from grvsnn.datasets.check import check_dataset
from grvsnn.errors import InputError
from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config, validate

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = {
    name: ROOT / f"workflow/schemas/{name}.schema.yaml"
    for name in ("datasets", "config")
}


def load_config(path: str) -> tuple[dict, list[str]]:
    """Read the config as a run does; returns it and the mistakes in it."""
    config: dict = {}
    try:
        for name in (
            ROOT / "config/datasets.yaml",
            ROOT / "config/config.yaml",
            path,
        ):
            update_config(config, load_configfile(str(name)))
    except WorkflowError as error:
        return config, [f"{path}: {error}"]
    except OSError as error:
        return config, [f"{path} cannot be read: {error.strerror}"]
    problems = find_repeated_keys(path) or find_problems(config, SCHEMAS)
    if not problems:
        validate(config["registry"], str(SCHEMAS["datasets"]))
        validate(config, str(SCHEMAS["config"]))
    return config, problems


def read_config(path: str) -> dict:
    """Read the config as a run does; raises InputError where it has mistakes."""
    config, problems = load_config(path)
    if problems:
        raise InputError("; ".join(problems))
    return config


def main(path: str) -> int:
    """Print what was found; 0 if a run can start."""
    config, problems = load_config(path)
    if not problems:
        print(f"{path}: datasets {', '.join(config['datasets'])}")
        findings, found = check_backends(config)
        problems += found
        for line in findings:
            print(line)
        if remark := missing_controls(config["methods"]):
            print(f"note: {remark}, with which every method should be compared")
        mirror = os.environ.get("GRVSNN_DATA_MIRROR")
        folders = [Path("resources"), *([Path(mirror)] if mirror else [])]
        for name in config["datasets"]:
            print(f"\n{name} ({config['registry'][name]['format']})")
            findings, found = check_dataset(name, config, folders)
            for line in findings:
                print(f"  {line}")
            problems += found
        print()
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    if not problems:
        print("ready")
    return 1 if problems else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python scripts/check_config.py CONFIG")
    sys.exit(main(sys.argv[1]))
