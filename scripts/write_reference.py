"""Turn a finished run into docs/results/<config>.md, and its jobs into costs.csv."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from grvsnn.base.errors import InputError, in_words
from grvsnn.base.files import write_csv, write_text
from grvsnn.planning.costs import measured_costs, read_costs, renew_costs
from grvsnn.planning.results_page import (
    add_machine,
    read_fits,
    reference_page,
    summary_line,
)
from grvsnn.run.read_config import read_config


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page and renew the costs; one line where the run is not finished."""
    args = _parser().parse_args(arguments)
    try:
        config = read_config(args.config)
        fits = read_fits(args.results, config)
        name = Path(args.config).name
        page = reference_page(args.results, config, name, args.machine)
        path = args.out / f"{Path(args.config).stem}.md"
        write_text(page, path)
        costs = args.out / "costs.csv"
        measured = measured_costs(args.results, config, args.machine)
        write_csv(renew_costs(read_costs(costs), measured), costs)
    except (InputError, OSError) as error:
        sys.exit(f"write_reference: {in_words(error)}")
    print(f"{path}: {summary_line(fits)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file that the run was made with")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    add_machine(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
