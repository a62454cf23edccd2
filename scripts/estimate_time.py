"""Say about how long a config's run will take here (`make estimate CONFIG=...`)."""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from grvsnn.estimate import estimate_fits, estimate_text, measured_here, planned_fits

ROOT = Path(__file__).resolve().parents[1]
MEASURED = ROOT / "docs/results/seconds.csv"


def main(arguments: Sequence[str] | None = None) -> int:
    """Plan the run, look its fits up, print; the status is the dry-run's."""
    args = _parser().parse_args(arguments)
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1"]
    if args.configfile:
        command += ["--configfile", args.configfile]
    plan = subprocess.run(command, capture_output=True, text=True, check=False)
    if plan.returncode:
        print(plan.stderr or plan.stdout, file=sys.stderr)
        return plan.returncode
    fits, n_others = planned_fits(plan.stdout + plan.stderr)
    measured = [measured_here(args.benchmarks)]
    measured += [pd.read_csv(MEASURED, comment="#")] if MEASURED.exists() else []
    print(estimate_text(estimate_fits(fits, measured), n_others, args.cores))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configfile", help="as Snakemake's; default: config.yaml")
    parser.add_argument(
        "--cores",
        type=int,
        default=os.cpu_count(),
        help="jobs at a time (default: all)",
    )
    parser.add_argument(
        "--benchmarks",
        default="results/benchmarks",
        help="folder of finished jobs' benchmark files (default %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
