"""Write the table of jobs, CPU hours and GPU hours by dataset of docs/running.md.

The table is of config/paper.yaml. --results adds the jobs of a run, finished or not, to
the measured ones; --config is the config that it was started with.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from grvsnn.base.errors import InputError
from grvsnn.base.files import write_csv, write_text
from grvsnn.planning.budget import budget_table
from grvsnn.planning.costs import measured_costs, read_costs, renew_costs
from grvsnn.planning.dry_run import local_rules, plan_from_start
from grvsnn.planning.results_page import add_machine
from grvsnn.report.tables import markdown
from grvsnn.run.read_config import read_config

ROOT = Path(__file__).resolve().parents[1]
COSTS = ROOT / "docs/results/costs.csv"
PAPER = "config/paper.yaml"
CAPTION = f"What `{PAPER}` takes"
BLOCK = re.compile(
    r"(<!-- budget: python scripts/write_budget\.py -->\n).*?(<!-- end of budget -->)",
    re.S,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Renew the measured costs where asked to, then the table."""
    args = _parser().parse_args(arguments)
    try:
        if args.results:
            _measure(args)
        block = make_block()
    except (InputError, OSError) as error:
        sys.exit(f"write_budget: {error}")
    page = ROOT / "docs/running.md"
    text = BLOCK.sub(lambda m: m[1] + block + m[2], page.read_text("utf-8"))
    write_text(text, page)
    print(block)
    return 0


def _measure(args: argparse.Namespace) -> None:
    measured = measured_costs(args.results, read_config(args.config), args.machine)
    if measured.empty:
        raise InputError(f"{args.results}/benchmarks holds no finished job")
    write_csv(renew_costs(read_costs(COSTS), measured), COSTS)


def make_block() -> str:
    """Return the table as Markdown, from the plan and the measured costs."""
    config = read_config(str(ROOT / PAPER))
    jobs = plan_from_start(PAPER, ROOT / "workflow/profiles/slurm")
    local = local_rules(ROOT / "workflow")
    table = budget_table(jobs, read_costs(COSTS), config, local)
    return markdown.render(table, CAPTION)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, help="results folder of a run to add")
    parser.add_argument("--config", default=PAPER, help="its config (%(default)s)")
    add_machine(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
