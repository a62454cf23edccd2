"""Features as the sampler reads them: blocks of 32 columns, integer codes or floats."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from grvsnn.protocol.fold_task import holds_calls

BLOCK = 32
TILE = 32
PAIRS = BLOCK * (BLOCK - 1) // 2

# A column whose variance over the training rows is below this (in squared code units;
# one heterozygote among n animals gives about 1/n) is constant and left out.
CONSTANT = 1e-9


@dataclass(frozen=True, eq=False)
class Design:
    """Markers and loadings of the animals that any chain is fitted on.

    Parameters
    ----------
    codes : ndarray of int8, shape (marker_blocks, padded_rows, 32)
        Dosage minus the column's rounded mean, which keeps sums of codes small.
    loadings : ndarray of float32, shape (loading_blocks, padded_rows, 32)
        Fractional dosages, then loadings, each padded to whole blocks; standardised
        over all rows for the sake of float32 only.
    term : ndarray of int32, shape (blocks,)
        Which of the model's terms a block belongs to.
    slots : ndarray of int, shape (n_features,)
        Place of each feature among the blocks' columns.
    origin, unit : ndarray of float64, shape (n_features,)
        code = (feature - origin) / unit.
    n_rows : int
        Animals; rows beyond them are padding and belong to no chain.
    """

    codes: np.ndarray
    loadings: np.ndarray
    term: np.ndarray
    slots: np.ndarray
    origin: np.ndarray
    unit: np.ndarray
    n_rows: int

    @property
    def n_blocks(self) -> int:
        """Blocks of 32 columns, markers' first."""
        return len(self.term)

    @property
    def n_slots(self) -> int:
        """Columns of all blocks, padding included."""
        return self.n_blocks * BLOCK

    @property
    def slot_term(self) -> np.ndarray:
        """Term of every column of the blocks, shape (n_slots,)."""
        return np.repeat(self.term, BLOCK)

    @property
    def n_features(self) -> int:
        """Markers and loadings."""
        return len(self.slots)

    @property
    def n_terms(self) -> int:
        """Terms of the model (1 or 2)."""
        return int(self.term.max(initial=0)) + 1

    @property
    def padded_rows(self) -> int:
        """Rows of every block."""
        return self.codes.shape[1]

    def block(self, index: int) -> np.ndarray:
        """Codes of one block over the animals, in a float type that sums them exactly.

        Products of integer codes stay below 2**24, where float32 is exact.
        """
        if index < len(self.codes):
            return self.codes[index, : self.n_rows].astype(np.float32)
        part = self.loadings[index - len(self.codes), : self.n_rows]
        return part.astype(np.float64)


@dataclass(frozen=True, eq=False)
class Patch:
    """Cells in which a fold's features differ from those of the design.

    Missing calls are filled by each fold's training rows. Folds share the design, in
    which the calls are filled by all rows, and a fold's own values come back through
    its patch: exactly, so that no fold's fit depends on another's rows.

    Parameters
    ----------
    rows, slots : ndarray of int32, shape (n_cells,)
        Row and slot of each cell, by block and then by row.
    delta : ndarray of float32, shape (n_cells,)
        Fold's value - design's value, in units of the codes.
    """

    rows: np.ndarray
    slots: np.ndarray
    delta: np.ndarray

    def apply(self, x: np.ndarray, block: int) -> np.ndarray:
        """Features of a block, shape (n_rows, 32), as the fold has them."""
        cells = self._of_block(block)
        if cells.start == cells.stop:
            return x
        x = x.copy()
        x[self.rows[cells], self.slots[cells] % BLOCK] += self.delta[cells]
        return x

    def _of_block(self, block: int) -> slice:
        return slice(*np.searchsorted(self._blocks, [block, block + 1]))

    @cached_property
    def _blocks(self) -> np.ndarray:
        return self.slots // BLOCK


def find_patch(design: Design, shared: np.ndarray, own: np.ndarray) -> Patch | None:
    """Patch of a fold's genotypes.

    Parameters
    ----------
    design : Design
        Built from `shared`.
    shared, own : ndarray of int8 or float32, shape (n_rows, n_markers)
        Dosages in the design's rows, those of the design and the fold's.

    Returns
    -------
    Patch or None
        None where they do not differ.
    """
    rows, columns = np.nonzero(shared != own)
    if not len(rows):
        return None
    difference = own[rows, columns].astype(np.float64) - shared[rows, columns]
    slots = design.slots[columns]
    order = np.lexsort((slots, rows, slots // BLOCK))
    return Patch(
        rows=rows[order].astype(np.int32),
        slots=slots[order].astype(np.int32),
        delta=(difference / design.unit[columns])[order].astype(np.float32),
    )


def build_design(
    genotypes: np.ndarray, loadings: np.ndarray, rows: np.ndarray, joint: bool
) -> Design:
    """Arrange the features of some animals for the sampler.

    Parameters
    ----------
    genotypes : ndarray of int8 or float32, shape (n_samples, n_markers)
        Dosages without gaps; fractional ones are kept as floats, like loadings.
    loadings : ndarray of float64, shape (n_samples, n_loadings)
        Pedigree loadings.
    rows : ndarray of int
        Animals to take (all that any chain is fitted on).
    joint : bool
        One term for all features; otherwise markers and loadings are a term each.

    Returns
    -------
    Design
    """
    n_markers, n_loadings = genotypes.shape[1], loadings.shape[1]
    taken = genotypes[rows]
    hard, fractional = taken, taken[:, :0]
    if not holds_calls(taken):
        hard, fractional = fractional.astype(np.int8), hard
    base = np.rint(hard.mean(axis=0, dtype=np.float64))
    codes = _blocks(hard - base.astype(np.int8), np.int8)
    dosages, dosage_centre, dosage_unit = _scale(fractional)
    scaled, centre, unit = _scale(loadings[rows])
    marker_blocks = len(codes) + len(dosages)
    both = n_markers > 0 and n_loadings > 0 and not joint
    term = np.repeat(np.array([0, int(both)], np.int32), (marker_blocks, len(scaled)))
    return Design(
        codes=codes,
        loadings=np.concatenate((dosages, scaled)),
        term=term,
        slots=np.concatenate(
            (np.arange(n_markers), marker_blocks * BLOCK + np.arange(n_loadings))
        ),
        origin=np.concatenate((base, dosage_centre, centre)),
        unit=np.concatenate((np.ones(hard.shape[1]), dosage_unit, unit)),
        n_rows=len(rows),
    )


def _scale(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blocks of standardised columns, and each column's centre and unit."""
    columns = columns.astype(np.float64)
    centre, sd = columns.mean(axis=0), columns.std(axis=0)
    largest = np.abs(columns).max(axis=0, initial=0.0)
    # a constant column may vary by rounding, which must not be blown up
    unit = np.where(sd > CONSTANT * largest, sd, 1.0)
    return _blocks((columns - centre) / unit, np.float32), centre, unit


def _blocks(columns: np.ndarray, dtype: type) -> np.ndarray:
    """Split (rows, columns) into zero-padded blocks (blocks, rows, 32)."""
    n_rows, n_columns = columns.shape
    n_blocks = -(-n_columns // BLOCK)
    padded = np.zeros((n_blocks, -(-n_rows // TILE) * TILE, BLOCK), dtype)
    for index in range(n_blocks):
        part = columns[:, index * BLOCK : (index + 1) * BLOCK]
        padded[index, :n_rows, : part.shape[1]] = part
    return padded


def column_sums(design: Design, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute sums of codes and of squared codes over sets of rows.

    Parameters
    ----------
    design : Design
        Features.
    masks : ndarray of bool, shape (sets, n_rows)
        Sets of rows.

    Returns
    -------
    total, square : ndarray of float64, shape (sets, n_slots)
    """
    total = np.zeros((len(masks), design.n_slots))
    square = np.zeros_like(total)
    for index in range(design.n_blocks):
        x = design.block(index)
        columns = slice(index * BLOCK, (index + 1) * BLOCK)
        total[:, columns] = _sums(x, masks)
        square[:, columns] = _sums(x * x, masks)
    return total, square


def patch_sums(
    design: Design, patch: Patch, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Compute what a patch adds to the sums of `column_sums` over one set of rows.

    Returns
    -------
    total, square : ndarray of float64, shape (n_slots,)
    """
    total, square = np.zeros(design.n_slots), np.zeros(design.n_slots)
    for index in np.unique(patch.slots // BLOCK):
        x = design.block(index).astype(np.float64)
        own = patch.apply(x, index)
        columns = slice(index * BLOCK, (index + 1) * BLOCK)
        total[columns] = (own - x)[mask].sum(axis=0)
        square[columns] = (own * own - x * x)[mask].sum(axis=0)
    return total, square


def _sums(x: np.ndarray, masks: np.ndarray) -> np.ndarray:
    if x.dtype == np.float32:  # integers, exact in any order
        return masks.astype(np.float32) @ x
    # one set at a time, so that no other set changes how BLAS would round
    return np.array([x[mask].sum(axis=0) for mask in masks])


def gram_pairs(
    design: Design, masks: np.ndarray, patches: Sequence[Patch | None] | None = None
) -> np.ndarray:
    """Compute cross products x_j'x_k, j < k, within every block over sets of rows.

    The rows outside a training set are the fewer ones, so their products are taken
    from those over all rows; a patched block's are taken from its own rows.

    Parameters
    ----------
    design : Design
        Features.
    masks : ndarray of bool, shape (sets, n_rows)
        Sets of rows.
    patches : sequence of Patch or None, optional
        Each set's patch.

    Returns
    -------
    ndarray of float32, shape (blocks, 496, sets)
        Pairs in the order (0, 1), (0, 2), ..., (30, 31).
    """
    upper = np.triu_indices(BLOCK, 1)
    outside = [np.flatnonzero(~mask) for mask in masks]
    inside = [np.flatnonzero(mask) for mask in masks]
    patches = patches or [None] * len(masks)
    pairs = np.empty((design.n_blocks, PAIRS, len(masks)), np.float32)
    for index in range(design.n_blocks):
        x = design.block(index)
        total = x.T @ x
        for number, (left_out, kept) in enumerate(zip(outside, inside, strict=True)):
            own = patches[number].apply(x, index) if patches[number] else x
            if own is x and len(left_out) < len(kept):
                part = x[left_out]
                product = total - part.T @ part
            else:
                part = own[kept]
                product = part.T @ part
            pairs[index, :, number] = product[upper]
    return pairs
