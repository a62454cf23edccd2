"""From an entry of the registry of datasets to its `PreparedDataset`, by raw format."""

from collections.abc import Callable, Mapping
from pathlib import Path

from grvsnn.datasets.herd import describe_sources, prepare_herd
from grvsnn.datasets.mouse import prepare_mouse
from grvsnn.datasets.pig import prepare_pig
from grvsnn.datasets.pine import prepare_pine
from grvsnn.datasets.prepared import PreparedDataset

PREPARE: dict[str, Callable[[Mapping[str, str | Path], Mapping], PreparedDataset]] = {
    "mouse": lambda files, entry: prepare_mouse(
        files["data"],
        entry["traits"],
        entry["covariates"],
        entry["factors"],
        entry.get("environment"),
    ),
    "pine": lambda files, entry: prepare_pine(
        files["genotypes"], files["pedigree"], files["phenotypes"], entry["traits"]
    ),
    "pig": lambda files, entry: prepare_pig(
        files["genotypes"], files["phenotypes"], files["pedigree"], entry["traits"]
    ),
}
"""Formats that are downloaded; a user's own files are read by `prepare_herd`."""


def prepare(
    entry: Mapping, files: Mapping[str, str | Path]
) -> tuple[PreparedDataset, list[dict]]:
    """Read a dataset's files.

    Parameters
    ----------
    entry : mapping
        Its entry in the registry.
    files : mapping of str to path
        Downloaded files by role; a user's own are named by the entry.

    Returns
    -------
    PreparedDataset
        What they hold.
    list of dict
        What the provenance says of the files.
    """
    if entry["format"] in PREPARE:
        data = PREPARE[entry["format"]](files, entry)
        return data, list(entry["files"].values())
    return prepare_herd(entry), describe_sources(entry)
