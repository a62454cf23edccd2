"""Filters: what a check of the config's ``drop`` flags is taken out of a dataset.

They act on a prepared dataset, once and before the folds, since they read genotypes,
pedigree and batches only. So they know which test animals there are, and nothing of
their phenotypes.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from grvsnn.base.errors import InputError
from grvsnn.datasets.prepared import PreparedDataset
from grvsnn.genotypes.checks import CHECKS, Check, Limits
from grvsnn.genotypes.quality import Quality
from grvsnn.pedigree.pedigree import Pedigree

STEP = "qc: "


def examine(
    data: PreparedDataset, settings: Mapping, both_sexes: bool = False
) -> Quality:
    """Lay out a prepared dataset for the checks.

    Parameters
    ----------
    data : PreparedDataset
    settings : mapping
        The config's section ``qc``.
    both_sexes : bool
        A plant may be sire and dam.
    """
    pedigree = None
    if data.pedigree is not None:
        pedigree = Pedigree.from_frame(data.pedigree, both_sexes=both_sexes)
    batch = settings.get("batch")
    batches = data.covariates[batch].astype(str) if batch in data.covariates else None
    return Quality(
        data.dosages,
        data.sample_ids,
        data.marker_map,
        pedigree,
        None if batches is None else batches.to_numpy(str),
        Limits.from_mapping(settings).duplicate_concordance,
    )


def filter_dataset(data: PreparedDataset, settings: Mapping, entry: Mapping) -> None:
    """Take out of `data` what the checks named by ``drop`` flag, one after the other.

    Each acts on what the ones before it have left, and adds a step to the provenance.
    ``mendel_pairs`` drops no animal: it makes the excluded parent unknown.

    Parameters
    ----------
    data : PreparedDataset
    settings : mapping
        The config's section ``qc``; without ``drop`` nothing happens.
    entry : mapping
        The dataset's entry in the registry.

    Raises
    ------
    InputError
        When no animal or no marker is left, or a trait has become constant.
    """
    limits = Limits.from_mapping(settings)
    both_sexes = entry.get("loadings", {}).get("both_sexes", False)
    for check in CHECKS:
        if check.name not in settings.get("drop", ()):
            continue
        found, _ = check.find(examine(data, settings, both_sexes), limits)
        _remove(data, check, found)
        data.steps[-1]["removed"] = len(found)
        if not data.dosages.size:
            raise InputError(
                f"quality filter {check.name!r} leaves no {check.subject}; raise or "
                "lower its limit in the config's section 'qc', or take it out of 'drop'"
            )
    if settings.get("drop"):
        data.check("after the quality filters")


def _remove(data: PreparedDataset, check: Check, found: pd.DataFrame) -> None:
    step = f"{STEP}{check.name}"
    if check.subject == "animal":
        data.keep_samples(~np.isin(data.sample_ids, found["name"]), step)
    elif check.subject == "marker":
        data.keep_markers(~data.marker_map["snp"].isin(found["name"]).to_numpy(), step)
    else:
        forget_parents(data, found)
        data.count(step)


def forget_parents(data: PreparedDataset, found: pd.DataFrame) -> None:
    """Make parents unknown: of animal ``name``, the one of ``detail`` (sire or dam)."""
    pedigree = data.pedigree.copy() if data.pedigree is not None else None
    for role, part in found.groupby("detail"):
        pedigree.loc[pedigree["id"].isin(part["name"]), role] = "0"
    data.pedigree = pedigree


def count_removed(steps: Iterable[Mapping]) -> dict[str, int]:
    """Read from a dataset's steps how many each filter took out, by check."""
    return {
        step["step"].removeprefix(STEP): step["removed"]
        for step in steps
        if step["step"].startswith(STEP)
    }
