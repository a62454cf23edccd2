"""One's own herd: genotypes of a usual format, and tables of everything else."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from grvsnn.base.errors import InputError
from grvsnn.datasets.calls import Calls
from grvsnn.datasets.dosage_table import read_dosage_table
from grvsnn.datasets.hapmap import read_hapmap
from grvsnn.datasets.parents import spell_alike
from grvsnn.datasets.plink_files import read_plink
from grvsnn.datasets.prepared import PreparedDataset
from grvsnn.datasets.raw_table import read_raw
from grvsnn.datasets.records import (
    missing_codes,
    read_covariates,
    read_environment,
    read_pedigree,
    read_phenotypes,
    read_relationship,
)
from grvsnn.datasets.vcf import read_vcf
from grvsnn.pedigree.pedigree import Pedigree

MISSING_LEVEL = "missing"
"""Class of an animal whose class is not known."""


def prepare_herd(entry: Mapping) -> PreparedDataset:
    """Read the files of a registry entry and keep the animals that have both.

    Parameters
    ----------
    entry : mapping
        ``format`` (plink, vcf, raw, hapmap or csv), ``files`` (role -> path),
        ``traits``, and the optional keys that config/README.md explains.

    Raises
    ------
    InputError
        Before anything is written, for the first problem found.
    """
    return assemble_herd(
        {role: read() for role, read in plan_reading(entry).items()}, entry
    )


def plan_reading(entry: Mapping) -> dict[str, Callable[[], object]]:
    """Say what reads each role of an entry: its genotypes, phenotypes and so on.

    Apart from each other, so that a check can go on after the first bad file.
    """
    files, codes = entry["files"], missing_codes(entry.get("missing", ()))
    columns = entry.get("columns", {})
    both_sexes = entry.get("loadings", {}).get("both_sexes", False)
    animals = {
        "id_column": columns.get("id"),
        "repeated": entry.get("repeated") == "mean",
    }
    readers = {
        "genotypes": lambda: _read_genotypes(entry, codes),
        "phenotypes": lambda: read_phenotypes(
            files["phenotypes"], entry["traits"], codes, **animals
        ),
        "covariates": lambda: read_covariates(
            files.get("covariates", files["phenotypes"]),
            entry["covariates"],
            entry.get("factors", ()),
            codes,
            **animals,
        ),
        "environment": lambda: read_environment(
            files.get("covariates", files["phenotypes"]),
            entry["environment"],
            codes,
            **animals,
        ),
        "pedigree": lambda: read_pedigree(
            files["pedigree"], codes, columns, both_sexes
        ),
        "relationship": lambda: read_relationship(files["relationship"]),
    }
    named = {"genotypes", "phenotypes", *files} - {"covariates"}
    named |= {key for key in ("covariates", "environment") if entry.get(key)}
    return {role: read for role, read in readers.items() if role in named}


def assemble_herd(parts: Mapping[str, object], entry: Mapping) -> PreparedDataset:
    """Bring the parts into the genotypes' order and hold them to each other."""
    calls, files = parts["genotypes"], entry["files"]
    records = _match(calls, parts["phenotypes"], files["phenotypes"])
    ids = pd.DataFrame({"sample_id": calls.sample_ids})
    data = PreparedDataset(
        dosages=calls.dosages,
        marker_map=calls.marker_map,
        phenotypes=records,
        covariates=ids.merge(parts.get("covariates", ids), on="sample_id", how="left"),
        pedigree=parts.get("pedigree"),
        relationship=parts.get("relationship"),
        environment=ids.merge(
            parts.get("environment", ids), on="sample_id", how="left"
        ),
    )
    data.count("read")
    known = parts["phenotypes"]["sample_id"].isin(calls.sample_ids)
    commas = [
        name
        for role in ("phenotypes", "covariates")
        if role in parts
        for name in parts[role].attrs.get("decimal_commas", [])
    ]
    repeated = parts["phenotypes"].attrs.get("repeated")
    data.steps[-1].update(
        calls.notes,
        **({"repeated_records": repeated} if repeated else {}),
        **({"decimal_commas": commas} if commas else {}),
        phenotyped=len(known),
        phenotyped_not_genotyped=int((~known).sum()),
    )
    data.keep_phenotyped()
    data.check(str(files["phenotypes"]))
    _check_relatives(data, entry)
    source = files.get("covariates", files["phenotypes"])
    data.steps[-1].update(_fill_covariates(data, source))
    return data


def herd_files(entry: Mapping) -> dict[str, Path]:
    """Every file of an entry by role, the .bim and .fam of a .bed among them."""
    files = {role: Path(path).expanduser() for role, path in entry["files"].items()}
    if entry["format"] == "plink":
        bed = files["genotypes"]
        files.update(bim=bed.with_suffix(".bim"), fam=bed.with_suffix(".fam"))
    return files


def describe_sources(entry: Mapping) -> list[dict]:
    """Path, size and checksum of every file, for the provenance."""
    sources = []
    for role, path in herd_files(entry).items():
        with path.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        size = path.stat().st_size
        sources.append(
            {"role": role, "path": str(path), "bytes": size, "sha256": digest}
        )
    return sources


def _read_genotypes(entry: Mapping, codes: frozenset[str]) -> Calls:
    files = entry["files"]
    path = Path(files["genotypes"]).expanduser()
    if entry["format"] == "plink":
        if path.suffix != ".bed":
            raise InputError(f"{path}: for format plink, genotypes names the .bed file")
        return read_plink(path)
    if entry["format"] == "vcf":
        return read_vcf(path)
    if entry["format"] == "raw":
        return read_raw(path, files.get("map"))
    if entry["format"] == "hapmap":
        return read_hapmap(path)
    rows = entry.get("rows", "animals")
    others = {
        *entry["traits"].values(),
        *entry.get("covariates", ()),
        *entry.get("environment", {}).values(),
    }
    return read_dosage_table(path, codes, rows, files.get("map"), no_markers=others)


def _match(calls: Calls, records: pd.DataFrame, source: str) -> pd.DataFrame:
    """Phenotypes in the genotypes' order."""
    if not records["sample_id"].isin(calls.sample_ids).any():
        known = {spell_alike(name): str(name) for name in calls.sample_ids}
        near = [n for n in records["sample_id"] if spell_alike(n) in known]
        if near:
            raise InputError(
                f"{source}: animal {near[0]!r} matches nobody in {calls.source}, but "
                f"{known[spell_alike(near[0])]!r} is there; write ids the same way in "
                "every file"
            )
        raise InputError(
            f"no animal of {calls.source} (e.g. {str(calls.sample_ids[0])!r}) is in "
            f"{source} (e.g. {records['sample_id'].iloc[0]!r}); use the same ids"
        )
    ids = pd.DataFrame({"sample_id": calls.sample_ids})
    return ids.merge(records, on="sample_id", how="left")


def _check_relatives(data: PreparedDataset, entry: Mapping) -> None:
    """Every animal kept must be in the pedigree or the relationship matrix."""
    files = entry["files"]
    if data.pedigree is not None:
        both_sexes = entry.get("loadings", {}).get("both_sexes", False)
        pedigree = Pedigree.from_frame(data.pedigree, both_sexes=both_sexes)
        try:
            pedigree.rows_of(data.sample_ids)
        except InputError as error:
            raise InputError(f"{files['pedigree']}: {error}") from None
    if data.relationship is not None:
        absent = np.setdiff1d(data.sample_ids, data.relationship[0])
        if len(absent):
            raise InputError(
                f"{files['relationship']}: {len(absent)} genotyped animals are not in "
                f"the matrix, e.g. {str(absent[0])!r}; add them, or leave the matrix "
                "out of the entry's files and use setting 'markers'"
            )


def _fill_covariates(data: PreparedDataset, source: str) -> dict[str, int]:
    """Give unknown classes a class of their own; refuse unknown numbers."""
    filled = 0
    for name in data.covariates.columns.drop("sample_id"):
        column = data.covariates[name]
        gap = column.isna()
        if gap.any() and pd.api.types.is_numeric_dtype(column):
            animal = data.sample_ids[gap][0]
            raise InputError(
                f"{source}: covariate {name!r} is missing for {gap.sum()} animals, "
                f"e.g. {str(animal)!r}; fill it, drop their phenotypes or the "
                "covariate, or list it under 'factors'"
            )
        data.covariates[name] = column.where(~gap, MISSING_LEVEL)
        filled += int(gap.sum())
    return {"covariates_of_unknown_class": filled} if filled else {}
