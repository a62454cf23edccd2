"""Parents as people write them: codes for unknown, and ids that nearly match.

A parent without a record of its own is a founder, which is common and right. It is
wrong where the cell stands for an unknown parent, or for an animal that has a record
under a slightly different spelling; then relationships are lost, or invented, without a
word.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping

import pandas as pd

from grvsnn.base.errors import InputError
from grvsnn.pedigree.pedigree import UNKNOWN_PARENT_CODES

ROLES = ("sire", "dam")
ZEROS = re.compile(r"[+-]?0+([.,]0*)?$")
WORDS = frozenset(
    {
        *(code.casefold() for code in UNKNOWN_PARENT_CODES),
        *("unk", "unknown", "unkn", "missing", "miss", "<na>", "#n/a", "n.a.", "na."),
        *("\\n", "?", "*", "--", "---", "none", "null", "nil", "x", "xx"),
        *("-1", "-9", "-99", "-999", "-9999"),
    }
)
"""Cells that stand for an unknown parent, unless an animal of that name is there."""
MANY, SHARE = 10, 0.5
"""Progeny from which, and share of the records from which, a parent is asked about."""


def read_parents(
    frame: pd.DataFrame, codes: Collection[str], source: str
) -> pd.DataFrame:
    """Find unknown parents ("0"), and refuse those that match nobody by a hair.

    Parameters
    ----------
    frame : DataFrame
        id, sire and dam as text.
    codes : collection of str
        Further spellings of a missing value.
    source : str
        The file, for messages.

    Raises
    ------
    InputError
        A parent without a record is spelt nearly like an animal that has one, or has
        more than half of all animals as progeny, as a code for unknown would.
    """
    frame = frame.copy()
    recorded = set(frame["id"])
    for role in ROLES:
        cells = frame[role].map(_strip_invisible)
        is_code = cells.isin(codes) | cells.map(_is_unknown)
        unknown = is_code & ~cells.isin(recorded - {"0"})
        frame[role] = _without_point_zero(cells, recorded).mask(unknown, "0")
    _refuse_near_misses(frame, recorded, source)
    _refuse_common_parents(frame, recorded, source)
    return frame


def spell_alike(name: str) -> str:
    """Spell a name without case, zeros in front, quotes, and a ``.0`` behind."""
    text = _strip_invisible(name).strip("'\"` ").casefold()
    text = re.sub(r"(?<=\d)\.0+$", "", text)
    return re.sub(r"^0+(?=.)", "", text)


def explain_near_miss(name: str, known: Mapping[str, str]) -> str:
    """Say which known name a name nearly is; empty where it is none.

    Parameters
    ----------
    name : str
        An id that matches nobody.
    known : mapping of str to str
        `spell_alike` of each known name to that name.
    """
    other = known.get(spell_alike(name))
    return "" if other is None or other == name else f"{other!r}"


def _strip_invisible(text: str) -> str:
    """Drop white space at the ends and characters that no one sees."""
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return text.replace("\u00a0", " ").strip()


def _is_unknown(cell: str) -> bool:
    return cell.casefold() in WORDS or bool(ZEROS.match(cell))


def _without_point_zero(cells: pd.Series, recorded: set[str]) -> pd.Series:
    """Write 1007.0 as 1007 where an animal 1007 has a record and 1007.0 has none."""
    whole = cells.str.replace(r"^(\d+)\.0+$", r"\1", regex=True)
    return cells.where(cells.isin(recorded) | ~whole.isin(recorded), whole)


def _refuse_near_misses(frame: pd.DataFrame, recorded: set[str], source: str) -> None:
    known = {spell_alike(name): name for name in recorded}
    for role in ROLES:
        parents = frame[role][(frame[role] != "0") & ~frame[role].isin(recorded)]
        for name in parents.unique():
            if near := explain_near_miss(name, known):
                raise InputError(
                    f"{source}: {role} {name!r} has no record, but {near} has one; "
                    "write the same animal the same way in every column"
                )


def _refuse_common_parents(
    frame: pd.DataFrame, recorded: set[str], source: str
) -> None:
    for role in ROLES:
        named = frame[role][frame[role] != "0"]
        counts = named.value_counts()
        if not len(counts) or counts.index[0] in recorded:
            continue
        name, count = counts.index[0], int(counts.iloc[0])
        if count >= MANY and count > SHARE * len(frame):
            raise InputError(
                f"{source}: {name!r} is the {role} of {count} of {len(frame)} animals "
                "and has no record; if it stands for an unknown parent, add it to the "
                "entry's 'missing', and if it is an animal, give it a record"
            )
