"""Turn a finished run into docs/results/<config>.md, and its times into seconds.csv."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from check_config import load_config
from grvsnn.errors import InputError
from grvsnn.files import write_text
from grvsnn.reference import (
    machine_class,
    read_fits,
    reference_page,
    seconds_table,
    summary_line,
)

KEYS = ["dataset", "setting", "method"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page and renew the seconds; one line where the run is not finished."""
    args = _parser().parse_args(arguments)
    config, problems = load_config(args.config)
    try:
        if problems:
            raise InputError("; ".join(problems))
        fits = read_fits(args.results, config)
        name = Path(args.config).name
        page = reference_page(args.results, config, name, args.machine)
        path = args.out / f"{Path(args.config).stem}.md"
        write_text(page, path)
        seconds = args.out / "seconds.csv"
        renewed = renew_seconds(seconds, seconds_table(fits, args.machine))
        write_text(renewed.to_csv(index=False, lineterminator="\n"), seconds)
    except (InputError, OSError) as error:
        sys.exit(f"write_reference: {error}")
    print(f"{path}: {summary_line(fits)}")
    return 0


def renew_seconds(path: Path, measured: pd.DataFrame) -> pd.DataFrame:
    """Replace the kinds of fit that were measured again; the others stay."""
    if not path.exists():
        return measured
    before = pd.read_csv(path)
    again = pd.MultiIndex.from_frame(before[KEYS]).isin(
        pd.MultiIndex.from_frame(measured[KEYS])
    )
    return pd.concat([before[~again], measured], ignore_index=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file that the run was made with")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    parser.add_argument(
        "--machine",
        default=machine_class(),
        help="class of the machine that ran it (default: this one, %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
