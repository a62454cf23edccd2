"""Products of a set of rows' features with LassoNet's weights, and back.

Markers have three levels, whatever they were standardised by, and the C kernel
(products.c) takes four of them at a time from tables. Features of more levels, devices
other than the CPU and machines without a compiler take torch's matrix products.
"""

import ctypes
import functools

import torch
from torch.nn import functional

from grvsnn.base.compiled import load_kernel

MAX_OUTPUTS = 64
GROUP = 4
LEVELS = 3
CHUNK = 256  # features looked at together, so that they stay in the cache


class _Features(ctypes.Structure):
    _fields_ = (
        *(
            (name, ctypes.c_int64)
            for name in ("n_rows", "n_features", "n_groups", "n_outputs")
        ),
        ("codes", ctypes.c_void_p),
        ("levels", ctypes.c_void_p),
    )


@functools.cache
def library() -> ctypes.CDLL | None:
    """Return the compiled kernel; None where it cannot be built."""
    library = load_kernel("models/lassonet/products.c")
    if library is not None:
        pointer, integer, real = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float
        library.lassonet_forward.argtypes = [pointer] * 3
        library.lassonet_backward.argtypes = [pointer] * 3
        library.lassonet_shrink.argtypes = [
            *[pointer] * 2,
            *[integer] * 3,
            *[real] * 2,
        ]
        library.lassonet_lanes.restype = integer
    return library


def serves(array: torch.Tensor, n_outputs: int) -> bool:
    """Whether the kernel can work on arrays like this one, with so many outputs."""
    plain = array.device.type == "cpu" and array.dtype == torch.float32
    plain = plain and array.is_contiguous()
    return plain and n_outputs <= MAX_OUTPUTS and library() is not None


class Products:
    """The features of a set of rows, ready to be multiplied again and again.

    Parameters
    ----------
    X : Tensor of float32, shape (n, P)
        Features.
    n_outputs : int
        K, rows of the weights.
    """

    def __init__(self, X: torch.Tensor, n_outputs: int) -> None:
        self.X, self.n_outputs = X, n_outputs
        self._tabled = self._rest = None
        if serves(X, n_outputs):
            self._make_tables()

    @property
    def n_tabled(self) -> int:
        """Features that the kernel takes from tables."""
        return 0 if self._tabled is None else len(self._tabled)

    def _make_tables(self) -> None:
        parts = [find_levels(part) for part in self.X.split(CHUNK, dim=1)]
        tabled, levels, codes = (torch.cat(part) for part in zip(*parts, strict=True))
        if not tabled.any():
            return
        self._tabled = tabled.nonzero().squeeze(1)
        if not tabled.all():
            self._others = (~tabled).nonzero().squeeze(1)
            self._rest = self.X[:, self._others]
            levels, codes = levels[tabled], codes[tabled]
        p, n = codes.shape
        n_groups = -(-p // GROUP)
        self._levels = functional.pad(levels, (0, 0, 0, n_groups * GROUP - p))
        codes = functional.pad(codes, (0, 0, 0, n_groups * GROUP - p))
        self._codes = torch.zeros(n_groups, n, dtype=torch.uint8)
        for place in range(GROUP):
            self._codes += LEVELS**place * codes[place::GROUP]
        lanes = library().lassonet_lanes()
        self._width = -(-self.n_outputs // lanes) * lanes
        sizes = (n, p, n_groups, self.n_outputs)
        arrays = (self._codes.data_ptr(), self._levels.data_ptr())
        self._features = _Features(*sizes, *arrays)

    def forward(self, weights: torch.Tensor) -> torch.Tensor:
        """X W', shape (n, K), of weights (K, P)."""
        if self._tabled is None:
            return self.X @ weights.T
        whole = self._rest is None
        mine = weights if whole else weights.index_select(1, self._tabled)
        out = torch.empty(len(self.X), self._width)
        mine = mine.contiguous()
        library().lassonet_forward(
            ctypes.byref(self._features), mine.data_ptr(), out.data_ptr()
        )
        products = out[:, : self.n_outputs]
        if whole:
            return products
        return products + self._rest @ weights.index_select(1, self._others).T

    def backward(self, D: torch.Tensor) -> torch.Tensor:
        """D'X, shape (K, P), of derivatives (n, K)."""
        if self._tabled is None:
            return D.T @ self.X
        padded = torch.zeros(len(D), self._width)
        padded[:, : self.n_outputs] = D
        mine = torch.empty(self.n_outputs, self._features.n_features)
        library().lassonet_backward(
            ctypes.byref(self._features), padded.data_ptr(), mine.data_ptr()
        )
        if self._rest is None:
            return mine
        gradient = torch.empty(self.n_outputs, self.X.shape[1])
        gradient[:, self._tabled] = mine
        gradient[:, self._others] = D.T @ self._rest
        return gradient


def find_levels(X: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Levels of features that have no more than three, and each row's.

    Parameters
    ----------
    X : Tensor, shape (n, P)
        Features.

    Returns
    -------
    tabled : Tensor of bool, shape (P,)
        Whether a feature has three levels or fewer.
    levels : Tensor, shape (P, 3)
        Smallest, middle and largest value; of two or one the others are repeated.
    codes : Tensor of uint8, shape (P, n)
        0, 1 or 2, the level of each row.
    """
    X = X.T.contiguous()
    low, high = X.amin(dim=1, keepdim=True), X.amax(dim=1, keepdim=True)
    at_high = (X == high) & (low < high)
    between = (X > low) & (X < high)
    middle = torch.where(between, X, low).amax(dim=1, keepdim=True)
    tabled = ~(between & (X < middle)).any(dim=1)
    codes = between.to(torch.uint8) + 2 * at_high.to(torch.uint8)
    return tabled, torch.cat([low, middle, high], dim=1), codes
