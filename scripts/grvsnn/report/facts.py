"""What was analysed and what it was made with: animals, features, runs, software."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pandas as pd

from grvsnn.base.files import read_json, read_parquet
from grvsnn.base.labels import (
    METHODS,
    SAMPLED,
    dataset_label,
    in_order,
    method_label,
    trait_label,
)
from grvsnn.base.names import base_method
from grvsnn.report.tables.layout import Table, make_table, number
from grvsnn.scoring.fits import backend

BACKENDS = {
    "native": "this project's own implementation",
    "bglr": "the R package BGLR",
}


@dataclass(frozen=True)
class Data:
    """Size of a dataset.

    Parameters
    ----------
    dataset : str
        Its name.
    n_animals, n_markers : int
        Rows and columns of its genotypes.
    n_loadings : int or None
        Pedigree loadings that were kept; None without a pedigree.
    phenotyped : mapping of str to int
        Animals with a phenotype, by trait.
    rank_rule : str
        Rule that chose the number of loadings; empty without a pedigree.
    trace_share : float or None
        Share of the trace of the decomposed relationship matrix that they hold.
    """

    dataset: str
    n_animals: int
    n_markers: int
    n_loadings: int | None
    phenotyped: Mapping[str, int]
    rank_rule: str = ""
    trace_share: float | None = None

    def sentence(self) -> str:
        """Say the size in one line, for a caption."""
        loadings = f" + {self.n_loadings} loadings" if self.n_loadings else ""
        low, high = min(self.phenotyped.values()), max(self.phenotyped.values())
        span = f"{low}" if low == high else f"{low} to {high}"
        return (
            f"n = {self.n_animals} animals ({span} with a phenotype), "
            f"P = {self.n_markers} markers{loadings}"
        )


def read_data(
    dataset: str, phenotypes: str | Path, bim: str | Path, rank: str | Path | None
) -> Data:
    """Read a dataset's size off its files.

    Parameters
    ----------
    dataset : str
        Its name.
    phenotypes, bim : path
        Its phenotypes.parquet, a row for each genotyped animal, and genotypes.bim.
    rank : path or None
        Its rank.json, if it has relatives.
    """
    traits = read_parquet(phenotypes).drop(columns="sample_id")
    with Path(bim).open(encoding="utf-8") as lines:
        n_markers = sum(1 for _ in lines)
    chosen = read_json(rank) if rank else {"rank": None, "rule": "", "evidence": {}}
    return Data(
        dataset=dataset,
        n_animals=len(traits),
        n_markers=n_markers,
        n_loadings=chosen["rank"],
        phenotyped={name: int(n) for name, n in traits.notna().sum().items()},
        rank_rule=chosen["rule"],
        trace_share=chosen["evidence"].get("share"),
    )


def data_table(data: Sequence[Data]) -> Table:
    """Animals, markers, loadings and phenotypes of every dataset."""
    rows = [(one, trait) for one in data for trait in one.phenotyped]
    numbers = pd.DataFrame(
        {
            "dataset": [one.dataset for one, _ in rows],
            "trait": [trait for _, trait in rows],
            "n_phenotyped": [one.phenotyped[trait] for one, trait in rows],
            "n_animals": [one.n_animals for one, _ in rows],
            "n_markers": [one.n_markers for one, _ in rows],
            "n_loadings": [one.n_loadings for one, _ in rows],
            "rank_rule": [one.rank_rule for one, _ in rows],
            "trace_share": [one.trace_share for one, _ in rows],
        }
    ).astype({"n_loadings": float, "trace_share": float})
    counts = ("n_phenotyped", "n_animals", "n_markers", "n_loadings")
    return make_table(
        numbers=numbers,
        rows=[(dataset_label(one.dataset), trait_label(trait)) for one, trait in rows],
        headings=["Dataset", "Trait"],
        columns=[
            "Phenotyped",
            "Animals",
            "Markers",
            "Pedigree loadings",
            "Rank rule",
            "Share of the trace (%)",
        ],
        cells=[
            [
                *(number(getattr(row, name), 0) for name in counts),
                row.rank_rule or "–",
                number(100 * row.trace_share, 1),
            ]
            for row in numbers.itertuples()
        ],
        note="n: animals with genotypes, and those of them with the trait's phenotype. "
        "P: markers, and pedigree loadings in the settings that have them; the rule "
        "that chose their number, and their share of the trace of the relationships.",
    )


def software_table(fits: Sequence[Mapping]) -> Table:
    """Backend of every method's fits, and the packages that they had.

    Parameters
    ----------
    fits : sequence of mapping
        Contents of fits.json files.
    """
    rows = [(fit["method"], backend(fit), _packages(fit)) for fit in fits]
    made = pd.DataFrame(rows, columns=["method", "backend", "packages"])
    numbers = made.value_counts(sort=False).rename("n_jobs").reset_index()
    order = in_order(numbers["method"], METHODS)
    numbers = numbers.sort_values("method", key=lambda names: names.map(order.index))
    packages = [
        f"Packages of {', '.join(method_label(m) for m in part.unique())}: {text}."
        for text, part in numbers.groupby("packages", sort=False)["method"]
    ]
    if len(packages) == 1:
        packages = [f"Packages: {numbers['packages'].iloc[0]}."]
    return make_table(
        numbers=numbers,
        rows=[(method_label(name),) for name in numbers["method"]],
        headings=["Method"],
        columns=["Made by", "Jobs"],
        cells=[[row.backend, number(row.n_jobs, 0)] for row in numbers.itertuples()],
        note=" ".join(
            [
                "A job is all folds of one repeat in one setting.",
                *_legend(numbers),
                *packages,
            ]
        ),
    )


def _legend(numbers: pd.DataFrame) -> list[str]:
    """Explain the backends that ran."""
    ran = {name.partition(" ")[0] for name in numbers["backend"]}
    return [f"{name}: {text}." for name, text in BACKENDS.items() if name in ran]


def about_sentences(methods: Sequence[str]) -> str:
    """Say of each method what it is and how it is tuned, as the registry has it."""
    listed = in_order(methods, METHODS)
    return " ".join(f"{method_label(n)}: {METHODS[n]['about']}." for n in listed)


def bayes_sentences(fits: Iterable[Mapping]) -> str:
    """Say how the Bayesian methods were fitted, as their fits report it.

    Parameters
    ----------
    fits : iterable of mapping
        Contents of fits.json files.
    """
    ways: dict[str, list[str]] = {}
    for fit in fits:
        if base_method(fit["method"]) in SAMPLED:
            ways.setdefault(_way(fit), []).append(fit["method"])
    return " ".join(
        f"{'; '.join(map(method_label, in_order(names, METHODS)))}: {way}."
        for way, names in ways.items()
    )


def _way(fit: Mapping) -> str:
    """Say how a Bayesian fit was made."""
    params, fold = fit["params"], fit["folds"][0]
    name = fold["backend"]
    software = _packages(fold) or backend(fit)
    by = f"{BACKENDS[name]} ({software})"
    if fold.get("kernel") == "exact":
        return f"the exact posterior, without sampling, by {by}"
    chains = params["n_chains"]
    several = f"in each of {chains} chains " if chains > 1 else ""
    return (
        f"{params['n_iter']} iterations {several}by {by}, of which the first "
        f"{params['burn_in']} were discarded and one draw in {params['thin']} was kept"
    )


def _packages(fit: Mapping) -> str:
    """List the packages that a job had."""
    versions = fit.get("versions", {})
    return ", ".join(f"{name} {text}" for name, text in versions.items())


def made_by(fits: Iterable[Mapping]) -> str:
    """Backends, each with the methods that it made, in one line."""
    pairs = sorted({(backend(fit), fit["method"]) for fit in fits})
    parts = []
    for name, group in groupby(pairs, key=lambda pair: pair[0]):
        methods = in_order((method for _, method in group), METHODS)
        parts.append(f"{name} ({', '.join(map(method_label, methods))})")
    return ", ".join(parts)


def runs_sentence(folds: Mapping) -> str:
    """Say how often what was cross-validated, from the config's ``folds``."""
    repeats, per = folds["repeats"], folds["folds"]
    return f"{repeats * per} runs ({repeats} x {per} {folds['scheme']} folds)"


def protocol_sentence(protocol: str, name: str = "") -> str:
    """Name the protocol of a result; the released code's is optimistic.

    Parameters
    ----------
    protocol : str
        The config's.
    name : str
        The result's; ``optimism`` holds the two against one another.
    """
    if name == "optimism":
        return "protocols nested and published (optimistic)"
    return f"protocol {protocol}" + (" (optimistic)" if is_optimistic(protocol) else "")


def is_optimistic(protocol: str) -> bool:
    """Whether test phenotypes take part in tuning and early stopping."""
    return protocol == "published"
