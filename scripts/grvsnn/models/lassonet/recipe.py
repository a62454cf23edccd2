"""How LassoNet is trained and tuned: the method's options, named as in the config."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from grvsnn.base.errors import InputError

PAIRS = ("n_iters", "patience", "learning_rates", "M_range")


@dataclass(frozen=True)
class Options:
    """Settings of the method; names are the config's keys.

    The dense network overfits within twenty epochs from the package's starting weights
    and rate, and its path only partly undoes that. So weights of the features start
    small, the dense network is trained slowly, and each step goes back to its best
    epoch.

    Parameters
    ----------
    hidden_dims : tuple of int
        Widths of the hidden layers.
    widths : tuple of int
        Widths of the first hidden layer that TPE chooses from; empty takes
        `hidden_dims`.
    M : tuple of float
        Hierarchy coefficients to try, within `M_range`; each costs one path.
    n_trials : int
        Further settings (M on a logarithmic scale, `widths` and `batch_sizes`),
        proposed by Optuna's TPE.
    M_range : (float, float)
        Bounds of M.
    start_scale : float
        Factor of the starting weights of skip connections and first layer.
    learning_rates : (float, float)
        Of Adam for the dense network, and of SGD for the path.
    backtrack : bool
        Whether each step of the path ends with its best epoch, not its last.
    tolerance : float
        Smallest relative improvement of the validation objective that counts as one.
    path_multiplier : float
        Ratio of successive penalties, above 1.
    lambda_start : float or "auto"
        First penalty; "auto" takes `grvsnn.models.lassonet.path.first_penalty`.
    lambda_end : float or None
        Largest penalty; None for no bound.
    max_lambdas : int
        Longest path.
    path_patience : int
        Penalties without a new best validation error that end the path, counted from
        where the first feature has left.
    n_iters, patience : (int, int)
        Epochs, and epochs without improvement, of the dense network and of each step
        of the path.
    batch_sizes : tuple of int
        Mini-batches that TPE chooses from; empty takes all rows at once, one value is
        always taken.
    dropout : float
        Dropout of the hidden layers.
    refit : bool
        Walk the chosen path again on all training rows, step for step, or keep the
        network of the inner training rows.
    device : str
        "auto" (CUDA where there is one), or any torch device.
    """

    hidden_dims: tuple[int, ...] = (32, 16)
    widths: tuple[int, ...] = ()
    M: tuple[float, ...] = (0.1, 1.0, 20.0)
    n_trials: int = 0
    M_range: tuple[float, float] = (0.1, 50.0)
    start_scale: float = 0.1
    learning_rates: tuple[float, float] = (1e-4, 1e-3)
    backtrack: bool = True
    tolerance: float = 0.01
    path_multiplier: float = 1.2
    lambda_start: float | str = "auto"
    lambda_end: float | None = None
    max_lambdas: int = 60
    path_patience: int = 5
    n_iters: tuple[int, int] = (100, 30)
    patience: tuple[int, int] = (20, 10)
    batch_sizes: tuple[int, ...] = ()
    dropout: float = 0.0
    refit: bool = True
    device: str = "auto"

    @classmethod
    def read(cls, params: Mapping[str, object]) -> "Options":
        """Check a job's parameters."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(params) - known):
            raise InputError(
                f"lassonet: unknown parameter {', '.join(unknown)}; known are"
                f" {', '.join(sorted(known))}"
            )
        values = dict(params)
        for key in ("hidden_dims", "widths", "M", "batch_sizes", *PAIRS):
            if key in values:
                values[key] = tuple(np.atleast_1d(values[key]).tolist())
        options = cls(**values)
        options._check()
        return options

    def _check(self) -> None:
        rules = {
            **{name: len(getattr(self, name)) == 2 for name in PAIRS},
            "hidden_dims": self.hidden_dims and min(self.hidden_dims) >= 1,
            "widths": all(width >= 1 for width in self.widths),
            "M": all(self.M_range[0] <= m <= self.M_range[-1] for m in self.M),
            "n_trials": self.n_trials >= (0 if self.M else 1),
            "start_scale": self.start_scale > 0,
            "tolerance": 0 <= self.tolerance < 1,
            # a multiplier of 1 or less never reaches the end of the path
            "path_multiplier": self.path_multiplier > 1.0,
            "lambda_start": self.lambda_start == "auto"
            or (not isinstance(self.lambda_start, str) and self.lambda_start > 0),
            "lambda_end": self.lambda_end is None or self.lambda_end > 0,
            "max_lambdas": self.max_lambdas >= 1,
            "path_patience": self.path_patience >= 1,
            "batch_sizes": all(size >= 1 for size in self.batch_sizes),
            "dropout": 0.0 <= self.dropout < 1.0,
        }
        rules["M_range"] = rules["M_range"] and 0 < self.M_range[0] < self.M_range[1]
        for name in ("n_iters", "patience"):
            rules[name] = rules[name] and min(getattr(self, name)) >= 1
        rates = self.learning_rates
        rules["learning_rates"] = rules["learning_rates"] and min(rates) > 0
        # lists that nothing would choose from are not ignored without a word
        searched = len(self.batch_sizes) > 1 or len(self.widths) > 0
        if searched and not self.n_trials:
            raise InputError(
                "lassonet: batch_sizes and widths are lists to choose from; set"
                " n_trials above 0, or give one batch size and hidden_dims"
            )
        for name, holds in rules.items():
            if not holds:
                raise InputError(
                    f"lassonet: {name} = {getattr(self, name)!r} is not possible;"
                    " see config/README.md for the values it may take"
                )

    @property
    def draws_while_training(self) -> bool:
        """Whether epochs use torch's global random stream."""
        return bool(self.batch_sizes) or self.dropout > 0.0


@dataclass(frozen=True)
class Setting:
    """What one path is trained with beside the options: tuned values."""

    M: float
    hidden_dims: tuple[int, ...]
    batch_size: int | None
