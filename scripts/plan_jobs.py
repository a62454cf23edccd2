"""Say by rule which jobs a config plans and what each asks for (`make plan`)."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from grvsnn.base.errors import InputError
from grvsnn.planning.dry_run import local_rules, plan_from_start, rules_text

ROOT = Path(__file__).resolve().parents[1]
SLURM = ROOT / "workflow/profiles/slurm"


def main(arguments: Sequence[str] | None = None) -> int:
    """Plan the run from its start and print a line a rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configfile", default="config/config.yaml")
    parser.add_argument(
        "--profile", type=Path, default=SLURM, help="folder (default %(default)s)"
    )
    args = parser.parse_args(arguments)
    try:
        jobs = plan_from_start(args.configfile, args.profile)
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    print(rules_text(jobs, local_rules(ROOT / "workflow")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
