"""Training: recovery of truth, early stopping, reproducibility, memory."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from grvsnn.base.errors import InputError
from grvsnn.models.network.build import build_network
from grvsnn.models.network.inputs import Standardiser
from grvsnn.models.network.interpretation import interpret
from grvsnn.models.network.parts import Architecture
from grvsnn.models.network.training import (
    BlockAdamW,
    LoadingStep,
    TrainingSettings,
    fit_network,
    predict,
    validation_loss,
)

QTL = (5, 40, 77)


def make_data(n_samples=400, n_markers=100, seed=0):
    """Two traits of three additive QTL each, heritability 0.7."""
    rng = np.random.default_rng(seed)
    frequency = rng.uniform(0.2, 0.8, n_markers)
    genotypes = rng.binomial(2, frequency, (n_samples, n_markers)).astype(np.int8)
    dense = np.zeros((n_samples, 0))
    rows = np.arange(n_samples)
    inputs = Standardiser.fit(genotypes, dense, rows).apply(genotypes, dense)
    X = inputs.standardised().numpy()
    value = X[:, QTL] @ np.array([[1.0, 0.8], [-0.8, 1.0], [0.9, -0.7]])
    value /= value.std(0)
    noise = rng.standard_normal((n_samples, 2)) * math.sqrt(0.3 / 0.7)
    Y = torch.from_numpy((value + noise) / math.sqrt(1 / 0.7)).float()
    return inputs, Y, value


FIT, VALIDATION, TEST = np.arange(240), np.arange(240, 320), np.arange(320, 400)
SETTINGS = TrainingSettings(
    batch_size=64, learning_rate=3e-3, dropout=0.1, max_epochs=60, patience=8
)


def train(inputs, Y, settings=SETTINGS, seed=3, architecture=None, **kwargs):
    architecture = architecture or Architecture()
    network = build_network(architecture, inputs.n_features, Y.shape[1], seed)
    history = fit_network(network, inputs, Y, FIT, VALIDATION, settings, seed, **kwargs)
    return network, history


@pytest.mark.parametrize(
    ("optimiser", "least"), [("adamw", 0.7), ("block_adamw", 0.85)]
)
def test_recovers_sparse_additive_truth(optimiser, least):
    inputs, Y, value = make_data()
    settings = TrainingSettings(
        **(vars(SETTINGS) | {"optimiser": optimiser, "max_epochs": 100})
    )
    network, _ = train(inputs, Y, settings)
    predicted = predict(network, inputs.take(torch.from_numpy(TEST))).numpy()
    for trait in range(2):
        r = np.corrcoef(predicted[:, trait], value[TEST, trait])[0, 1]
        assert r > least
    importance = interpret(network, inputs).importance
    for trait in range(2):
        assert set(np.argsort(-importance[:, trait])[:3]) == set(QTL)


def test_best_weights_are_restored_and_patience_kept():
    inputs, Y, _ = make_data()
    network, history = train(inputs, Y)
    assert history.best_loss == min(history.losses)
    assert history.losses.index(history.best_loss) + 1 == history.best_epoch
    assert len(history.losses) - history.best_epoch == SETTINGS.patience
    rows = torch.from_numpy(VALIDATION)
    assert validation_loss(network, inputs.take(rows), Y[rows]) == history.best_loss


def test_training_loss_is_that_of_the_rows_learned_from():
    """Steps too small to matter leave the loss of the untrained network."""
    inputs, Y, _ = make_data()
    still = {"learning_rate": 1e-12, "dropout": 0.0, "max_epochs": 2, "batch_size": 70}
    settings = TrainingSettings(**(vars(SETTINGS) | still))
    network, history = train(inputs, Y, settings)
    rows = torch.from_numpy(FIT)
    # 240 rows in four batches of 60: their mean is the mean of all
    expected = validation_loss(network, inputs.take(rows), Y[rows])
    assert history.training_losses == pytest.approx([expected] * 2, rel=1e-5)
    assert history.start_loss == pytest.approx(history.losses[0], rel=1e-5)


def test_same_seed_gives_the_same_network_bit_for_bit():
    inputs, Y, _ = make_data()
    first, again, other = (train(inputs, Y, seed=s)[0] for s in (3, 3, 4))
    for one, two in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, two)
    assert not torch.equal(first.W, other.W)


def test_rows_outside_fit_and_validation_are_never_read():
    inputs, Y, _ = make_data()
    poisoned = Y.clone()
    poisoned[TEST] = math.nan
    one, two = train(inputs, Y)[0], train(inputs, poisoned)[0]
    assert torch.equal(one.W, two.W)


def test_missing_phenotypes_are_skipped():
    inputs, Y, value = make_data()
    gaps = Y.clone()
    gaps[::3, 0] = math.nan
    network, history = train(inputs, gaps)
    assert math.isfinite(history.best_loss)
    predicted = predict(network, inputs.take(torch.from_numpy(TEST))).numpy()
    assert np.corrcoef(predicted[:, 0], value[TEST, 0])[0, 1] > 0.7


def test_no_observed_phenotype_is_an_input_error():
    inputs, Y, _ = make_data()
    Y = Y.clone()
    Y[VALIDATION] = math.nan
    with pytest.raises(InputError, match="no validation row"):
        train(inputs, Y)


def test_out_of_memory_halves_the_part_and_changes_only_rounding(caplog):
    inputs, Y, _ = make_data()
    inputs = inputs.to("cpu", torch.float64)
    settings = TrainingSettings(**(vars(SETTINGS) | {"max_epochs": 2, "dropout": 0.0}))
    networks = [build_network(Architecture(), 100, 2, seed=1).double() for _ in "ab"]
    forward = networks[1].forward

    def scarce(part, mask=None):
        if torch.is_grad_enabled() and part.n_samples > 20:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return forward(part, mask)

    networks[1].forward = scarce
    histories = [
        fit_network(network, inputs, Y.double(), FIT, VALIDATION, settings, 1)
        for network in networks
    ]
    torch.testing.assert_close(networks[0].W, networks[1].W, rtol=1e-6, atol=1e-9)
    assert histories[0].training_losses == pytest.approx(histories[1].training_losses)
    assert "out of memory" in caplog.text


def test_callback_stops_training():
    inputs, Y, _ = make_data()
    _, history = train(inputs, Y, on_epoch=lambda epoch, loss: epoch == 2)
    assert history.stopped
    assert len(history.losses) == len(history.training_losses) == 2


def test_bottleneck_learns():
    inputs, Y, value = make_data()
    architecture = Architecture(architecture="bottleneck", hidden=128, gate="sigmoid")
    settings = TrainingSettings(
        batch_size=64, learning_rate=1e-3, dropout=0.3, max_epochs=80, patience=80
    )
    network, _ = train(inputs, Y, settings, architecture=architecture)
    predicted = predict(network, inputs.take(torch.from_numpy(TEST))).numpy()
    assert np.corrcoef(predicted[:, 0], value[TEST, 0])[0, 1] > 0.5


def test_block_adamw_is_adamw_where_blocks_have_one_weight():
    start = torch.randn(5, 1, dtype=torch.float64, generator=torch.manual_seed(0))
    target = torch.arange(5, dtype=torch.float64)[:, None]
    results = []
    for kind in (BlockAdamW, torch.optim.AdamW):
        weight = start.clone().requires_grad_()
        optimiser = kind([weight], lr=0.05, weight_decay=0.1, eps=1e-12)
        for _ in range(20):
            optimiser.zero_grad()
            (weight - target).square().sum().backward()
            optimiser.step()
        results.append(weight.detach())
    torch.testing.assert_close(*results, rtol=1e-10, atol=1e-10)


def test_block_adamw_steps_along_the_gradient():
    weight = torch.zeros(1, 4, dtype=torch.float64, requires_grad=True)
    slope = torch.tensor([[1.0, 2.0, -3.0, 0.5]], dtype=torch.float64)
    optimiser = BlockAdamW([weight], lr=0.1)
    (weight * slope).sum().backward()
    optimiser.step()
    expected = -0.1 * slope / slope.square().mean().sqrt()
    torch.testing.assert_close(weight.detach(), expected)


@pytest.mark.parametrize(
    "wrong", [{"batch_size": 0}, {"dropout": 1.0}, {"optimiser": "sgd"}]
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        TrainingSettings(**wrong)


def test_weights_of_loadings_have_an_optimiser_of_their_own():
    """The other weights step as without it, these by momentum over one RMS."""
    torch.manual_seed(0)
    start = torch.randn(2, 9)
    gradients = torch.randn(3, 2, 9)
    settings = TrainingSettings(learning_rate=1e-2, loading_rate=5e-2)

    def walk(step_of):
        W = torch.nn.Parameter(start.clone())
        adam = torch.optim.AdamW([W], lr=1e-2, weight_decay=settings.weight_decay)
        optimiser = step_of(adam, W)
        for gradient in gradients:
            optimiser.zero_grad(set_to_none=True)
            W.grad = gradient.clone()
            optimiser.step()
        return W.detach()

    both = walk(lambda adam, W: LoadingStep(adam, W, 4, settings))
    plain = walk(lambda adam, W: adam)
    torch.testing.assert_close(both[:, :5], plain[:, :5], rtol=0, atol=0)
    part = torch.nn.Parameter(start[:, 5:].clone())
    own = BlockAdamW([part], lr=5e-2, weight_decay=settings.weight_decay)
    for gradient in gradients:
        part.grad = gradient[:, 5:].clone()
        own.step()
    torch.testing.assert_close(both[:, 5:], part.detach(), rtol=0, atol=0)


def test_without_loadings_their_step_changes_nothing():
    inputs, Y, _ = make_data()
    one, two = (
        train(inputs, Y, replace(SETTINGS, max_epochs=3, loading_rate=rate))[0]
        for rate in (0.0, 1e-2)
    )
    for first, second in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_loadings_of_one_scale_keep_their_eigenvalues_weight():
    """Their spreads keep the ratios of sqrt(Lambda); markers and gaps are untouched."""
    rng = np.random.default_rng(0)
    L = rng.normal(size=(200, 3)) * [3.0, 1.0, 0.0]
    rows = np.arange(150)
    genotypes = rng.binomial(2, 0.4, (200, 5)).astype(np.int8)
    own = Standardiser.fit(genotypes, L, rows).apply(genotypes, L)
    common = Standardiser.fit(genotypes, L, rows, n_together=3).apply(genotypes, L)
    torch.testing.assert_close(own.levels, common.levels, rtol=0, atol=0)
    spread = common.dense[rows].double().std(0, correction=0)
    truth = L[rows].std(axis=0)
    assert spread[0] / spread[1] == pytest.approx(truth[0] / truth[1], rel=1e-5)
    # the two that vary have a mean variance of 1
    assert (spread[:2] ** 2).mean() == pytest.approx(1.0, rel=1e-5)
    assert spread[2] == 0 and own.dense[rows, 2].abs().max() == 0
