"""The C kernel behind the interface of `Kernel`."""

import ctypes
from typing import Protocol
from weakref import WeakKeyDictionary

import numpy as np

from grvsnn.base.compiled import load_kernel
from grvsnn.models.gibbs.design import BLOCK
from grvsnn.models.gibbs.lanes import MAX_LANES, LaneGroup
from grvsnn.models.gibbs.priors import MODEL_CODE


class Kernel(Protocol):
    """What the sampler needs done at machine speed; all arrays change in place."""

    name: str
    max_lanes: int

    def sweep(self, group: LaneGroup) -> None:
        """Draw every effect in turn, and the lasso's tau2; leave sums in the group."""

    def refresh(self, group: LaneGroup) -> None:
        """Recompute residuals from the effects, against rounding drift."""

    def record(
        self,
        effect: np.ndarray,
        draw: int,
        mean: np.ndarray,
        square: np.ndarray,
        included: np.ndarray,
    ) -> None:
        """Add the `draw`-th draw (from 1) to running means and sums of squares."""

    def tails(
        self, effect: np.ndarray, draw: int, tail: np.ndarray, cut: np.ndarray
    ) -> None:
        """Keep the smallest and largest draws: `tail` (slots, lanes, 2, depth)."""


class _Group(ctypes.Structure):
    """Mirror of `struct lane_group` in kernel.c."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("n_rows", "n_marker_blocks")),
        *((name, ctypes.c_int32) for name in ("n_loading_blocks", "lanes", "model")),
        ("n_cells", ctypes.c_int32),
        *(
            (name, ctypes.c_void_p)
            for name in (
                "codes",
                "loadings",
                "term",
                "mask",
                "n_used",
                "target",
                "gram",
                "shift",
                "inverse_sd",
                "x2",
                "effect",
                "inverse_tau2",
                "residual",
                "residual_sum",
                "rng",
                "var_e",
                "ratio",
                "logit_pi",
                "log_odds",
                "lambda_",
                "residual_square",
                "term_sums",
                "patch_start",
                "patch_cells",
                "patch_delta",
            )
        ),
    )


def _address(array: np.ndarray) -> int:
    if not array.flags.c_contiguous:
        raise ValueError("the kernel reads C-contiguous arrays only")
    return array.ctypes.data


class NativeKernel:
    """The compiled kernel; its calls release Python's global lock."""

    name = "c"
    max_lanes = MAX_LANES

    def __init__(self, library: ctypes.CDLL):
        self._library = library
        self._structs: WeakKeyDictionary[LaneGroup, _Group] = WeakKeyDictionary()
        library.gibbs_record.argtypes = (
            ctypes.c_void_p,
            ctypes.c_int64,
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_void_p,
        )
        library.gibbs_tails.argtypes = (
            ctypes.c_void_p,
            ctypes.c_int64,
            ctypes.c_int32,
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
        )
        library.gibbs_draws.argtypes = (
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.c_int64,
            ctypes.c_void_p,
            ctypes.c_void_p,
        )

    def sweep(self, group: LaneGroup) -> None:
        """See `Kernel.sweep`."""
        self._library.gibbs_sweep(ctypes.byref(self._struct(group)))

    def refresh(self, group: LaneGroup) -> None:
        """See `Kernel.refresh`."""
        self._library.gibbs_refresh(ctypes.byref(self._struct(group)))

    def record(
        self,
        effect: np.ndarray,
        draw: int,
        mean: np.ndarray,
        square: np.ndarray,
        included: np.ndarray,
    ) -> None:
        """See `Kernel.record`."""
        arrays = (_address(mean), _address(square), _address(included))
        self._library.gibbs_record(_address(effect), effect.size, draw, *arrays)

    def tails(
        self, effect: np.ndarray, draw: int, tail: np.ndarray, cut: np.ndarray
    ) -> None:
        """See `Kernel.tails`."""
        depth = tail.shape[-1]
        arrays = (_address(tail), _address(cut))
        self._library.gibbs_tails(_address(effect), effect.size, draw, depth, *arrays)

    def draws(self, rng: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw normals and uniforms, (n, 32, lanes) each, from `rng` (4, lanes)."""
        lanes = rng.shape[1]
        normals = np.empty((n, BLOCK, lanes), np.float32)
        uniforms = np.empty_like(normals)
        arrays = (_address(normals), _address(uniforms))
        self._library.gibbs_draws(_address(rng), lanes, n, *arrays)
        return normals, uniforms

    def _struct(self, group: LaneGroup) -> _Group:
        """Return the addresses of a group's arrays, which stay where they are."""
        if group not in self._structs:
            self._structs[group] = self._describe(group)
        return self._structs[group]

    @staticmethod
    def _describe(group: LaneGroup) -> _Group:
        design = group.design
        shared = {
            name: _address(getattr(design, name))
            for name in ("codes", "loadings", "term")
        }
        own = {
            name: _address(getattr(group, name))
            for name, kind in _Group._fields_
            if kind is ctypes.c_void_p and name not in shared
        }
        return _Group(
            n_rows=design.padded_rows,
            n_marker_blocks=len(design.codes),
            n_loading_blocks=len(design.loadings),
            lanes=group.lanes,
            model=MODEL_CODE[group.model],
            n_cells=len(group.patch_delta),
            **shared,
            **own,
        )


def native_kernel() -> NativeKernel | None:
    """Return the compiled kernel, or None where it cannot be built."""
    library = load_kernel("models/gibbs/kernel.c")
    return None if library is None else NativeKernel(library)
