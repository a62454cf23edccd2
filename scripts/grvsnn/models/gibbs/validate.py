"""Compare the sampler with posterior summaries made by the R package BGLR.

    python -m grvsnn.models.gibbs.validate --reference DIR --mirror DIR

`DIR` of the reference holds ``reference.npz``, ``summary_p200.csv`` and
``summary_p2070.csv``; that of the mirror, ``mouse/mice.RData``. Prints Markdown tables.

Monte Carlo errors: ours comes from the scatter of our chains' means (column ``error``);
BGLR's, from the larger of its seeds' scatter and our chains', which are as long as its
own. ``z`` is the difference over both errors together, ``z_exact`` our difference from
the exact route of BRR over our error alone.
"""

import argparse
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import rdata

from grvsnn.base.seeds import derive_seed
from grvsnn.models.gibbs.design import Design, build_design, column_sums
from grvsnn.models.gibbs.exact import fit_exact_brr
from grvsnn.models.gibbs.lanes import Target
from grvsnn.models.gibbs.posterior import Posterior
from grvsnn.models.gibbs.priors import DF, R2, Prior, default_prior
from grvsnn.models.gibbs.sampler import Settings, choose_kernel, sample

MODELS = {"BRR": "brr", "BL": "blasso", "BayesC": "bayescpi"}
TRAITS = {1: "Obesity.BodyLength", 2: "Obesity.BMI"}
SHORT = Settings(6000, 2000, 5)
LONG = Settings(60000, 10000, 5)
CHAINS = 16  # fill a vector: more chains cost nothing


@dataclass(frozen=True, eq=False)
class Reference:
    """BGLR's summaries and the mouse data they were made from."""

    arrays: dict[str, np.ndarray]
    p200: pd.DataFrame
    p2070: pd.DataFrame
    genotypes: np.ndarray
    phenotypes: pd.DataFrame

    @property
    def train(self) -> np.ndarray:
        """Training rows as a mask."""
        mask = np.ones(len(self.genotypes), bool)
        mask[self.arrays["test_rows"]] = False
        return mask

    def standardised(self, trait: int) -> np.ndarray:
        """Return a trait in units of its training rows, NaN in test rows."""
        y = self.phenotypes[TRAITS[trait]].to_numpy(float)
        own = y[self.train]
        return np.where(self.train, (y - own.mean()) / own.std(), np.nan)


def load_reference(reference: Path, mirror: Path) -> Reference:
    """Read the reference folder and the mouse data."""
    mouse = rdata.read_rda(mirror / "mouse" / "mice.RData")
    return Reference(
        arrays=dict(np.load(reference / "reference.npz")),
        p200=pd.read_csv(reference / "summary_p200.csv"),
        p2070=pd.read_csv(reference / "summary_p2070.csv"),
        genotypes=np.asarray(mouse["mice.X"]).astype(np.int8),
        phenotypes=mouse["mice.pheno"],
    )


def compare_p200(
    reference: Reference, name: str, settings: Settings = LONG, chains: int = CHAINS
) -> list[dict]:
    """200 markers, training rows only, long chains: effects and variances.

    Returns
    -------
    list of dict
        One per compared quantity: what, bglr, native, and z or correlation.
    """
    markers = reference.genotypes[:, reference.arrays["marker_columns_p200"]]
    rows = np.flatnonzero(reference.train)
    design = build_design(markers, np.empty((len(markers), 0)), rows, False)
    y = reference.standardised(1)[rows]
    targets = _replicates(y, np.ones(len(rows), bool), name, chains)
    posteriors = sample(design, MODELS[name], targets, settings)
    entries = list(_variance_entries(reference.p200, name, posteriors, terms=1))
    for field, label in (
        ("effect", "mean"),
        ("sd", "sd"),
        ("lower", "q025"),
        ("upper", "q975"),
        *((("pip", "pip"),) if name == "BayesC" else ()),
    ):
        bglr = _seed_mean(reference.arrays, f"p200_{name}_s{{}}__{label}")
        ours = np.mean([getattr(p, field) for p in posteriors], axis=0)
        entries.append(
            {
                "quantity": f"{label} of effects" if label != "pip" else "pip",
                "correlation": float(np.corrcoef(bglr, ours)[0, 1]),
                "worst": float(np.abs(bglr - ours).max()),
            }
        )
    return entries


def compare_p2070(
    reference: Reference,
    name: str,
    two_terms: bool,
    settings: Settings = SHORT,
    chains: int = CHAINS,
) -> list[dict]:
    """2,070 markers, short chains: predictions of test animals and variances."""
    trait = 2 if two_terms else 1
    tag = f"{name}_t{trait}_{'mp' if two_terms else 'm'}"
    design, rows = _design_p2070(reference, two_terms)
    y = reference.standardised(trait)
    prior = augmented_prior(reference, MODELS[name], two_terms, y)
    targets = [
        replace(target, prior=prior)
        for target in _replicates(y[rows], np.ones(len(rows), bool), tag, chains)
    ]
    posteriors = sample(design, MODELS[name], targets, settings)
    features = _features_p2070(reference, two_terms)
    test = tuple(part[reference.arrays["test_rows"]] for part in features)
    ours = [posterior.predict_parts(test) for posterior in posteriors]
    bglr = [reference.arrays[f"{tag}_s{s}__test_prediction"] for s in (1, 2, 3)]
    among = [np.corrcoef(a, b)[0, 1] for a, b in combinations(bglr, 2)]
    between = [np.corrcoef(a, b)[0, 1] for a in bglr for b in ours]
    entry = {
        "quantity": "test predictions",
        "between_bglr_seeds": float(np.mean(among)),
        "correlation": float(np.mean(between)),
    }
    table = reference.p2070[reference.p2070["trait"] == trait]
    entries = list(_variance_entries(table, name, posteriors, 1 + two_terms))
    if name == "BRR" and not two_terms:
        (exact,) = fit_exact_brr(design, targets[:1], settings.interval)
        for found in entries:
            found["exact"] = exact.moments[found["quantity"]]["mean"]
            found["z_exact"] = (found["native"] - found["exact"]) / found["error"]
    return [entry, *entries]


def augmented_prior(
    reference: Reference, model: str, two_terms: bool, y: np.ndarray
) -> Prior:
    """BGLR's prior when test rows are passed as missing phenotypes.

    It then takes MSx over all rows, and counts the missing ones as zero residuals in
    the variance that scales the prior of varE.
    """
    train = reference.train
    parts = _features_p2070(reference, two_terms)
    everyone = np.arange(len(train))
    design = build_design(*parts, everyone, False)
    total, square = column_sums(design, np.stack([train, np.ones_like(train)]))
    count = np.array([[train.sum()], [len(train)]])
    variance = square / count - (total / count) ** 2
    ratio = np.divide(
        variance[1], variance[0], out=np.zeros(design.n_slots), where=variance[0] > 1e-9
    )
    mean_squares = np.bincount(design.slot_term, ratio)
    prior = default_prior(model, np.nanvar(y, ddof=1), mean_squares)
    var_e = (1 - R2) * np.nansum((y - np.nanmean(y)) ** 2) / (len(y) - 1)
    return replace(prior, scale_e=var_e * (DF + 2), start_var_e=var_e)


def _features_p2070(
    reference: Reference, two_terms: bool
) -> tuple[np.ndarray, np.ndarray]:
    arrays = reference.arrays
    markers = reference.genotypes[:, arrays["marker_columns_p2070"]]
    loadings = arrays["loadings"][:, : 169 if two_terms else 0]
    return markers, loadings


def _design_p2070(reference: Reference, two_terms: bool) -> tuple[Design, np.ndarray]:
    rows = np.flatnonzero(reference.train)
    return build_design(*_features_p2070(reference, two_terms), rows, False), rows


def _replicates(
    y: np.ndarray, train: np.ndarray, tag: str, chains: int
) -> list[Target]:
    """One target per chain, so that every chain has its own summary."""
    return [
        Target(y, train, (derive_seed("gibbs validation", tag, chain),))
        for chain in range(chains)
    ]


def _seed_mean(arrays: dict[str, np.ndarray], pattern: str) -> np.ndarray:
    found = [
        arrays[pattern.format(s)] for s in (1, 2, 3) if pattern.format(s) in arrays
    ]
    return np.mean(found, axis=0, dtype=np.float64)


def _variance_entries(
    table: pd.DataFrame, name: str, posteriors: list[Posterior], terms: int
) -> Iterator[dict]:
    """Posterior means of varE, varB, lambda and pi against BGLR's."""
    table = table[table["model"] == name]
    names = {
        "BRR": ("varE", "varB"),
        "BL": ("varE", "lambda"),
        "BayesC": ("varE", "varB", "pi"),
    }
    for quantity in names[name]:
        column = {"pi": "probIn"}.get(quantity, quantity)
        if terms == 1 or quantity == "varE":
            yield _compare(quantity, table[column], posteriors, quantity)
            continue
        for term, prefix in ((1, ""), (2, "L_")):
            key = f"{quantity}_{term}"
            yield _compare(key, table[prefix + column], posteriors, key)


def _compare(
    quantity: str, bglr: pd.Series, posteriors: list[Posterior], key: str
) -> dict:
    """Difference of posterior means in Monte Carlo standard errors."""
    values = bglr.dropna().to_numpy(float)
    summaries = [posterior.summary()[key] for posterior in posteriors]
    means = np.array([summary["mean"] for summary in summaries])
    ours = means.std(ddof=1)  # error of one of our chains, as long as BGLR's
    seeds = values.std(ddof=1) if len(values) > 1 else 0.0
    error = np.hypot(
        max(ours, seeds) / np.sqrt(max(len(values), 1)), ours / np.sqrt(len(means))
    )
    return {
        "quantity": quantity,
        "bglr": float(values.mean()) if len(values) else float("nan"),
        "native": float(means.mean()),
        "error": float(ours / np.sqrt(len(means))),
        "posterior_sd": float(np.mean([summary["sd"] for summary in summaries])),
        "z": float((means.mean() - values.mean()) / error) if len(values) else np.nan,
        "rhat": float(np.median([summary["rhat"] for summary in summaries])),
        "ess": float(np.mean([summary["ess"] for summary in summaries])),
    }


def as_markdown(entries: list[dict]) -> str:
    """Entries as a Markdown table; cells that do not apply stay empty."""
    names = list(dict.fromkeys(name for entry in entries for name in entry))
    lines = ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
    for entry in entries:
        cells = [_cell(entry.get(name)) for name in names]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None or value != value:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--mirror", type=Path, required=True)
    parser.add_argument("--part", choices=("p200", "p2070", "all"), default="all")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    reference = load_reference(options.reference, options.mirror)
    out = sys.stdout
    out.write(f"Kernel: {choose_kernel().name}, {CHAINS} chains each.\n")
    if options.part in ("p2070", "all"):
        entries = [
            {"model": name, "terms": 1 + two} | entry
            for two in (False, True)
            for name in MODELS
            for entry in compare_p2070(reference, name, two)
        ]
        out.write(f"\n2,070 markers, 6,000 iterations\n\n{as_markdown(entries)}\n")
    if options.part in ("p200", "all"):
        entries = [
            {"model": name} | entry
            for name in MODELS
            for entry in compare_p200(reference, name)
        ]
        out.write(f"\n200 markers, 60,000 iterations\n\n{as_markdown(entries)}\n")


if __name__ == "__main__":
    main()
