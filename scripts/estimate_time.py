"""Say about how long a config's run will take here (`make estimate CONFIG=...`)."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from grvsnn.base.errors import InputError
from grvsnn.planning.costs import measured_costs, of_own_settings, read_costs
from grvsnn.planning.dry_run import dry_run, planned_jobs
from grvsnn.planning.estimate import estimate_fits, estimate_text, planned_fits
from grvsnn.run.read_config import read_config

ROOT = Path(__file__).resolve().parents[1]
COSTS = ROOT / "docs/results/costs.csv"


def main(arguments: Sequence[str] | None = None) -> int:
    """Plan the run, look its fits up, print; 1 where it cannot be planned."""
    args = _parser().parse_args(arguments)
    try:
        plan = planned_jobs(dry_run("--configfile", args.configfile))
        config = read_config(args.configfile)
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    fits, n_others = planned_fits(plan)
    known = read_costs(COSTS)
    measured = [measured_costs(args.results), of_own_settings(known, config), known]
    print(estimate_text(estimate_fits(fits, measured), n_others, args.cores))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configfile", default="config/config.yaml")
    parser.add_argument(
        "--cores",
        type=int,
        default=os.cpu_count(),
        help="jobs at a time (default: all)",
    )
    parser.add_argument(
        "--results", default="results", help="where finished jobs are (%(default)s)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
