"""Read the datasets of a config without running anything: what is there, what is wrong.

The readers are those of the prepare rules, the folds and targets those of the run, so
that a dataset that passes goes through these stages.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from grvsnn.base.errors import InputError
from grvsnn.datasets.filters import examine, filter_dataset
from grvsnn.datasets.formats import PREPARE
from grvsnn.datasets.herd import assemble_herd, plan_reading
from grvsnn.datasets.like import read_relatives, shape_params
from grvsnn.datasets.prepared import PreparedDataset
from grvsnn.genotypes.checks import Limits
from grvsnn.pedigree.families import fold_relatives, relationships_of
from grvsnn.pedigree.loadings import loadings_by, sort_by_id
from grvsnn.pedigree.pedigree import Pedigree
from grvsnn.pedigree.rank_rules import describe_rank
from grvsnn.protocol.folds import make_folds
from grvsnn.protocol.targets import count_effects, make_targets
from grvsnn.run.config_check import PEDIGREE_ROLES, raw_folder
from grvsnn.run.survey import survey, survey_pedigree

MANY_EFFECTS = 1 / 3
"""Fixed effects per training animal from which a line says so."""
SIZE_TOLERANCE = 0.2
"""How far the entry's sizes may be from the data before a line says so."""


def check_dataset(
    name: str, config: Mapping, folders: list[Path]
) -> tuple[list[str], list[str]]:
    """Read one dataset and try its folds and targets.

    Parameters
    ----------
    name : str
        Dataset in the registry.
    config : mapping
        A config that its schemas accept.
    folders : list of Path
        Where ``{dataset}/{file}`` of a downloaded format may lie.

    Returns
    -------
    findings, problems : list of str
        What it holds, and one line for each thing that would stop a run.
    """
    entry = config["registry"][name]
    findings: list[str] = []
    problems: list[str] = []
    try:
        if entry["format"] == "simulated":
            findings += _check_simulation(entry, config, folders)
            return findings, problems
        if entry["format"] in PREPARE:
            folder = raw_folder(config["registry"], name)
            data = _prepare_fetched(folder, entry, folders, findings)
        else:
            data = _prepare_herd(entry, findings, problems)
        if data is not None:
            both_sexes = entry.get("loadings", {}).get("both_sexes", False)
            qc = config.get("qc", {})
            filter_dataset(data, qc, entry)
            quality = examine(data, qc, both_sexes)
            findings += survey(data, quality, Limits.from_mapping(qc))
            findings += _compare_sizes(data, entry)
            findings += _try_folds(data, name, config, both_sexes)
            if _has_loadings(config):
                findings += _try_loadings(data, entry, both_sexes)
    except InputError as error:
        problems.append(str(error))
    return findings, problems


def _check_simulation(
    entry: Mapping, config: Mapping, folders: list[Path]
) -> list[str]:
    """Try the settings and, if it is a real one, the pedigree."""
    registry, simulation = config["registry"], entry.get("simulation", {})
    like = simulation.get("like")
    shape_params(simulation, registry.get(like))
    if simulation.get("pedigree") != "real":
        return ["simulated by the run: there are no files to read"]
    sources = registry[like]["files"]
    roles = PEDIGREE_ROLES[registry[like]["format"]]
    findings: list[str] = []
    try:
        folder = raw_folder(registry, like)
        files = _find_files(folder, {r: sources[r] for r in roles}, folders, findings)
    except InputError as error:
        raise InputError(f"{error} Or set simulation/pedigree to simulated.") from None
    if len(files) == len(roles):
        pedigree, genotyped = read_relatives(registry[like], files)
        findings.append(f"genotypes of {len(genotyped)} animals simulated by the run")
        findings += survey_pedigree(pedigree, genotyped)
        if _has_loadings(config):
            rows = pedigree.rows_of(genotyped)
            findings.append(_describe_loadings(entry, pedigree, rows))
    return findings


def _prepare_fetched(
    folder: str, entry: Mapping, folders: list[Path], findings: list[str]
) -> PreparedDataset | None:
    """Read a format that the run downloads, if its files are at hand."""
    files = _find_files(folder, entry["files"], folders, findings)
    if len(files) < len(entry["files"]):
        return None
    return PREPARE[entry["format"]](files, entry)


def _find_files(
    name: str, sources: Mapping, roots: list[Path], findings: list[str]
) -> dict[str, Path]:
    """Raw files at hand by role; those that a run would download are named."""
    files = {}
    for role, source in sources.items():
        places = [root / name / source["name"] for root in roots]
        found = next((path for path in places if path.exists()), None)
        if found is not None:
            files[role] = found
        elif "url" in source:
            findings.append(f"{source['name']}: not here yet; the run downloads it")
        else:
            raise InputError(
                f"{name}/{source['name']} must be supplied by you. "
                f"{source['manual'].strip()} Put it at "
                f"$GRVSNN_DATA_MIRROR/{name}/{source['name']}."
            )
    return files


def _prepare_herd(
    entry: Mapping, findings: list[str], problems: list[str]
) -> PreparedDataset | None:
    """Read one's own files, each whether or not another is bad."""
    parts, files = {}, entry["files"]
    for role, read in plan_reading(entry).items():
        try:
            parts[role] = read()
        except InputError as error:
            # phenotypes and covariates may share a file, and its one mistake
            problems += [str(error)] if str(error) not in problems else []
        else:
            path = files.get(role, files["phenotypes"])
            findings.append(f"{role}: read from {path}")
    return None if problems else assemble_herd(parts, entry)


def _compare_sizes(data: PreparedDataset, entry: Mapping) -> Iterator[str]:
    sizes = dict(zip(("samples", "markers"), data.dosages.shape, strict=True))
    for key, found in sizes.items():
        if abs(entry[key] - found) > SIZE_TOLERANCE * found:
            yield (
                f"note: the entry says {key}: {entry[key]}; write {found}, since jobs "
                "ask for memory by it"
            )


def _try_folds(
    data: PreparedDataset, name: str, config: Mapping, both_sexes: bool
) -> list[str]:
    """Assign the folds of repeat 1 and make its targets; returns warnings."""
    settings = config["folds"]
    scheme, options = settings["scheme"], {}
    if scheme == "cluster":
        # fills folds under the same conditions and needs no principal components
        scheme = "random"
    if scheme in ("family", "forward"):
        relatives = (data.pedigree, data.relationship)
        options = fold_relatives(
            scheme, data.sample_ids, *relatives, both_sexes=both_sexes
        )
    if scheme == "group":
        options = {"groups": data.environment[settings["group"]].to_numpy()}
    folds = make_folds(
        data.phenotypes,
        scheme,
        settings["repeats"] if scheme == "forward" else 1,
        settings["folds"],
        settings["inner_folds"],
        config["seed"],
        name,
        **options,
    )
    adjusted = config["adjust"] == "covariates"
    make_targets(
        data.phenotypes,
        data.covariates if adjusted else None,
        folds,
        config["protocol"],
    )
    return list(_warn_of_effects(data, folds)) if adjusted else []


def _warn_of_effects(data: PreparedDataset, folds: pd.DataFrame) -> Iterator[str]:
    """Name traits whose fixed effects are many for the animals that estimate them."""
    counts = count_effects(data.phenotypes, data.covariates, folds)
    share = counts["n_effects"] / counts["n_animals"].clip(lower=1)
    for trait, mine in share.groupby(counts["trait"], sort=False):
        if mine.max() > MANY_EFFECTS:
            worst = counts.loc[mine.idxmax()]
            levels = data.covariates.drop(columns="sample_id").nunique()
            largest = levels.sort_values(ascending=False)[:3]
            yield (
                f"warning: {trait}: {worst['n_effects']} fixed effects are estimated "
                f"from {worst['n_animals']} training animals (fold {worst['fold']}), "
                "which fits much of the phenotype away; leave out or coarsen a "
                "covariate ("
                f"{', '.join(f'{name}: {n} values' for name, n in largest.items())})"
            )


def _has_loadings(config: Mapping) -> bool:
    return bool(set(config.get("settings", ())) - {"markers"})


def _try_loadings(
    data: PreparedDataset, entry: Mapping, both_sexes: bool
) -> Iterator[str]:
    """Cut the spectrum by the entry's rule."""
    if data.pedigree is not None:
        pedigree = Pedigree.from_frame(data.pedigree, both_sexes=both_sexes)
        yield _describe_loadings(entry, pedigree, pedigree.rows_of(data.sample_ids))
    elif data.relationship is not None:
        relationship = sort_by_id(*data.relationship)
        yield _describe_loadings(
            entry, *relationships_of(relationship, data.sample_ids)
        )


def _describe_loadings(
    entry: Mapping, relationship: np.ndarray | Pedigree, rows: np.ndarray
) -> str:
    loadings = loadings_by(entry["loadings"], relationship, rows)
    text = describe_rank(loadings.rank, loadings.rule, loadings.evidence)
    return f"pedigree loadings: {text}"
