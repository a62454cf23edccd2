"""Predict new animals with a saved model: phenotypes and their intervals, as CSV."""

import argparse
import sys
from collections.abc import Sequence

from grvsnn.base.errors import InputError, in_words
from grvsnn.base.files import write_csv
from grvsnn.estimator.new_animals import MAX_ABSENT, predict_from_bed
from grvsnn.estimator.saved_model import load_model
from grvsnn.protocol.conformal import COVERAGE


def main(arguments: Sequence[str] | None = None) -> None:
    """Read model and genotypes, write predictions, print what was aligned."""
    args = _parser().parse_args(arguments)
    try:
        model = load_model(args.model)
        predictions, report = predict_from_bed(
            model, args.prefix, args.coverage, args.max_absent
        )
        write_csv(predictions, args.out)
    except (InputError, OSError) as error:
        sys.exit(f"predict_animals: {in_words(error)}")
    print(report)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="path that GRVSNNRegressor.save was given")
    parser.add_argument("prefix", help="PLINK files of the new animals")
    parser.add_argument("--out", required=True, help="CSV file to write")
    parser.add_argument(
        "--coverage",
        type=float,
        default=COVERAGE,
        help="of the prediction intervals (default %(default)s)",
    )
    parser.add_argument(
        "--max-absent",
        type=float,
        default=MAX_ABSENT,
        help="largest share of the model's markers that the file may lack "
        "(default %(default)s)",
    )
    return parser


if __name__ == "__main__":
    main()
