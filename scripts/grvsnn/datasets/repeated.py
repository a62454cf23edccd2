"""Several records of an animal: phenotypes become means, all else must agree."""

import pandas as pd

from grvsnn.base.errors import InputError


def average_records(frame: pd.DataFrame) -> pd.DataFrame:
    """Take the mean of each animal's records, trait by trait, missing ones left out.

    Parameters
    ----------
    frame : DataFrame
        sample_id and traits, a row a record.

    Returns
    -------
    DataFrame
        A row an animal, in the order of their first records; ``attrs["repeated"]`` has
        the animals with several records, and the most records of one.
    """
    groups = frame.groupby("sample_id", sort=False)
    means = groups.mean().reset_index()
    sizes = groups.size()
    means.attrs.update(frame.attrs)
    if sizes.max() > 1:
        several = int((sizes > 1).sum())
        means.attrs["repeated"] = {"animals": several, "most": int(sizes.max())}
    return means


def keep_one_row(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """Keep an animal's covariates or environments once, if its records agree.

    Raises
    ------
    InputError
        Records of an animal differ in a column: a mean record has no value there.
    """
    once = frame.drop_duplicates(ignore_index=True)
    again = once["sample_id"].duplicated(keep=False)
    if again.any():
        animal = once.loc[again, "sample_id"].iloc[0]
        mine = once[once["sample_id"] == animal].drop(columns="sample_id")
        found = {name: mine[name].unique() for name in mine}
        column = next(name for name in found if len(found[name]) > 1)
        values = " and ".join(repr(value) for value in found[column][:2])
        raise InputError(
            f"{source}: records of animal {str(animal)!r} differ in column {column!r} "
            f"({values}), and 'repeated: mean' makes one record of them; correct the "
            "phenotypes for that column beforehand, or leave it out of the entry"
        )
    once.attrs.update(frame.attrs)
    return once
