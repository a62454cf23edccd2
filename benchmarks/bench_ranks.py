"""What each rank rule keeps of a pedigree's accuracy, on many kinds of pedigrees.

Accuracy is that of GBLUP from L L' over cross-validation folds, by REML, relative to
the whole A: r between predictions and true breeding values of simulated traits of
heritability 0.4, and r with the phenotypes where a pedigree has real ones. For
``standardised`` the loadings are scaled to one over the training rows, as networks and
Bayesian regressions take them, without those that
`grvsnn.protocol.fold_task.column_moments` calls unseen.

``PYTHONPATH=scripts python -m benchmarks.bench_ranks [PEDIGREE ...]`` prints the tables
behind config/README.md. Mouse, pine and pig need $GRVSNN_DATA_MIRROR and are passed
over without.
"""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from grvsnn.base.errors import InputError
from grvsnn.base.seeds import derive_rng
from grvsnn.datasets.mouse import prepare_mouse
from grvsnn.datasets.pig import read_pig_pedigree, read_pig_phenotypes
from grvsnn.datasets.pine import read_pine_pedigree
from grvsnn.datasets.r_files import plain_columns, read_r_objects
from grvsnn.models.mixed.reml import build_contrasts, fit_reml
from grvsnn.pedigree.eigenbasis import dense_eigenpairs
from grvsnn.pedigree.loadings import eigen_loadings
from grvsnn.pedigree.pedigree import Pedigree
from grvsnn.pedigree.rank_rules import choose_rank
from grvsnn.pedigree.relationship import relationship_matrix
from grvsnn.protocol.fold_task import standardise
from grvsnn.simulation.parameters import SimulationParams
from grvsnn.simulation.population import simulate_pedigree

HERITABILITY = 0.4
N_TRAITS = 10
N_FOLDS = 5
LARGE = 1500
"""Genotyped animals from which two of the folds must do."""
SHARES = (0.8, 0.9, 0.95, 0.99, 0.999)
DEFAULT = "average"
SHOWN = ("knee", "variance 0.8", "variance 0.95", "variance 0.99", DEFAULT)
"""Rules of the summary."""


@dataclass(frozen=True, eq=False)
class Case:
    """A pedigree, its genotyped animals, and their phenotypes where there are any."""

    A: np.ndarray
    rows: np.ndarray
    real: np.ndarray | None = None


def run(names: list[str] | None = None) -> list[dict]:
    """Measure every pedigree at hand; one record each."""
    return [record for name in names or CASES if (record := measure(name))]


def measure(name: str) -> dict | None:
    """Accuracy that each rule loses on one pedigree, in per cent of the whole A's."""
    case = CASES[name]()
    if case is None:
        return None
    A = case.A[np.ix_(case.rows, case.rows)]
    traits = simulate_traits(A, name)
    folds = deal_folds(len(A), name)
    whole = accuracies(lambda _: A, traits, case.real, folds)
    rules = {}
    for rule, loadings, share in cut(case):
        product = loadings @ loadings.T
        kept = accuracies(lambda _, K=product: K, traits, case.real, folds)
        scaled = [standardise(loadings, rows) for rows, _ in folds]
        ridge = accuracies(lambda f, Z=scaled: Z[f] @ Z[f].T, traits, None, folds)
        rules[rule] = {
            "rank": loadings.shape[1],
            "share": share,
            "lost": lost(kept["simulated"], whole["simulated"]),
            "standardised": lost(ridge["simulated"], whole["simulated"]),
            "unseen": float(np.mean([(~Z.any(axis=0)).sum() for Z in scaled])),
        }
        if case.real is not None:
            rules[rule]["real"] = lost(kept["real"], whole["real"])
    return {
        "name": f"rank_{name}",
        "value": rules[DEFAULT]["lost"],
        "unit": f"% of r lost by {DEFAULT}",
        "peer": None,
        "peer_value": None,
        "ratio": None,
        "config": {
            "n_animals": len(case.A),
            "n_genotyped": len(A),
            "n_folds": len(folds),
            "accuracy": whole,
            "rules": rules,
        },
    }


def cut(case: Case) -> Iterator[tuple[str, np.ndarray, float]]:
    """Give loadings by every rule that can be applied, and their share of the trace."""
    values, leading = dense_eigenpairs(case.A)
    options = [("knee", {}), ("plateau", {})]
    options += [("variance", {"share": share}) for share in SHARES]
    for rule, chosen in options:
        name = f"variance {chosen['share']:g}" if chosen else rule
        try:
            rank, evidence = choose_rank(values, rule, **chosen)
        except InputError:
            continue
        scale = np.sqrt(np.maximum(values[:rank], 0.0))
        yield name, leading(rank)[case.rows] * scale, evidence["share"]
    result = eigen_loadings(case.A, case.rows, DEFAULT)
    yield DEFAULT, result.loadings, result.evidence["share"]


def simulate_traits(A: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Phenotypes and true breeding values, shapes (n, N_TRAITS), from N(0, A)."""
    rng = derive_rng("bench_ranks", name, "traits")
    n = len(A)
    values, vectors = np.linalg.eigh(A)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    true = root @ rng.standard_normal((n, N_TRAITS))
    # variance of the animals around their mean
    variance = (np.trace(A) - A.sum() / n) / (n - 1)
    sd = np.sqrt(variance * (1 - HERITABILITY) / HERITABILITY)
    return true + sd * rng.standard_normal((n, N_TRAITS)), true


def deal_folds(n: int, name: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Training and test rows of random folds."""
    order = derive_rng("bench_ranks", name, "folds").permutation(n)
    number = 2 if n > LARGE else N_FOLDS
    tests = [np.sort(order[fold::N_FOLDS]) for fold in range(number)]
    return [(np.setdiff1d(np.arange(n), test), test) for test in tests]


def accuracies(
    kernel_of: Callable[[int], np.ndarray],
    traits: tuple[np.ndarray, np.ndarray],
    real: np.ndarray | None,
    folds: list[tuple[np.ndarray, np.ndarray]],
) -> dict[str, float]:
    """Mean r over folds and traits."""
    phenotypes, true = traits
    sets = {"simulated": (phenotypes, true)}
    if real is not None:
        sets["real"] = (real, real)
    found: dict[str, list[float]] = {name: [] for name in sets}
    for fold, (train, test) in enumerate(folds):
        kernel = kernel_of(fold)
        contrasts = build_contrasts(kernel[np.ix_(train, train)])
        across = kernel[np.ix_(test, train)]
        for name, (seen, target) in sets.items():
            for t in range(seen.shape[1]):
                reml = fit_reml(seen[train, t], contrasts)
                found[name].append(
                    correlate(across @ reml.projected, target[test, t])
                    if reml.variances[0] > 0
                    else 0.0
                )
    return {name: float(np.mean(values)) for name, values in found.items()}


def correlate(predicted: np.ndarray, target: np.ndarray) -> float:
    """Pearson r, 0 for constant predictions."""
    if np.ptp(predicted) <= 1e-12 * np.abs(predicted).max(initial=0.0):
        return 0.0
    return float(np.corrcoef(predicted, target)[0, 1])


def lost(kept: float, whole: float) -> float:
    """Per cent of an accuracy that is lost."""
    return 100.0 * (1.0 - kept / whole)


def make_herd(**params: int) -> Case:
    """Discrete generations of the project's own simulator."""
    pedigree, animals = simulate_pedigree(SimulationParams(**params), seed=1)
    genotyped = animals.loc[animals["genotyped"], "id"]
    return Case(relationship_matrix(pedigree), pedigree.rows_of(genotyped))


def make_cattle() -> Case:
    """Overlapping half-sib families, one progeny a cow and year, parents unknown."""
    rng = derive_rng("bench_ranks", "cattle")
    sires, cows = list(range(40)), list(range(40, 340))
    records = [(animal, -1, -1) for animal in sires + cows]
    born: list[list[int]] = []
    for _ in range(5):
        year = list(range(len(records), len(records) + 320))
        sire = np.where(rng.random(320) < 0.3, -1, rng.choice(sires, 320))
        dam = np.where(rng.random(320) < 0.3, -1, rng.choice(cows, 320))
        records += zip(year, sire.tolist(), dam.tolist(), strict=True)
        # bulls are chosen from the first 20, cows from the rest
        sires = sires[20:] + year[:20]
        cows = cows[150:] + year[20:170]
        born.append(year[20:])
    genotyped = rng.choice(np.concatenate(born[-2:]), 600, replace=False)
    return _from_records(records, genotyped)


def make_plants(n_founders: int, n_crosses: int, lines: int, cycles: int) -> Case:
    """Inbred founders, biparental crosses, selfing to F5, and lines crossed again."""
    rng = derive_rng("bench_ranks", "plants", n_founders, n_crosses)
    records: list[tuple[int, int, int]] = []

    parents = [_add_line(records, -1, -1, 5) for _ in range(n_founders)]
    newest: list[int] = []
    for _ in range(cycles):
        newest = []
        for _ in range(n_crosses):
            mother, father = rng.choice(parents, 2, replace=False).tolist()
            f1 = _add_line(records, mother, father, 0)
            newest += [_add_line(records, f1, f1, 3) for _ in range(lines)]
        parents = rng.choice(newest, n_founders, replace=False).tolist()
    return _from_records(records, np.array(newest))


def make_lines() -> Case:
    """Pedigree of a breeding programme: every year one F4 line of each of 40 crosses.

    Parents are lines of the last six years, a few of them much used.
    """
    rng = derive_rng("bench_ranks", "lines")
    records: list[tuple[int, int, int]] = []
    years = [[_add_line(records, -1, -1, 3) for _ in range(60)]]
    for _ in range(15):
        recent = [line for year in years[-6:] for line in year]
        parents = rng.choice(recent, 30, replace=False)
        use = rng.dirichlet(np.full(30, 0.5)) + 1e-3
        crosses = [
            rng.choice(parents, 2, replace=False, p=use / use.sum()).tolist()
            for _ in range(40)
        ]
        years.append([_add_line(records, *cross, 3) for cross in crosses])
    newer = [line for year in years[1:] for line in year]
    return _from_records(records, rng.choice(newer, 500, replace=False))


def _add_line(
    records: list[tuple[int, int, int]], mother: int, father: int, selfings: int
) -> int:
    """Add a cross (or a founder) and single-seed descendants; return the last."""
    records.append((len(records), mother, father))
    for _ in range(selfings):
        parent = len(records) - 1
        records.append((len(records), parent, parent))
    return len(records) - 1


def _from_records(records: list[tuple[int, int, int]], genotyped: np.ndarray) -> Case:
    frame = pd.DataFrame(records, columns=["id", "sire", "dam"])
    frame = frame.map(lambda animal: "0" if animal < 0 else f"a{animal:05d}")
    pedigree = Pedigree.from_frame(frame, both_sexes=True)
    rows = pedigree.rows_of([f"a{animal:05d}" for animal in genotyped])
    return Case(relationship_matrix(pedigree), np.sort(rows))


def find_file(name: str) -> Path | None:
    """Path of a file of the mirror."""
    folder = os.environ.get("GRVSNN_DATA_MIRROR")
    path = Path(folder or ".") / name
    return path if folder and path.exists() else None


def read_mouse() -> Case | None:
    """Read A of the mice, and both traits less their fixed effects."""
    path = find_file("mouse/mice.RData")
    if path is None:
        return None
    numbers = ["Obesity.Date.Month", "Obesity.Date.Year"]
    fixed = ["GENDER", *numbers, "CageDensity", "Litter", "CoatColour"]
    traits = {"length": "Obesity.BodyLength", "bmi": "Obesity.BMI"}
    data = prepare_mouse(path, traits, fixed, numbers)
    X = pd.get_dummies(data.covariates.drop(columns="sample_id")).to_numpy(float)
    X = np.column_stack([np.ones(len(X)), X - X.mean(axis=0)])
    Y = data.phenotypes[list(traits)].to_numpy()
    Y = Y - X @ np.linalg.lstsq(X, Y, rcond=None)[0]
    return Case(data.relationship[1], np.arange(len(Y)), Y)


def read_pine() -> Case | None:
    """Pedigree and DBH of the pines."""
    path, table = find_file("pine/ped_pine.rda"), find_file("pine/pheno_pine.rda")
    if path is None or table is None:
        return None
    pedigree = Pedigree.from_frame(read_pine_pedigree(path), both_sexes=True)
    records = plain_columns(read_r_objects(table, ("pheno.pine",))["pheno.pine"])
    # the file is sorted by phenotype
    records = records.sort_values("Genotype")
    rows = pedigree.rows_of(records["Genotype"].astype(int).astype(str))
    Y = records[["DBH_Adj"]].to_numpy(float)
    return Case(relationship_matrix(pedigree), rows, Y)


def read_pig() -> Case | None:
    """Pedigree and five traits of the pigs with complete records."""
    path, table = find_file("pig/pedigree.txt"), find_file("pig/phenotypes.txt")
    if path is None or table is None:
        return None
    pedigree = Pedigree.from_frame(read_pig_pedigree(path))
    traits = {f"t{number}": f"t{number}" for number in range(1, 6)}
    records = read_pig_phenotypes(table, traits).dropna()
    rows = pedigree.rows_of(records["sample_id"])
    Y = records[list(traits)].to_numpy(float)
    return Case(relationship_matrix(pedigree), rows, Y)


CASES: dict[str, Callable[[], Case | None]] = {
    "embedded": make_herd,
    "families": lambda: make_herd(
        n_generations=2,
        n_genotyped_generations=1,
        n_sires=40,
        dams_per_sire=5,
        litter_size=3,
    ),
    "unrelated_pairs": lambda: make_herd(
        n_generations=1,
        n_genotyped_generations=1,
        n_sires=150,
        dams_per_sire=1,
        litter_size=4,
    ),
    "closed_line": lambda: make_herd(
        n_generations=15,
        n_genotyped_generations=4,
        n_sires=4,
        dams_per_sire=5,
        litter_size=8,
        n_genotyped=500,
    ),
    "inbred_line": lambda: make_herd(
        n_generations=25,
        n_genotyped_generations=3,
        n_sires=2,
        dams_per_sire=2,
        litter_size=20,
    ),
    "wide_herd": lambda: make_herd(
        n_generations=6,
        n_genotyped_generations=2,
        n_sires=60,
        dams_per_sire=2,
        litter_size=3,
        n_genotyped=600,
    ),
    "cattle": make_cattle,
    "plants": lambda: make_plants(30, 30, 10, 2),
    "plants_narrow": lambda: make_plants(12, 20, 10, 4),
    "lines": make_lines,
    "mouse": read_mouse,
    "pine": read_pine,
    "pig": read_pig,
}


def describe(record: dict) -> str:
    """One pedigree's table as Markdown: a row for each rule."""
    config = record["config"]
    whole = ", ".join(f"{name} {r:.3f}" for name, r in config["accuracy"].items())
    lines = [
        f"\n{record['name'].removeprefix('rank_')}: {config['n_genotyped']} of "
        f"{config['n_animals']} animals genotyped, r of the whole A: {whole}\n",
        "| rule | rank | share of the trace | r lost | real | standardised | unseen |",
        "|---|---|---|---|---|---|---|",
    ]
    for rule, row in config["rules"].items():
        real = f"{row['real']:.1f} %" if "real" in row else ""
        lines.append(
            f"| {rule} | {row['rank']} | {row['share']:.1%} | {row['lost']:.1f} % | "
            f"{real} | {row['standardised']:.1f} % | {row['unseen']:.0f} |"
        )
    return "\n".join(lines)


def summarise(records: list[dict]) -> str:
    """Table of config/README.md: rank, accuracy lost, and lost when standardised."""
    lines = [
        "\n| pedigree | genotyped | " + " | ".join(SHOWN) + " |",
        "|---|---|" + "---|" * len(SHOWN),
    ]
    for one in records:
        found = one["config"]["rules"]
        name = one["name"].removeprefix("rank_")
        cells = [_cell(found.get(rule)) for rule in SHOWN]
        lines.append(
            f"| `{name}` | {one['config']['n_genotyped']} | {' | '.join(cells)} |"
        )
    return "\n".join(lines)


def _cell(row: dict | None) -> str:
    if row is None:
        return "–"
    # adding 0 takes the sign from a rounded zero
    lost, standardised = (round(row[key], 1) + 0.0 for key in ("lost", "standardised"))
    return f"{row['rank']}: {lost:.1f} ({standardised:.1f})"


if __name__ == "__main__":
    measured = []
    for wanted in sys.argv[1:] or CASES:
        for entry in run([wanted]):
            print(describe(entry), flush=True)
            measured.append(entry)
    print(summarise(measured))
