"""A path of growing penalties, and the step that predicts validation rows best."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from grvsnn.models.lassonet.recipe import Options, Setting
from grvsnn.models.lassonet.regressor import MaskedLassoNet

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Best:
    """The network at the best penalty of a path."""

    setting: Setting
    penalty: float
    loss: float
    state: dict[str, torch.Tensor]
    steps: int


class Path:
    """Penalties handed to the package one by one, with an eye on the validation rows.

    The package trains the dense network first, then asks for penalties; it reports
    after each one through its callback.
    """

    def __init__(
        self,
        X: np.ndarray,
        Y: np.ndarray,
        options: Options,
        setting: Setting,
        label: str,
    ) -> None:
        self.X, self.Y = X, Y
        self.setting = setting
        self.options = options
        self.label = label
        self.best: Best | None = None
        self.history: list[dict[str, float]] = []
        self.model: MaskedLassoNet | None = None
        self._started = time.perf_counter()

    def penalties(self) -> Iterator[float]:
        """Geometric sequence that ends when the validation error keeps growing."""
        options = self.options
        start = options.lambda_start
        penalty = first_penalty(self.model, options) if start == "auto" else start
        for _ in range(options.max_lambdas):
            yield penalty
            penalty *= options.path_multiplier
            ended = options.lambda_end is not None and penalty > options.lambda_end
            if ended or self._steps_since_best() >= options.path_patience:
                return

    def _steps_since_best(self) -> int:
        """Count the steps after the best one at which features had left.

        The error may rise for a while before the first feature leaves, without
        telling anything about sparse networks.
        """
        later = self.history[self.best.steps :]
        return sum(step["active"] < self.X.shape[1] for step in later)

    def watch(self, model: MaskedLassoNet, history: Sequence) -> None:
        """Measure the validation error of the last step, and keep the best network."""
        self.model = model
        last = history[-1]
        loss = masked_error(model.predict(self.X), self.Y)
        active = int(last.selected.sum())
        self.history.append(
            {
                "lambda": float(last.lambda_),
                "validation_mse": loss,
                "training_mse": float(last.loss),
                "active": active,
                "epochs": int(last.n_iters),
            }
        )
        if self.best is None or loss < self.best.loss:
            self.best = Best(
                setting=self.setting,
                penalty=float(last.lambda_),
                loss=loss,
                state=model.model.cpu_state_dict(),
                steps=len(self.history),
            )
        logger.info(
            "%s M %.3g step %d: lambda %.4g, %d features, training %.4f,"
            " validation %.4f (best %.4f), %.0f s",
            self.label,
            model.M,
            len(self.history),
            last.lambda_,
            active,
            last.loss,
            loss,
            self.best.loss,
            time.perf_counter() - self._started,
        )


def first_penalty(model: MaskedLassoNet, options: Options) -> float:
    """Penalty at which shrinkage starts to tell on the dense network.

    Feature j leaves when the shrinkage of its skip weights outgrows
    |theta_j| + M sum_k |W1_kj|, and one step of the path shrinks by
    lambda x learning rate x epochs. The path starts where a step takes a twentieth of
    the weakest feature. (The package's own search repeats the proximal step up to
    10,000 times for each of some twenty penalties, minutes for ten thousand markers.)
    """
    with torch.no_grad():
        skip = model.model.skip.weight.norm(dim=0)
        first = model.model.layers[0].weight.abs().sum(dim=0)
        weakest = float((skip + model.M * first).min())
    return 0.05 * weakest / (options.learning_rates[1] * options.n_iters[1])


def masked_error(predicted: np.ndarray, Y: np.ndarray) -> float:
    """Mean squared error over the observed phenotypes, in double precision."""
    residual = predicted.astype(np.float64) - Y
    return float(np.mean(residual[np.isfinite(Y)] ** 2))
