"""Say who will fit the Bayesian methods of a config (JSON on stdin), and why."""

import json
import sys
from collections.abc import Mapping

from grvsnn.base.errors import InputError
from grvsnn.base.labels import SAMPLED
from grvsnn.base.names import base_method
from grvsnn.methods.bayes import BayesParams, choose_backend


def check_backends(config: Mapping) -> tuple[list[str], list[str]]:
    """Choose the backend of every Bayesian method and variant, as their fits will.

    Returns
    -------
    findings, problems : list of str
        One line for each choice, and for each reason why there is none.
    """
    methods = {name: {} for name in config["methods"]}
    methods |= {
        name: changes
        for name, changes in config["ablations"].items()
        if base_method(name) in methods
    }
    found: tuple[dict[str, list[str]], dict[str, list[str]]] = ({}, {})
    for name, changes in methods.items():
        if base_method(name) not in SAMPLED:
            continue
        try:
            params = BayesParams.from_mapping({**config["bayes"], **changes})
            backend, reason = choose_backend(params, name)
            found[0].setdefault(f"backend {backend}: {reason}", []).append(name)
        except InputError as error:
            found[1].setdefault(str(error), []).append(name)
    findings, problems = (
        [f"{', '.join(names)}: {text}" for text, names in part.items()]
        for part in found
    )
    return findings, problems


def main() -> int:
    """Print what was found; 2 where a method cannot be fitted as the config says."""
    findings, problems = check_backends(json.load(sys.stdin))
    for line in findings:
        print(line)
    for line in problems:
        print(line, file=sys.stderr)
    return 2 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
