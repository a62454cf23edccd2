"""Fit on one PLINK file and predict the animals of another.

The new file may list its markers in another order, count the other allele, read the
other strand, or lack some markers: calls are matched by marker name and alleles.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from grvsnn.base.errors import InputError
from grvsnn.estimator.regressor import GRVSNNRegressor
from grvsnn.genotypes.plink import read_genotypes
from grvsnn.protocol.conformal import COVERAGE

logger = logging.getLogger(__name__)

MAX_ABSENT = 0.2
SAME, FLIPPED, STRAND, STRAND_FLIPPED = range(4)
UNKNOWN = "0"  # PLINK's allele that no animal of the file carries
COMPLEMENT = {"A": "T", "T": "A", "C": "G", "G": "C", UNKNOWN: UNKNOWN}
SHOWN = 3


@dataclass(frozen=True)
class AlignmentReport:
    """How the markers of a model were found in a new file.

    Parameters
    ----------
    n_animals, n_markers : int
        Animals of the file, markers of the model.
    same, flipped, strand, strand_flipped : int
        Markers whose alleles are the model's as they stand, exchanged, on the other
        strand, or both.
    palindromic : int
        Of these, A/T and C/G markers, whose strand cannot be told; they are matched by
        the alleles' names.
    absent : int
        Markers of the model that the file lacks; filled with the training mean.
    extra : int
        Markers of the file that the model does not know; left out.
    missing_calls : int
        Calls missing at the markers found; filled with the training mean.
    """

    n_animals: int
    n_markers: int
    same: int
    flipped: int
    strand: int
    strand_flipped: int
    palindromic: int
    absent: int
    extra: int
    missing_calls: int

    def __str__(self) -> str:
        """Everything in two sentences."""
        return (
            f"{self.n_animals} animals, {self.n_markers} markers: {self.same} as in "
            f"the model, {self.flipped} with exchanged alleles, {self.strand} on the "
            f"other strand, {self.strand_flipped} both ({self.palindromic} A/T or C/G, "
            f"matched by name). {self.absent} markers absent and {self.missing_calls} "
            f"missing calls at the training mean; {self.extra} other markers left out."
        )


def fit_from_bed(
    prefix: str | Path, phenotypes: pd.DataFrame, **params: object
) -> GRVSNNRegressor:
    """Fit a regressor that remembers markers and traits, so that it can be passed on.

    Parameters
    ----------
    prefix : path
        PLINK 1 files, with or without ``.bed``.
    phenotypes : DataFrame
        sample_id and one numeric column a trait, NaN where missing. Animals without a
        phenotype or without genotypes are left out.
    **params
        Of `GRVSNNRegressor`.
    """
    dosages, sample_ids, marker_map = read_genotypes(_bed(prefix))
    _refuse_repeats(marker_map["snp"], "markers", _bed(prefix))
    _refuse_repeats(pd.Series(sample_ids), "animals", _bed(prefix))
    Y = _match_phenotypes(phenotypes, sample_ids)
    rows = np.flatnonzero(Y.notna().any(axis=1))
    if not len(rows):
        raise InputError(
            f"{_bed(prefix)}: no animal has a phenotype; are the sample ids the same?"
        )
    logger.info("%d of %d animals have a phenotype", len(rows), len(sample_ids))
    X = dosages[rows]
    if (X < 0).any():
        X = np.where(X < 0, np.float32(np.nan), X)
    model = GRVSNNRegressor(**params).fit(X, Y.iloc[rows].to_numpy(float))
    called = ~np.isnan(X)
    mean = np.nansum(X, axis=0, dtype=float) / np.maximum(called.sum(axis=0), 1)
    model.markers_ = marker_map[["snp", "a1", "a2"]].assign(mean=mean)
    model.traits_ = list(Y)
    return model


def _match_phenotypes(phenotypes: pd.DataFrame, sample_ids: np.ndarray) -> pd.DataFrame:
    """Traits in the order of `sample_ids`, NaN for animals that are not there."""
    if "sample_id" not in phenotypes or phenotypes.shape[1] < 2:
        raise InputError("phenotypes: columns sample_id and a trait are needed")
    ids = phenotypes["sample_id"].astype(str)
    _refuse_repeats(ids, "animals", "phenotypes")
    traits = phenotypes.drop(columns="sample_id").set_index(ids)
    for name, values in traits.items():
        if not pd.api.types.is_numeric_dtype(values):
            raise InputError(f"phenotypes: column {name!r} is not numeric")
    return traits.rename(columns=str).reindex(sample_ids)


def predict_from_bed(
    model: GRVSNNRegressor,
    prefix: str | Path,
    coverage: float = COVERAGE,
    max_absent: float = MAX_ABSENT,
) -> tuple[pd.DataFrame, AlignmentReport]:
    """Predict the animals of a PLINK file with a model of `fit_from_bed`.

    Parameters
    ----------
    model : GRVSNNRegressor
    prefix : path
        PLINK 1 files, with or without ``.bed``.
    coverage : float
        Of the prediction intervals.
    max_absent : float
        Largest share of the model's markers that the file may lack.

    Returns
    -------
    predictions : DataFrame
        sample_id, trait, predicted, lower, upper: one row an animal and trait, in
        units of the training phenotypes.
    report : AlignmentReport
    """
    if getattr(model, "markers_", None) is None:
        raise InputError("the model knows no markers; fit it with fit_from_bed")
    sample_ids, X, report = align_dosages(model.markers_, prefix, max_absent)
    shape = (len(X), len(model.traits_))
    lower, upper = np.moveaxis(model.predict_interval(X, coverage), -1, 0)
    predictions = pd.DataFrame(
        {
            "sample_id": np.repeat(sample_ids, shape[1]),
            "trait": np.tile(np.asarray(model.traits_, dtype=object), shape[0]),
            "predicted": model.predict(X).ravel(),
            "lower": lower.ravel(),
            "upper": upper.ravel(),
        }
    )
    return predictions, report


def align_dosages(
    reference: pd.DataFrame, prefix: str | Path, max_absent: float = MAX_ABSENT
) -> tuple[np.ndarray, np.ndarray, AlignmentReport]:
    """Read dosages of a model's markers, in its order and counting its a1.

    Parameters
    ----------
    reference : DataFrame
        The model's markers: snp, a1, a2 and mean (training mean dosage of a1).
    prefix : path
        PLINK 1 files, with or without ``.bed``.
    max_absent : float
        Largest share of the model's markers that the file may lack.

    Returns
    -------
    sample_ids : ndarray of str, shape (n_animals,)
    dosages : ndarray of int8, shape (n_animals, n_markers)
        0, 1, 2 without gaps: absent markers and missing calls take the rounded training
        mean, as gaps of the training animals do.
    report : AlignmentReport

    Raises
    ------
    InputError
        When too many markers are absent, a name stands for two markers, or alleles
        cannot be those of the model.
    """
    bed = _bed(prefix)
    dosages, sample_ids, marker_map = read_genotypes(bed)
    columns = _locate(reference["snp"], marker_map["snp"], bed)
    found = columns >= 0
    _check_absent(reference["snp"][~found], found, max_absent, bed)
    there, mine = marker_map.iloc[columns[found]], reference[found]
    how = match_alleles(_alleles(mine), _alleles(there))
    _refuse_mismatches(mine, there, how, bed)

    x = dosages[:, columns[found]]
    turned = np.isin(how, (FLIPPED, STRAND_FLIPPED))
    x = np.where((x >= 0) & turned, 2 - x, x)
    fill = np.rint(reference["mean"].to_numpy(float)).astype(np.int8)
    aligned = np.tile(fill, (len(x), 1))
    aligned[:, found] = np.where(x < 0, fill[found], x)
    counts = np.bincount(how, minlength=4).tolist()
    report = AlignmentReport(
        len(x),
        len(reference),
        *counts,
        palindromic=int(_is_palindromic(_alleles(mine)).sum()),
        absent=int((~found).sum()),
        extra=len(marker_map) - int(found.sum()),
        missing_calls=int((x < 0).sum()),
    )
    return sample_ids, aligned, report


def _locate(wanted: pd.Series, names: pd.Series, bed: Path) -> np.ndarray:
    """Column of each wanted marker in the file, -1 where it is not there."""
    known = np.flatnonzero(names.isin(wanted))
    _refuse_repeats(names.iloc[known], "markers", bed)
    place = pd.Index(names.iloc[known]).get_indexer(wanted)
    return np.where(place >= 0, np.append(known, -1)[place], -1)


def match_alleles(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Tell how each marker's allele pair in a file relates to the model's.

    Allele 0, which PLINK writes where no animal of a file carries the second allele,
    fits any name, so that the other allele decides.

    Parameters
    ----------
    ours, theirs : ndarray of str, shape (n_markers, 2)
        a1 and a2 in the model and in the file.

    Returns
    -------
    ndarray of int, shape (n_markers,)
        SAME, FLIPPED, STRAND, STRAND_FLIPPED (the first that agrees in most alleles),
        or -1 where none can be.
    """
    # an allele that is not A, C, G or T has no other strand
    opposite = np.array([[COMPLEMENT.get(a, "") for a in pair] for pair in theirs])
    opposite = opposite.reshape(theirs.shape)
    how, most = np.full(len(ours), -1), np.full(len(ours), -1)
    pairs = (theirs, theirs[:, ::-1], opposite, opposite[:, ::-1])
    for code, pair in enumerate(pairs):
        equal = pair == ours
        fits = (equal | (pair == UNKNOWN) | (ours == UNKNOWN)).all(axis=1)
        fits &= (pair != "").all(axis=1)
        better = fits & (equal.sum(axis=1) > most)
        how[better], most[better] = code, equal.sum(axis=1)[better]
    return how


def _alleles(markers: pd.DataFrame) -> np.ndarray:
    return np.strings.upper(markers[["a1", "a2"]].to_numpy(str))


def _is_palindromic(alleles: np.ndarray) -> np.ndarray:
    """A/T and C/G, which read the same on both strands but for their order."""
    pairs = np.strings.add(alleles[:, 0], alleles[:, 1])
    return np.isin(pairs, ["AT", "TA", "CG", "GC"])


def _bed(prefix: str | Path) -> Path:
    return Path(f"{str(prefix).removesuffix('.bed')}.bed")


def _refuse_repeats(names: pd.Series, what: str, where: str | Path) -> None:
    repeated = names[names.duplicated()].unique()
    if len(repeated):
        raise InputError(
            f"{where}: {len(repeated)} {what} are there more than once, e.g. "
            f"{_examples(repeated)}"
        )


def _check_absent(
    names: pd.Series, found: np.ndarray, max_absent: float, bed: Path
) -> None:
    share = 1 - found.mean()
    if share > max_absent:
        raise InputError(
            f"{bed}: {len(names)} of the model's {len(found)} markers are not in the "
            f"file ({share:.0%}, at most {max_absent:.0%} may be), e.g. "
            f"{_examples(names)}"
        )


def _refuse_mismatches(
    mine: pd.DataFrame, there: pd.DataFrame, how: np.ndarray, bed: Path
) -> None:
    wrong = np.flatnonzero(how < 0)
    if len(wrong):
        texts = [
            f"{m.snp} ({t.a1}/{t.a2}, in the model {m.a1}/{m.a2})"
            for m, t in zip(
                mine.iloc[wrong[:SHOWN]].itertuples(),
                there.iloc[wrong[:SHOWN]].itertuples(),
                strict=True,
            )
        ]
        raise InputError(
            f"{bed}: the alleles of {len(wrong)} markers are not those of the model: "
            f"{', '.join(texts)}; another marker of the same name?"
        )


def _examples(names: pd.Series | np.ndarray) -> str:
    return ", ".join(map(str, names[:SHOWN]))
