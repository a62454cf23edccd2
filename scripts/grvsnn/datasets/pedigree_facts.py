"""What a pedigree's columns of sex and birth say against its parents."""

import pandas as pd

from grvsnn.base.errors import InputError
from grvsnn.datasets.text_table import is_number

MALE = frozenset({"m", "male", "1"})
FEMALE = frozenset({"f", "female", "2"})
ROLE_SEX = {"sire": "male", "dam": "female"}
YEARS = (1000, 9999)


def refuse_wrong_sex(parents: pd.DataFrame, sex: pd.Series, source: str) -> None:
    """Refuse a sire recorded as female or a dam recorded as male.

    Parameters
    ----------
    parents : DataFrame
        id, sire and dam.
    sex : Series of str
        M or F, male or female, or PLINK's 1 and 2, in the order of the rows; anything
        else is unknown.
    source : str
        The file, for messages.
    """
    cells = sex.str.strip().str.casefold()
    known = pd.Series("", index=parents["id"].to_numpy())
    known[cells.isin(MALE).to_numpy()] = "male"
    known[cells.isin(FEMALE).to_numpy()] = "female"
    known = known[~known.index.duplicated()]
    for role, right in ROLE_SEX.items():
        found = parents[role].map(known).fillna("")
        wrong = (found != "") & (found != right)
        if wrong.any():
            row = parents[wrong].iloc[0]
            raise InputError(
                f"{source}: {row[role]!r} is the {role} of {row['id']!r} but recorded "
                f"as {found[wrong].iloc[0]} ({int(wrong.sum())} such cases); correct "
                "the parents or the sex"
            )


def refuse_late_parents(parents: pd.DataFrame, born: pd.Series, source: str) -> None:
    """Refuse parents that are not born before their offspring.

    Parameters
    ----------
    parents : DataFrame
        id, sire and dam.
    born : Series of str
        Years or dates (2019-03-01), in the order of the rows; "0" is unknown. Where one
        of two is a year, years are compared.
    source : str
        The file, for messages.
    """
    cells = born.str.strip()
    dates = pd.to_datetime(cells, format="%Y-%m-%d", errors="coerce")
    numbers = pd.to_numeric(cells.where(cells.map(is_number)), errors="coerce")
    years = numbers.where(numbers.between(*YEARS)).fillna(dates.dt.year)
    odd = years.isna() & ~cells.isin({"0", ""})
    if odd.any():
        raise InputError(
            f"{source}: {cells[odd].iloc[0]!r} is no year or date of birth; write "
            "dates as 2019-03-01, and list codes of a missing value under the entry's "
            "'missing'"
        )
    ids = parents["id"].to_numpy()
    table = pd.DataFrame({"date": dates.to_numpy(), "year": years.to_numpy()}, ids)
    table = table[~table.index.duplicated()]
    for role in ROLE_SEX:
        theirs = table.reindex(parents[role]).reset_index(drop=True)
        both = dates.notna().to_numpy() & theirs["date"].notna().to_numpy()
        late = (theirs["date"].to_numpy() >= dates.to_numpy()) & both
        late |= (theirs["year"].to_numpy() > years.to_numpy()) & ~both
        if late.any():
            row = parents[late].iloc[0]
            raise InputError(
                f"{source}: {role} {row[role]!r} of {row['id']!r} is not born before "
                f"it ({int(late.sum())} such cases); correct the parents or the births"
            )
