"""Minibatch training with early stopping, reproducible for a seed."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from grvsnn.base.errors import InputError
from grvsnn.models.network.inputs import Inputs
from grvsnn.models.network.loss import masked_loss, observation_weights

logger = logging.getLogger(__name__)

OPTIMISERS = ("adamw", "block_adamw")
LOG_SECONDS = 20.0

# returns True to stop training (a pruned trial); sees the epoch and its validation loss
EpochCallback = Callable[[int, float], bool]


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How a network is trained.

    Parameters
    ----------
    batch_size : int
        Animals per step, at most; an epoch's batches are of nearly equal size.
    learning_rate, weight_decay : float
        Of AdamW; decay is decoupled, and multiplied by the learning rate.
    dropout : float
        Rate in [0, 1) of f2's dropout.
    max_epochs, patience : int
        Training ends after `max_epochs`, or when the validation loss has not improved
        for `patience` epochs.
    optimiser : {"adamw", "block_adamw"}
        Second moments per weight, or one per tensor and trait (see `BlockAdamW`).
    loading_rate : float
        Step of the head's weights of loadings (see `LoadingStep`); 0 moves them as all
        others.
    """

    batch_size: int = 128
    learning_rate: float = 1e-4
    weight_decay: float = 1e-2
    dropout: float = 0.2
    max_epochs: int = 200
    patience: int = 25
    optimiser: str = "adamw"
    loading_rate: float = 0.0

    def __post_init__(self):
        checks = {
            "batch_size": self.batch_size >= 1,
            "learning_rate": self.learning_rate > 0,
            "weight_decay": self.weight_decay >= 0,
            "dropout": 0 <= self.dropout < 1,
            "max_epochs": self.max_epochs >= 1,
            "patience": self.patience >= 1,
            "optimiser": self.optimiser in OPTIMISERS,
            "loading_rate": self.loading_rate >= 0,
        }
        for name, valid in checks.items():
            if not valid:
                raise InputError(f"{name}: {getattr(self, name)!r} is out of range")


@dataclass(frozen=True)
class History:
    """What happened in training.

    Parameters
    ----------
    losses : tuple of float
        Validation loss after each epoch: mean over traits of the MSE.
    training_losses : tuple of float
        Loss of each epoch's batches when they were learned from, dropout included:
        their mean, weighted by their sizes.
    start_loss : float
        Validation loss before the first epoch.
    best_epoch : int
        Epoch (from 1) whose weights were kept; 0 if none beat the start.
    best_loss : float
        Validation loss of the kept weights.
    seconds : float
        Wall-clock time.
    stopped : bool
        Whether the callback ended training.
    """

    losses: tuple[float, ...] = field(repr=False)
    training_losses: tuple[float, ...] = field(repr=False)
    start_loss: float
    best_epoch: int
    best_loss: float
    seconds: float
    stopped: bool


def fit_network(
    network: nn.Module,
    inputs: Inputs,
    Y: torch.Tensor,
    fit_rows: np.ndarray,
    validation_rows: np.ndarray,
    settings: TrainingSettings,
    seed: int,
    on_epoch: EpochCallback | None = None,
) -> History:
    """Train in place; the weights of the best validation epoch are restored.

    Parameters
    ----------
    network : FeatureNetwork or BottleneckNetwork
    inputs : Inputs
        Features of all N animals, on the network's device.
    Y : Tensor, shape (N, T)
        Traits, NaN where missing; only `fit_rows` and `validation_rows` are read.
    fit_rows, validation_rows : ndarray of int
    settings : TrainingSettings
    seed : int
        Drives the order of animals and dropout.
    on_epoch : callable, optional
        Called after each epoch with its number (from 1) and validation loss; training
        stops when it returns True.

    Returns
    -------
    History
    """
    start = time.perf_counter()
    generator = torch.Generator().manual_seed(seed)
    optimiser = make_optimiser(network, settings)
    stepper = _Stepper(network, optimiser, inputs.take(_index(fit_rows)), settings)
    fit_Y = _observed(Y, fit_rows, "fit")
    validation = inputs.take(_index(validation_rows))
    validation_Y = _observed(Y, validation_rows, "validation")

    best = _Best(network)
    start_loss = validation_loss(network, validation, validation_Y)
    best.offer(0, start_loss)
    losses: list[float] = []
    training_losses: list[float] = []
    stopped, logged = False, start
    for epoch in range(1, settings.max_epochs + 1):
        batches = _batches(len(fit_rows), settings.batch_size, generator)
        training_losses.append(stepper.run(batches, fit_Y, settings.dropout, generator))
        loss = validation_loss(network, validation, validation_Y)
        losses.append(loss)
        best.offer(epoch, loss)
        if time.perf_counter() - logged > LOG_SECONDS:
            logged = time.perf_counter()
            _log_progress(epoch, loss, best, settings, logged - start)
        if on_epoch is not None and on_epoch(epoch, loss):
            stopped = True
            break
        if epoch - best.epoch >= settings.patience or not math.isfinite(loss):
            break
    best.restore(network)
    seconds = time.perf_counter() - start
    return History(
        tuple(losses),
        tuple(training_losses),
        start_loss,
        best.epoch,
        best.loss,
        seconds,
        stopped,
    )


def fit_epochs(
    network: nn.Module,
    inputs: Inputs,
    Y: torch.Tensor,
    rows: np.ndarray,
    settings: TrainingSettings,
    seed: int,
    n_epochs: int,
) -> None:
    """Train in place for so many epochs, without validation rows.

    On the fit rows of `fit_network`, with its seed and up to its best epoch, this gives
    its network.

    Parameters
    ----------
    network : FeatureNetwork or BottleneckNetwork
    inputs : Inputs
        Features of all N animals, on the network's device.
    Y : Tensor, shape (N, T)
        Traits, NaN where missing; only `rows` are read.
    rows : ndarray of int
        Rows to learn from.
    settings : TrainingSettings
        Its ``max_epochs`` and ``patience`` do not count.
    seed : int
        Drives the order of animals and dropout.
    n_epochs : int
        0 leaves the network as it is.
    """
    generator = torch.Generator().manual_seed(seed)
    optimiser = make_optimiser(network, settings)
    stepper = _Stepper(network, optimiser, inputs.take(_index(rows)), settings)
    observed = _observed(Y, rows, "training")
    for _ in range(n_epochs):
        batches = _batches(len(rows), settings.batch_size, generator)
        stepper.run(batches, observed, settings.dropout, generator)


def epoch_of_steps(
    network: nn.Module,
    inputs: Inputs,
    Y: torch.Tensor,
    settings: TrainingSettings,
    seed: int,
) -> tuple[Callable[[int], None], int]:
    """Return a function that runs an epoch's first n steps, and their number.

    For benchmarks: the same steps as `fit_network`, without validation.
    """
    generator = torch.Generator().manual_seed(seed)
    optimiser = make_optimiser(network, settings)
    stepper = _Stepper(network, optimiser, inputs, settings)
    batches = _batches(inputs.n_samples, settings.batch_size, generator)

    def run_steps(n_steps: int) -> None:
        for rows in batches[:n_steps]:
            stepper.step(rows, Y, settings.dropout, generator)

    return run_steps, len(batches)


def make_optimiser(
    network: nn.Module, settings: TrainingSettings
) -> torch.optim.Optimizer:
    """AdamW (or `BlockAdamW`), with decay on weights but not on biases and gains."""
    decayed = network.decayed()
    chosen = {id(parameter) for parameter in decayed}
    others = [p for p in network.parameters() if id(p) not in chosen]
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if settings.optimiser == "block_adamw":
        return BlockAdamW(groups, lr=settings.learning_rate)
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)


class BlockAdamW(torch.optim.Optimizer):
    """AdamW with one second moment per row of a tensor's first dimension.

    Adam divides every weight's step by that weight's own gradient size, which moves all
    P weights of the head alike, whether their markers matter or not. With one divisor
    per trait (per hidden unit in the blocks) the direction is the gradient's, and early
    stopping from zero shrinks the head towards ridge regression.

    Parameters
    ----------
    params : iterable
        As any torch optimiser.
    lr : float
        Root mean square step of a block, about.
    betas, eps, weight_decay
        As AdamW.
    """

    def __init__(
        self,
        params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-12,
        weight_decay: float = 0.0,
    ):
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure=None):
        """Update all parameters once."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)

    def _update(self, parameter: torch.Tensor, group: dict) -> None:
        gradient = parameter.grad
        blocks = gradient if gradient.ndim > 1 else gradient.unsqueeze(0)
        state = self.state[parameter]
        if not state:
            state["step"] = 0
            state["mean"] = torch.zeros_like(gradient)
            state["square"] = gradient.new_zeros(len(blocks))
        state["step"] += 1
        beta1, beta2 = group["betas"]
        state["mean"].lerp_(gradient, 1 - beta1)
        square = blocks.square().flatten(1).mean(1)
        state["square"].lerp_(square, 1 - beta2)
        size = (state["square"] / (1 - beta2 ** state["step"])).sqrt() + group["eps"]
        rate = group["lr"] / (1 - beta1 ** state["step"]) / size
        if group["weight_decay"]:
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
        shape = (-1,) + (1,) * (gradient.ndim - 1) if gradient.ndim > 1 else (1,)
        parameter.sub_(state["mean"] * rate.view(shape))


class LoadingStep:
    """A step in which the head's weights of loadings have an optimiser of their own.

    They move by momentum over the root mean square gradient of all of a trait's
    loadings (`BlockAdamW`), with a step of their own. Loadings that share one scale
    then move as their gradients say: those of large families most, as in BLUP.

    Parameters
    ----------
    optimiser : Optimizer
        Of all other weights.
    W : Parameter, shape (T, P)
        The head; its last columns are those of the loadings.
    n_loadings : int
    settings : TrainingSettings
        ``loading_rate`` and ``weight_decay``.
    """

    def __init__(
        self,
        optimiser: torch.optim.Optimizer,
        W: nn.Parameter,
        n_loadings: int,
        settings: TrainingSettings,
    ):
        self.others = optimiser
        self.W = W
        self.columns = slice(W.shape[1] - n_loadings, None)
        # a view: what moves it moves W
        self.part = nn.Parameter(W.data[:, self.columns])
        group = {"params": [self.part], "weight_decay": settings.weight_decay}
        self.own = BlockAdamW([group], lr=settings.loading_rate)

    def zero_grad(self, *, set_to_none: bool) -> None:
        """Forget all gradients."""
        self.others.zero_grad(set_to_none=set_to_none)

    def step(self) -> None:
        """Update all parameters once."""
        kept = self.part.detach().clone()
        self.others.step()
        with torch.no_grad():
            self.part.copy_(kept)
        self.part.grad = self.W.grad[:, self.columns]
        self.own.step()


class _Stepper:
    """Optimiser steps that survive running out of memory.

    A batch is passed in parts, as many as memory asks for. Its gradient is the sum of
    theirs, so the parts change nothing but rounding.
    """

    def __init__(self, network, optimiser, inputs: Inputs, settings: TrainingSettings):
        self.network = network
        self.optimiser = optimiser
        if settings.loading_rate and inputs.n_loadings:
            self.optimiser = LoadingStep(
                optimiser, network.W, inputs.n_loadings, settings
            )
        self.inputs = inputs
        self.part_size = inputs.n_samples

    def run(self, batches, Y, dropout: float, generator: torch.Generator) -> float:
        """Take a step for each batch; returns their mean loss, weighted by size."""
        losses = [self.step(rows, Y, dropout, generator) for rows in batches]
        sizes = losses[0].new_tensor([len(rows) for rows in batches])
        # one transfer an epoch: a GPU would wait for each
        return ((torch.stack(losses) * sizes).sum() / sizes.sum()).item()

    def step(self, rows, Y, dropout: float, generator: torch.Generator) -> torch.Tensor:
        """Learn from one batch; returns its loss before the step."""
        mask = self.network.draw_dropout(dropout, generator)
        while True:
            self.optimiser.zero_grad(set_to_none=True)
            try:
                loss = self._accumulate(rows, Y, mask)
                break
            except RuntimeError as error:
                if not _is_out_of_memory(error) or self.part_size == 1:
                    raise
            self.part_size = max(1, min(self.part_size, len(rows)) // 2)
            logger.warning("out of memory: going on with %d animals", self.part_size)
        self.optimiser.step()
        return loss

    def _accumulate(self, rows, Y, mask) -> torch.Tensor:
        weight = observation_weights(Y[rows])
        total = weight.new_zeros(())
        for part in range(0, len(rows), self.part_size):
            these = slice(part, part + self.part_size)
            predicted = self.network(self.inputs.take(rows[these]), mask)
            loss = masked_loss(predicted, Y[rows[these]], weight[these])
            loss.backward()
            total += loss.detach()
        return total


class _Best:
    """Copy of the weights with the lowest validation loss so far."""

    def __init__(self, network: nn.Module):
        self.loss = math.inf
        self.epoch = 0
        self._network = network
        self._state = [p.detach().clone() for p in network.parameters()]

    def offer(self, epoch: int, loss: float) -> None:
        """Keep the network's present weights if their loss is the lowest."""
        if loss < self.loss:
            self.loss, self.epoch = loss, epoch
            for kept, parameter in zip(
                self._state, self._network.parameters(), strict=True
            ):
                kept.copy_(parameter.detach())

    def restore(self, network: nn.Module) -> None:
        """Put the kept weights into the network."""
        with torch.no_grad():
            for kept, parameter in zip(self._state, network.parameters(), strict=True):
                parameter.copy_(kept)


def validation_loss(network: nn.Module, inputs: Inputs, Y: torch.Tensor) -> float:
    """Mean over traits of the MSE over observed animals, without dropout."""
    predicted = predict(network, inputs)
    return masked_loss(predicted, Y, observation_weights(Y)).item()


def torch_device(name: str) -> torch.device:
    """Return device "cpu" or "cuda"; "auto" takes a GPU where there is one."""
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"device: {name!r} is not auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device: cuda was asked for, but torch finds no GPU")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


@torch.no_grad()
def predict(network: nn.Module, inputs: Inputs, block: int = 256) -> torch.Tensor:
    """Predicted traits, shape (N, T), in blocks of animals."""
    parts = [
        network(inputs.take(slice(start, start + block)))
        for start in range(0, inputs.n_samples, block)
    ]
    return torch.cat(parts) if parts else torch.empty(0, network.n_traits)


def _batches(n: int, batch_size: int, generator: torch.Generator):
    """Split a random order of n rows into batches of nearly equal size."""
    order = torch.randperm(n, generator=generator)
    return torch.tensor_split(order, math.ceil(n / batch_size))


def _observed(Y: torch.Tensor, rows: np.ndarray, what: str) -> torch.Tensor:
    part = Y[_index(rows)]
    if not part.isfinite().any():
        raise InputError(f"no {what} row has an observed phenotype")
    return part


def _index(rows: np.ndarray) -> torch.Tensor:
    return torch.as_tensor(np.asarray(rows, dtype=np.int64))


def _is_out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate" in str(error)


def _log_progress(epoch, loss, best, settings, seconds) -> None:
    left = min(settings.max_epochs - epoch, best.epoch + settings.patience - epoch)
    logger.info(
        "epoch %d: validation loss %.4f, best %.4f at epoch %d; at least %.0f s left",
        *(epoch, loss, best.loss, best.epoch, seconds / epoch * left),
    )
