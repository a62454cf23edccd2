"""Lint a CSV of results: which values cannot be reconciled with one another."""

import argparse
import sys
from collections.abc import Sequence

import pandas as pd
from grvsnn.base.errors import InputError, in_words
from grvsnn.base.files import write_csv
from grvsnn.scoring.plausibility import RULES, Assumptions, count_findings, lint_results
from grvsnn.scoring.reported import read_results


def main(arguments: Sequence[str] | None = None) -> int:
    """Print counts per rule and every finding; 1 when there is one."""
    args = _parser().parse_args(arguments)
    given = Assumptions(args.variance, args.variance_slack, args.dcor_slack)
    try:
        sizes = pd.read_csv(args.sizes, comment="#") if args.sizes else None
        checks = lint_results(read_results(args.results), sizes, given)
        findings = checks[checks["fails"]].drop(columns="fails")
        if args.out:
            write_csv(findings, args.out)
    except (InputError, OSError) as error:
        sys.exit(f"lint_results: {in_words(error)}")
    counts = count_findings(checks)
    counts["statement"] = [RULES[name].statement for name in counts["rule"]]
    print(counts.to_string(index=False))
    if len(findings):
        print("\nCould not be reconciled:")
        print(findings.round(4).to_string(index=False))
    return int(len(findings) > 0)


def _parser() -> argparse.ArgumentParser:
    given = Assumptions()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "results",
        help="CSV of dataset, trait, setting, method, metric, mean and, where there "
        "are any, sd, n_runs, n_test; as printed, since digits are rounding",
    )
    parser.add_argument(
        "--sizes",
        help="CSV of dataset, n_samples, n_markers, n_loadings, n_folds, n_repeats",
    )
    parser.add_argument("--out", help="CSV file to write the findings to")
    parser.add_argument(
        "--variance",
        type=float,
        default=given.variance,
        help="of the phenotypes, in the unit of the MSE (default %(default)s)",
    )
    parser.add_argument(
        "--variance-slack",
        type=float,
        default=given.variance_slack,
        help="share by which it may be lower (default %(default)s)",
    )
    parser.add_argument(
        "--dcor-slack",
        type=float,
        default=given.dcor_slack,
        help="distance of dCor from normal data (default %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
