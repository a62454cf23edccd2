"""What a prepared dataset holds, in lines for a person to read."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from grvsnn.datasets.filters import count_removed
from grvsnn.datasets.prepared import PreparedDataset
from grvsnn.genotypes.checks import Limits, run_checks
from grvsnn.genotypes.quality import Quality
from grvsnn.pedigree.pedigree import Pedigree
from grvsnn.pedigree.relationship import inbreeding_coefficients

MORE_THAN_TWO, FEW = 3, 10
"""How many different whole numbers may well be codes; of two it is all the same."""
DATE_FORMATS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
MANY_GAPS, MOST = 0.2, 0.5
MENDELIAN = ("mendel_pairs", "mendel_trios")
"""Checks of parents against offspring."""
CODES = (-9.0, -99.0, -999.0, -9999.0)
FAR = 20
"""Median deviations; of a normal trait one value in 10^40 is as far."""
MAF_EDGES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)


def survey(data: PreparedDataset, quality: Quality, limits: Limits) -> list[str]:
    """Describe animals, calls and their quality, traits, covariates and relatives."""
    lines = [
        *_survey_animals(data),
        *_survey_calls(quality),
        *_survey_quality(quality, limits),
        *_survey_traits(data.phenotypes.drop(columns="sample_id")),
        *_survey_covariates(data.covariates.drop(columns="sample_id")),
        *_survey_environment(data.environment),
    ]
    if quality.pedigree is not None:
        lines += survey_pedigree(quality.pedigree, data.sample_ids)
    if data.relationship is not None:
        lines += _survey_relationship(*data.relationship)
    return lines


def _survey_animals(data: PreparedDataset) -> Iterator[str]:
    read = data.steps[0]
    phenotyped = read.get("phenotyped")
    counts = [f"{read['n_samples']} genotyped"]
    counts += [] if phenotyped is None else [f"{phenotyped} with a row of phenotypes"]
    if data.pedigree is not None:
        counts.append(f"{len(data.pedigree)} in the pedigree")
    counts.append(f"{len(data.sample_ids)} in common")
    yield f"animals: {', '.join(counts)}"
    alone = read.get("phenotyped_not_genotyped")
    if alone:
        yield f"  {alone} phenotyped animals have no genotypes and are not used"
    for name, n_removed in count_removed(data.steps).items():
        yield f"  filter {name} removed {n_removed}"
    if joined := read.get("animals_named_by_family"):
        yield (
            f"  individual ids repeat between families: the {joined} animals are "
            "called FID_IID (write them so in the other files)"
        )
    if repeated := read.get("repeated_records"):
        yield (
            f"  {repeated['animals']} animals have several records (at most "
            f"{repeated['most']}): their means are used, all with the same weight"
        )
    if commas := read.get("decimal_commas"):
        yield f"  read with decimal commas: {', '.join(commas)}"
    if named := read.get("markers_named_by_position"):
        yield f"  {named} markers called '.' are named by chromosome:position"
    for reason, n_sites in read.get("sites_left_out", {}).items():
        yield f"  {n_sites} sites {reason} are left out"
    rounded = read.get("fractional_dosages_rounded")
    if rounded:
        yield (
            f"  {rounded} fractional dosages are rounded to hard calls, by "
            f"{read['mean_rounding_error']:.3f} on average (in the .bed file; with the "
            "entry's 'dosage: fractional' methods get them as they are)"
        )


def _survey_calls(quality: Quality) -> Iterator[str]:
    maf, missing = quality.by_marker.maf, 1 - quality.by_marker.call_rate
    by_animal = 1 - quality.by_animal.call_rate
    yield f"markers: {len(maf)}"
    yield (
        f"  missing calls {missing.mean():.2%}; at most {missing.max():.1%} of a "
        f"marker, {by_animal.max():.1%} of an animal"
    )
    if missing.mean() > MANY_GAPS:
        yield (
            "    warning: more than a fifth of the calls are missing; check the codes "
            "for missing, and how genotypes are coded"
        )
    uncalled, fixed = int(np.isnan(maf).sum()), int((maf == 0).sum())
    yield f"  monomorphic {fixed}, without any call {uncalled}"
    polymorphic = maf[maf > 0]
    if not len(polymorphic):
        return
    below = np.searchsorted(np.sort(polymorphic), MAF_EDGES, side="right")
    counts = np.diff(below, prepend=0)
    classes = ", ".join(
        f"<= {edge:g}: {count}" for edge, count in zip(MAF_EDGES, counts, strict=True)
    )
    yield f"  minor allele frequency {classes}; median {np.median(polymorphic):.3f}"


def _survey_quality(quality: Quality, limits: Limits) -> Iterator[str]:
    """Count what each check flags; checks that flag nothing have no line."""
    checks, _ = run_checks(quality, limits)
    yield "quality: flagged by the checks (limits and filters: the config's 'qc')"
    for check in checks[checks["n_flagged"] > 0].itertuples():
        yield (
            f"  {check.label} {check.limit}: {check.n_flagged} of {check.n_tested} "
            f"{check.subject}s ({check.cause})"
        )
    if not checks["n_flagged"].any():
        yield "  nothing"
    trios = checks[checks["check"].isin(MENDELIAN) & (checks["n_tested"] >= FEW)]
    if (trios["n_flagged"] > MOST * trios["n_tested"]).any():
        yield (
            "  warning: most parents do not fit the genotypes of their offspring: the "
            "ids of pedigree and genotypes are not the same animals', or alleles are "
            "coded in another way in some of the files"
        )


def _survey_traits(traits: pd.DataFrame) -> Iterator[str]:
    yield f"traits: {traits.shape[1]}"
    for name, column in traits.items():
        yield (
            f"  {name}: missing {column.isna().mean():.1%}, mean {column.mean():.4g}, "
            f"SD {column.std():.4g}, range {column.min():.4g} to {column.max():.4g}"
        )
        yield from _question_trait(column)


def _question_trait(column: pd.Series) -> Iterator[str]:
    """Ask about values that may stand for a gap, or be written in another unit."""
    values = column.dropna()
    if not len(values):
        return
    levels = np.unique(values)
    if len(levels) <= FEW and (levels % 1 == 0).all():
        listed = ", ".join(f"{level:g}" for level in levels)
        yield (
            f"    note: {len(levels)} different values ({listed}); all methods treat "
            "the trait as a number"
        )
    codes = [code for code in CODES if (values == code).any()]
    rest = values[~values.isin(CODES)]
    if codes and len(rest) and rest.min() > max(codes):
        n = int(values.isin(codes).sum())
        yield (
            f"    note: {n} values are {codes[0]:g}, a usual code for missing, and all "
            "others are larger; if it is one, add it to the entry's 'missing'"
        )
    spread = float((values - values.median()).abs().median())
    far = values[(values - values.median()).abs() > FAR * spread]
    if spread > 0 and len(far) and not codes:
        yield (
            f"    note: {len(far)} values are more than {FAR} median deviations from "
            f"the median, e.g. {far.iloc[0]:g}; check units, decimal and thousands "
            "separators, and codes for missing"
        )


def _survey_environment(environment: pd.DataFrame) -> Iterator[str]:
    """Count the classes of common environments, and question useless ones."""
    for name, classes in environment.drop(columns="sample_id").items():
        sizes = classes.value_counts()
        yield (
            f"environment {name}: {len(sizes)} classes of {sizes.min()} to "
            f"{sizes.max()} animals, {int(classes.isna().sum())} animals without one"
        )
        if sizes.max() == 1:
            yield "    note: no two animals share a class, so it explains nothing"


def _survey_covariates(covariates: pd.DataFrame) -> Iterator[str]:
    yield f"covariates: {covariates.shape[1] or 'none'}"
    for name, column in covariates.items():
        if pd.api.types.is_numeric_dtype(column):
            yield (
                f"  {name}: number, mean {column.mean():.4g}, range "
                f"{column.min():.4g} to {column.max():.4g}"
            )
            yield from _question_number(column)
            continue
        levels = column.value_counts()
        shown = ", ".join(f"{level} ({count})" for level, count in levels[:8].items())
        more = ", ..." if len(levels) > 8 else ""
        yield f"  {name}: {len(levels)} levels: {shown}{more}"


def _question_number(column: pd.Series) -> Iterator[str]:
    """Ask about numbers that may stand for dates or classes."""
    values = column.dropna().unique()
    if not len(values) or (values % 1 != 0).any():
        return
    if _are_dates(values):
        yield (
            "    note: these look like dates written as one number, which jumps at the "
            "end of each month and year; give the days since some date"
        )
    elif MORE_THAN_TWO <= len(values) <= FEW:
        yield (
            f"    note: {len(values)} different whole numbers; it enters as a straight "
            "line; if they stand for classes, name it under 'factors'"
        )


def _are_dates(values: np.ndarray) -> bool:
    """Whether whole numbers read as YYYYMMDD, with or without hours and minutes."""
    text = pd.Series(values.astype("int64")).astype(str)
    size = text.str.len().unique()
    if len(size) != 1 or size[0] not in DATE_FORMATS:
        return False
    dates = pd.to_datetime(text, format=DATE_FORMATS[size[0]], errors="coerce")
    return bool(dates.dt.year.between(1900, 2100).all())


def survey_pedigree(pedigree: Pedigree, sample_ids: np.ndarray) -> Iterator[str]:
    """Describe the depth of a pedigree and the inbreeding in it."""
    rows = pedigree.rows_of(sample_ids)
    founders = (pedigree.sire < 0) & (pedigree.dam < 0)
    both = (pedigree.sire[rows] >= 0) & (pedigree.dam[rows] >= 0)
    depth = pedigree.generation[rows]
    inbreeding = inbreeding_coefficients(pedigree)
    yield (
        f"pedigree: {len(pedigree)} animals, {int(pedigree.generation.max()) + 1} "
        f"generations, {int(founders.sum())} founders ({pedigree.n_added} of them "
        "named as parents only)"
    )
    yield (
        f"  animals in common: both parents known {both.mean():.1%}, ancestors known "
        f"for {depth.mean():.1f} generations on average, {depth.max()} at most"
    )
    yield (
        f"  inbreeding: mean {inbreeding.mean():.4f}, largest {inbreeding.max():.4f}; "
        f"animals in common {inbreeding[rows].mean():.4f}"
    )


def _survey_relationship(ids: np.ndarray, A: np.ndarray) -> Iterator[str]:
    inbreeding = np.diag(A) - 1
    yield f"relationship matrix: {len(ids)} animals"
    yield f"  inbreeding: mean {inbreeding.mean():.4f}, largest {inbreeding.max():.4f}"
