"""The package's regressor for targets with gaps, at a fraction of its time per epoch.

An epoch of the package reads the features four times and copies them once. All that
touches them is two products: X (theta', W1')' forwards, with skip connections and first
layer side by side, and its transpose backwards. Here each is one product, by tables of
four markers where it can be (`Products`); the small layers above go through autograd as
they are, and nothing is copied. The proximal step takes Newton's steps in place of
sorting, and the optimisers are torch's fused ones. The training itself (optimisers,
early stopping, backtracking, what is recorded) is the package's, step for step.
"""

import threading
from collections.abc import Sequence
from functools import partial

import torch
from lassonet import LassoNetRegressor
from lassonet.interfaces import HistoryItem
from torch.nn import functional

from grvsnn.models.lassonet.products import Products, library, serves
from grvsnn.models.lassonet.recipe import Options, Setting

# torch has one global random stream on the CPU; folds draw their weights in turn
_RANDOM_STREAM = threading.Lock()
MOMENTUM = 0.9
"""Of the package's SGD along the path."""


class MaskedMSE(torch.nn.Module):
    """Mean squared error over the observed (not NaN) targets."""

    def forward(self, predicted: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Loss of predictions, both of shape (n_rows, T); 0 where none is observed."""
        observed = torch.isfinite(y)
        residual = torch.where(observed, predicted - torch.nan_to_num(y), 0.0)
        return residual.square().sum() / observed.sum().clamp(min=1)


class MaskedLassoNet(LassoNetRegressor):
    """The package's regressor for targets with gaps and small starting weights."""

    criterion = MaskedMSE()
    start_scale = 1.0

    def _init_model(self, X: torch.Tensor, y: torch.Tensor) -> None:
        with _RANDOM_STREAM:
            super()._init_model(X, y)
        with torch.no_grad():
            self.model.skip.weight *= self.start_scale
            self.model.layers[0].weight *= self.start_scale


class FastLassoNet(MaskedLassoNet):
    """The same regressor, whose epochs of all rows at once are faster."""

    _held: Sequence[Products] = ()

    def _train(
        self, X_train, y_train, X_val, y_val, *, batch_size, **settings
    ) -> HistoryItem:
        """Train one step of the path; mini-batches take the package's own way."""
        if batch_size is not None:
            return super()._train(
                X_train, y_train, X_val, y_val, batch_size=batch_size, **settings
            )
        train, validation = (self._products(X) for X in (X_train, X_val))
        return Training(self, (train, y_train), (validation, y_val), **settings).run()

    def _products(self, X: torch.Tensor) -> Products:
        """Features made ready once for all steps of a path."""
        for held in self._held:
            if held.X is X:
                return held
        n_outputs = sum(
            len(part.weight) for part in (self.model.skip, self.model.layers[0])
        )
        # training and validation rows of this path; those of an earlier one go
        self._held = [*self._held[-1:], Products(X, n_outputs)]
        return self._held[-1]


class Training:
    """One step of the path: the dense network, or one penalty.

    Parameters
    ----------
    regressor : FastLassoNet
        Whose model is trained in place.
    train, validation : (Products, Tensor)
        Features (n, P) and targets (n, T).
    epochs, lambda_, optimizer, return_state_dict, patience
        As the package's ``_train`` takes them.
    """

    def __init__(
        self,
        regressor: FastLassoNet,
        train: tuple[Products, torch.Tensor],
        validation: tuple[Products, torch.Tensor],
        *,
        epochs: int,
        lambda_: float,
        optimizer: torch.optim.Optimizer,
        return_state_dict: bool,
        patience: int | None = None,
    ) -> None:
        self.regressor, self.model = regressor, regressor.model
        self.train, self.validation = train, validation
        self.epochs, self.lambda_, self.patience = epochs, lambda_, patience
        self.optimizer = optimizer
        self.return_state_dict = return_state_dict

    def run(self) -> HistoryItem:
        """Train until the epochs are over or the validation objective stops falling."""
        best = true_best = self._objective()
        best_state = self.model.cpu_state_dict() if self.regressor.backtrack else None
        kept, since, n_iters, real_loss = true_best, 0, 0, float("nan")
        loss = value = float("nan")
        done = 0
        while done < self.epochs:
            loss = self._epoch()
            done += 1
            real_loss = loss if done == 1 else real_loss
            value = self._objective()
            if value < self.regressor.tol * best:
                best, since = value, 0
            else:
                since += 1
            if self.regressor.backtrack and value < kept:
                best_state = self.model.cpu_state_dict()
                kept, real_loss, n_iters = value, loss, done
            if self.patience is not None and since == self.patience:
                break
        if self.regressor.backtrack:
            self.model.load_state_dict(best_state)
            value, loss = kept, real_loss
        else:
            n_iters = done
        return self._record(loss, value, n_iters)

    def _objective(self) -> float:
        """Return the validation error plus the penalty of the skip connections."""
        self.model.eval()
        X, y = self.validation
        with torch.no_grad():
            error = self.regressor.criterion(self._head(X.forward(self._weights())), y)
        return error.item() + self.lambda_ * self._penalty()

    def _penalty(self) -> float:
        # the package's own sum of norms, as a sum over rows: ten times faster
        return self.model.skip.weight.detach().square().sum(dim=0).sqrt().sum().item()

    def _weights(self) -> torch.Tensor:
        """Skip connections above the first layer's weights, shape (T + K, P)."""
        parts = (self.model.skip.weight, self.model.layers[0].weight)
        return torch.cat([part.detach() for part in parts])

    def _head(self, products: torch.Tensor) -> torch.Tensor:
        """Predictions from the products of the features with `_weights`."""
        n_traits = self.model.skip.weight.shape[0]
        current = products[:, n_traits:] + self.model.layers[0].bias
        for layer in self.model.layers[1:]:
            if self.model.dropout is not None:
                current = self.model.dropout(current)
            current = layer(functional.relu(current))
        return products[:, :n_traits] + current

    def _epoch(self) -> float:
        """One step of the optimiser on all rows, and the proximal step."""
        self.model.train()
        X, y = self.train
        products = X.forward(self._weights()).requires_grad_()
        self.optimizer.zero_grad()
        loss = self.regressor.criterion(self._head(products), y)
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"LassoNet's loss is {loss.item()}: lower its learning_rates"
            )
        loss.backward()
        gradient = X.backward(products.grad)
        n_traits = self.model.skip.weight.shape[0]
        self.model.skip.weight.grad = gradient[:n_traits].contiguous()
        self.model.layers[0].weight.grad = gradient[n_traits:].contiguous()
        self.optimizer.step()
        shrinkage = self.lambda_ * self.optimizer.param_groups[0]["lr"]
        proximal_step(self.model, shrinkage, self.regressor.M)
        return loss.item()

    def _record(self, loss: float, value: float, n_iters: int) -> HistoryItem:
        penalty = self._penalty()
        return HistoryItem(
            lambda_=self.lambda_,
            state_dict=self.model.cpu_state_dict() if self.return_state_dict else None,
            objective=loss + self.lambda_ * penalty,
            loss=loss,
            val_objective=value,
            val_loss=value - self.lambda_ * penalty,
            regularization=penalty,
            l2_regularization=self.model.l2_regularization(),
            l2_regularization_skip=self.model.l2_regularization_skip(),
            selected=self.model.input_mask().cpu(),
            n_iters=n_iters,
        )


def proximal_step(model: torch.nn.Module, shrinkage: float, M: float) -> None:
    """Shrink the skip connections, and W1 to its bounds, in place.

    For feature j with skip weights v and weights u of the first layer, the package's
    ``prox`` (HIER-PROX) minimises over the size b of the new skip weights::

        (b - |v|)^2 / 2 + shrinkage b + sum_k max(|u_k| - M b, 0)^2 / 2,   b >= 0

    and cuts u at M b. Its derivative is increasing, piecewise linear and concave in b,
    so that Newton's steps from below, which need no sorting, reach the root exactly
    after as many as there are pieces on the way: two or three.
    """
    skip, first = model.skip.weight.data, model.layers[0].weight.data
    if all(serves(part, len(skip) + len(first)) for part in (skip, first)):
        arrays, sizes = (skip.data_ptr(), first.data_ptr()), (len(skip), *first.shape)
        library().lassonet_shrink(*arrays, *sizes, shrinkage, M)
        return
    norms, size = skip.norm(dim=0), first.abs()
    b = torch.relu(norms - shrinkage)
    binds = (size.amax(dim=0) > M * b) & (norms > 0)
    if binds.all():
        b = _solve(norms - shrinkage, size, b, M)
    elif binds.any():
        columns = torch.nonzero(binds).squeeze(1)
        b[columns] = _solve(norms[columns] - shrinkage, size[:, columns], b[columns], M)
    skip *= b / norms.clamp(min=torch.finfo(norms.dtype).tiny)
    torch.clamp(first, -M * b, M * b, out=first)


def _solve(
    shrunk: torch.Tensor, size: torch.Tensor, b: torch.Tensor, M: float
) -> torch.Tensor:
    """Newton's steps on the sizes b of features whose bounds bind."""
    n_before = None
    for _ in range(len(size) + 1):
        binds = (size > M * b).to(size.dtype)
        n = binds.sum(dim=0)
        if n_before is not None and torch.equal(n, n_before):
            break
        total = (size * binds).sum(dim=0)
        b = torch.relu(shrunk + M * total) / (1 + M**2 * n)
        n_before = n
    return b


def make_regressor(
    options: Options,
    setting: Setting,
    seed: int,
    device: torch.device,
    kind: type[MaskedLassoNet] = FastLassoNet,
) -> MaskedLassoNet:
    """Set up an untrained regressor; its weights depend on the seed, not on M."""
    dense, path = options.learning_rates
    fused = kind is FastLassoNet and setting.batch_size is None
    regressor = kind(
        hidden_dims=setting.hidden_dims,
        M=setting.M,
        path_multiplier=options.path_multiplier,
        n_iters=options.n_iters,
        patience=options.patience,
        tol=1 - options.tolerance,
        backtrack=options.backtrack,
        batch_size=setting.batch_size,
        dropout=options.dropout,
        optim=(
            partial(torch.optim.Adam, lr=dense, fused=fused),
            partial(torch.optim.SGD, lr=path, momentum=MOMENTUM, fused=fused),
        ),
        device=device,
        torch_seed=seed,
        verbose=0,
    )
    regressor.start_scale = options.start_scale
    return regressor
