"""The feature network's compiled forward and backward pass, as an autograd function.

The C kernel (table.c) reads int8 dosages and stores no N x P array of floats. It runs
in float32 on the CPU with softmax selection; for everything else, and without a
compiler, `FeatureNetwork` takes its torch path.
"""

import ctypes
import functools
from collections.abc import Sequence

import torch

from grvsnn.base.compiled import load_kernel
from grvsnn.models.network.inputs import Inputs
from grvsnn.models.network.parts import Architecture

MAX_HIDDEN = 16
MAX_TRAITS = 32
LANES = 16  # at most; the kernel takes what the processor has
PARAMETERS = ("w1", "b1", "A", "w2", "b2", "w3", "b3", "gain", "shift", "W", "b")
N_STATS = 4


class _Network(ctypes.Structure):
    _fields_ = (
        *(
            (name, ctypes.c_int64)
            for name in ("n_features", "n_markers", "hidden", "n_traits", "hard_gate")
        ),
        *((name, ctypes.c_void_p) for name in (*PARAMETERS, "mask")),
    )


class _Batch(ctypes.Structure):
    _fields_ = (
        ("n_rows", ctypes.c_int64),
        ("genotypes", ctypes.c_void_p),
        ("levels", ctypes.c_void_p),
        ("dense", ctypes.c_void_p),
    )


class _State(ctypes.Structure):
    _fields_ = (
        ("stride", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("abc", "z_dense", "stats", "y")),
    )


@functools.cache
def _library() -> ctypes.CDLL | None:
    library = load_kernel("models/network/table.c")
    if library is not None:
        pointer = ctypes.c_void_p
        library.network_forward.argtypes = [*[pointer] * 4, ctypes.c_float]
        library.network_backward.argtypes = [pointer] * 8
        library.network_forward.restype = library.network_backward.restype = None
    return library


def serves(
    architecture: Architecture,
    n_traits: int,
    weights: torch.Tensor,
    levels: torch.Tensor,
) -> bool:
    """Whether the compiled pass can stand in for the torch path.

    Parameters
    ----------
    architecture : Architecture
        Of the network.
    n_traits : int
        Its outputs.
    weights, levels : Tensor
        One of its parameters and the levels of its inputs: device and precision.
    """
    return (
        architecture.selection == "softmax"
        and architecture.hidden <= MAX_HIDDEN
        and n_traits <= MAX_TRAITS
        and weights.device.type == "cpu"
        and weights.dtype == levels.dtype == torch.float32
        and _library() is not None
    )


def run(
    inputs: Inputs,
    mask: torch.Tensor | None,
    hard_gate: bool,
    eps: float,
    parameters: Sequence[torch.Tensor | None],
) -> torch.Tensor:
    """Predicted traits, shape (N, T), differentiable in `parameters` (`PARAMETERS`)."""
    return _TablePass.apply(inputs, mask, hard_gate, eps, *parameters)


class _TablePass(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inputs, mask, hard_gate, eps, *parameters):
        inputs = Inputs(
            inputs.genotypes.contiguous(),
            inputs.levels.contiguous(),
            inputs.dense.contiguous(),
        )
        n, M, T = inputs.n_samples, inputs.n_markers, parameters[-1].shape[0]
        new = inputs.levels.new_empty
        stride = -(-inputs.dense.shape[1] // LANES) * LANES
        z_dense = torch.zeros(n, stride)
        work = new(n, T + 2, LANES)
        state = (new(3, M), z_dense, new(n, N_STATS), new(n, T))
        _library().network_forward(
            ctypes.byref(_network_struct(inputs, hard_gate, parameters, mask)),
            ctypes.byref(_batch_struct(inputs)),
            ctypes.byref(_state_struct(state)),
            _address(work),
            eps,
        )
        ctx.inputs, ctx.mask, ctx.hard_gate, ctx.state = inputs, mask, hard_gate, state
        ctx.save_for_backward(*parameters)
        return state[-1].clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        inputs, parameters, state = ctx.inputs, ctx.saved_tensors, ctx.state
        gradients = [None if p is None else torch.zeros_like(p) for p in parameters]
        d_abc, d_dense = torch.zeros_like(state[0]), torch.zeros_like(state[1])
        work = torch.zeros(inputs.n_samples, 2, LANES)
        dy = dy.contiguous()
        structs = (
            _network_struct(inputs, ctx.hard_gate, parameters, ctx.mask),
            _batch_struct(inputs),
            _state_struct(state),
            _network_struct(inputs, ctx.hard_gate, gradients, None),
        )
        net, batch, saved, grad = map(ctypes.byref, structs)
        _library().network_backward(
            net,
            batch,
            saved,
            _address(dy),
            grad,
            *map(_address, (d_abc, d_dense, work)),
        )
        return None, None, None, None, *gradients


def _network_struct(inputs: Inputs, hard_gate: bool, tensors, mask) -> _Network:
    named = dict(zip(PARAMETERS, tensors, strict=True))
    hidden, n_features = named["w1"].shape
    sizes = (n_features, inputs.n_markers, hidden, named["b"].shape[0], hard_gate)
    return _Network(*sizes, *map(_address, tensors), _address(mask))


def _batch_struct(inputs: Inputs) -> _Batch:
    arrays = (inputs.genotypes, inputs.levels, inputs.dense)
    return _Batch(inputs.n_samples, *map(_address, arrays))


def _state_struct(state: tuple[torch.Tensor, ...]) -> _State:
    return _State(state[1].shape[1], *map(_address, state))


def _address(tensor: torch.Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()
