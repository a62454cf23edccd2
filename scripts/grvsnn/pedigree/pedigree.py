"""Pedigrees: read, checked, and sorted so that parents come before their progeny."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from grvsnn.base.errors import InputError

UNKNOWN_PARENT_CODES = ("", "0", ".", "-", "NA", "N/A", "NaN", "nan", "None", "NULL")
UNKNOWN = -1
"""Row number that stands for an unknown parent."""


@dataclass(frozen=True, eq=False)
class Pedigree:
    """Animals and their parents, sorted by generation, then by id.

    The order depends on the animals alone and never on the order of the table's rows,
    so everything computed from a pedigree is the same for a shuffled file.

    Parameters
    ----------
    ids : ndarray of str, shape (n_animals,)
        Parents always precede their progeny.
    sire, dam : ndarray of int64, shape (n_animals,)
        Row numbers of the parents, `UNKNOWN` (-1) where not known.
    generation : ndarray of int64, shape (n_animals,)
        Longest path to a founder; 0 for animals without known parents. Non-decreasing.
    n_added : int
        Parents without a record of their own that were added as founders.
    """

    ids: np.ndarray
    sire: np.ndarray
    dam: np.ndarray
    generation: np.ndarray
    n_added: int = 0

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        both_sexes: bool = False,
        source: str = "pedigree",
    ) -> "Pedigree":
        """Check and sort a table with columns ``id``, ``sire`` and ``dam``.

        Parameters
        ----------
        frame : DataFrame
            One row per animal, in any order. Empty cells and `UNKNOWN_PARENT_CODES`
            mean an unknown parent; parents without a row become founders.
        both_sexes : bool
            Allow an individual that is a sire in one row and a dam in another (plants,
            selfing). In animals that is a mistake in the file.
        source : str
            Name of the file or table for error messages.

        Raises
        ------
        InputError
            Missing column, empty or repeated id, an individual of both sexes, or an
            animal that is its own ancestor; the message names the animals.
        """
        ids, sires, dams = _read_columns(frame, source)
        if not both_sexes:
            _refuse_both_sexes(sires, dams, source)
        every_id = pd.Index(ids).append(pd.Index(sires)).append(pd.Index(dams))
        every_id = every_id.dropna().unique()
        n_added = len(every_id) - len(ids)
        padding = np.full(n_added, UNKNOWN)
        sire = np.concatenate([every_id.get_indexer(sires), padding])
        dam = np.concatenate([every_id.get_indexer(dams), padding])
        # get_indexer answers -1 for a missing value, which is UNKNOWN
        generation = _count_generations(sire, dam, every_id, source)
        names = every_id.to_numpy(dtype=object)
        return cls._sorted(names, sire, dam, generation, n_added)

    @classmethod
    def _sorted(
        cls,
        ids: np.ndarray,
        sire: np.ndarray,
        dam: np.ndarray,
        generation: np.ndarray,
        n_added: int,
    ) -> "Pedigree":
        by_id = np.argsort(ids, kind="stable")
        order = by_id[np.argsort(generation[by_id], kind="stable")]
        # the last entry maps UNKNOWN to itself
        rank = np.full(len(ids) + 1, UNKNOWN)
        rank[order] = np.arange(len(ids))
        return cls(
            ids[order], rank[sire[order]], rank[dam[order]], generation[order], n_added
        )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def n_animals(self) -> int:
        """Number of animals, added founders included."""
        return len(self.ids)

    @cached_property
    def is_parent(self) -> np.ndarray:
        """Whether each animal has progeny, shape (n_animals,)."""
        return self.n_progeny > 0

    @cached_property
    def n_progeny(self) -> np.ndarray:
        """Progeny of each animal; a selfed one counts once, shape (n_animals,)."""
        other = self.dam[self.dam != self.sire]
        parents = np.concatenate([self.sire, other])
        return np.bincount(parents[parents >= 0], minlength=len(self))

    @cached_property
    def _index(self) -> pd.Index:
        return pd.Index(self.ids)

    def generations(self) -> Iterator[tuple[int, int]]:
        """First row and end of each generation, the founders first."""
        edges = np.flatnonzero(np.diff(self.generation, prepend=-1, append=-1))
        return itertools.pairwise(edges.tolist())

    def rows_of(self, sample_ids: Sequence[str]) -> np.ndarray:
        """Row numbers of the given animals.

        Raises
        ------
        InputError
            When an animal is not in the pedigree; the message names the first ones.
        """
        wanted = pd.Index([str(sample) for sample in sample_ids], dtype=object)
        rows = self._index.get_indexer(wanted)
        if (rows < 0).any():
            missing = wanted[rows < 0]
            raise InputError(
                f"{len(missing)} of {len(wanted)} genotyped animals are not in the "
                f"pedigree: {_name_some(missing)}; add a record for each (parents 0 "
                "if unknown) or use setting 'markers'"
            )
        return rows

    def full_sib_families(self) -> np.ndarray:
        """Family label ``sire x dam`` of each animal, shape (n_animals,).

        An animal with an unknown parent is a family of its own, named by its id.
        """
        known = (self.sire >= 0) & (self.dam >= 0)
        labels = self.ids.astype(object).copy()
        sires, dams = self.ids[self.sire[known]], self.ids[self.dam[known]]
        labels[known] = sires + " x " + dams
        return labels

    def with_ancestors(self, rows: np.ndarray) -> np.ndarray:
        """Ascending rows of the given animals and all their ancestors."""
        # the last entry answers for an unknown parent
        wanted = np.zeros(len(self) + 1, dtype=bool)
        wanted[rows] = True
        for start, stop in reversed(list(self.generations())):
            born = start + np.flatnonzero(wanted[start:stop])
            wanted[self.sire[born]] = wanted[self.dam[born]] = True
        return np.flatnonzero(wanted[:-1])

    def keep(self, rows: np.ndarray) -> "Pedigree":
        """Sub-pedigree of the given ascending rows, which must hold all their parents.

        Dropping an animal that nobody descends from changes nothing for the others.
        """
        position = np.full(len(self) + 1, UNKNOWN)
        position[rows] = np.arange(len(rows))
        sire, dam = position[self.sire[rows]], position[self.dam[rows]]
        if ((sire < 0) != (self.sire[rows] < 0)).any() or (
            (dam < 0) != (self.dam[rows] < 0)
        ).any():
            raise ValueError("a kept animal's known parent was dropped")
        return Pedigree(self.ids[rows], sire, dam, self.generation[rows], 0)

    def to_frame(self) -> pd.DataFrame:
        """Table with columns id, sire, dam; an empty string for an unknown parent."""
        names = np.append(self.ids.astype(object), "")
        return pd.DataFrame(
            {"id": self.ids, "sire": names[self.sire], "dam": names[self.dam]}
        )


def _read_columns(
    frame: pd.DataFrame, source: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids and parents as strings, None for an unknown parent; refuse bad ids."""
    absent = [name for name in ("id", "sire", "dam") if name not in frame.columns]
    if absent:
        raise InputError(
            f"{source}: column {absent[0]!r} is missing (found: "
            f"{', '.join(map(str, frame.columns))}); a pedigree needs id, sire and dam"
        )
    if frame.empty:
        raise InputError(f"{source}: the pedigree has no records")
    ids, sires, dams = (_as_ids(frame[name]) for name in ("id", "sire", "dam"))
    if ids.isna().any():
        line = int(np.flatnonzero(ids.isna())[0]) + 1
        raise InputError(f"{source}: record {line} has no animal id (empty or 0)")
    if ids.duplicated().any():
        repeated = ids[ids.duplicated()].unique()
        raise InputError(
            f"{source}: {len(repeated)} animals have more than one record: "
            f"{_name_some(repeated)}; keep one record per animal"
        )
    return tuple(column.to_numpy(dtype=object) for column in (ids, sires, dams))


def _as_ids(column: pd.Series) -> pd.Series:
    """Text ids with None for the unknown codes; 12.0 of a gappy column reads 12."""
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    text = column.astype("string").str.strip()
    text = text.mask(text.isin(UNKNOWN_PARENT_CODES))
    return text.astype(object).where(text.notna(), None)


def _refuse_both_sexes(sires: np.ndarray, dams: np.ndarray, source: str) -> None:
    both = pd.Index(sires).dropna().intersection(pd.Index(dams).dropna()).unique()
    if len(both):
        raise InputError(
            f"{source}: {len(both)} individuals are both sire and dam: "
            f"{_name_some(both)}; correct the file, or for plants and selfing allow it "
            "with both_sexes: true"
        )


def _count_generations(
    sire: np.ndarray, dam: np.ndarray, ids: pd.Index, source: str
) -> np.ndarray:
    """Longest path to a founder; settle the animals whose parents are all settled."""
    # the last entry answers for an unknown parent
    generation = np.full(len(ids) + 1, UNKNOWN)
    generation[-1] = 0
    waiting = np.arange(len(ids))
    level = 0
    while len(waiting):
        ready = (generation[sire[waiting]] >= 0) & (generation[dam[waiting]] >= 0)
        if not ready.any():
            loop = _find_loop(waiting, sire, dam, generation)
            chain = " <- ".join(ids[animal] for animal in loop)
            raise InputError(
                f"{source}: an animal is its own ancestor: {chain} "
                "(each name is a progeny of the next); correct one of these records"
            )
        generation[waiting[ready]] = level
        waiting = waiting[~ready]
        level += 1
    return generation[:-1]


def _find_loop(
    waiting: np.ndarray, sire: np.ndarray, dam: np.ndarray, generation: np.ndarray
) -> list[int]:
    """Follow unsettled parents until an animal comes up a second time."""
    path, seen = [], {}
    animal = int(waiting[0])
    while animal not in seen:
        seen[animal] = len(path)
        path.append(animal)
        animal = int(sire[animal] if generation[sire[animal]] < 0 else dam[animal])
    return [*path[seen[animal] :], animal]


def _name_some(names: Sequence[str], limit: int = 5) -> str:
    shown = ", ".join(str(name) for name in list(names)[:limit])
    return shown + (", ..." if len(names) > limit else "")
