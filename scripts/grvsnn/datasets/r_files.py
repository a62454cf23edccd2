"""R's .RData and .rda files without R."""

import warnings
from pathlib import Path

import pandas as pd
import rdata

from grvsnn.base.errors import InputError


def read_r_objects(path: str | Path, wanted: tuple[str, ...]) -> dict[str, object]:
    """Read an R data file and check that the wanted objects are in it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            objects = rdata.read_rda(path)
    except (ValueError, EOFError, OSError, NotImplementedError) as error:
        raise InputError(f"{path} is not a readable R data file: {error}") from None
    missing = [name for name in wanted if name not in objects]
    if missing:
        raise InputError(
            f"{path} has no object {missing[0]!r}; it has {', '.join(sorted(objects))}"
        )
    return objects


def plain_columns(table: pd.DataFrame) -> pd.DataFrame:
    """R's integers and factors as ordinary floats and strings."""
    columns = {
        name: (
            values.astype(float)
            if pd.api.types.is_numeric_dtype(values)
            else values.astype(str)
        )
        for name, values in table.items()
    }
    return pd.DataFrame(columns).reset_index(drop=True)
