"""Contribution of each dosage: averages by genotype, limits and missing genotypes."""

import numpy as np
import torch
from grvsnn.models.network.build import build_network
from grvsnn.models.network.inputs import Standardiser
from grvsnn.models.network.interpretation import average, curve_columns, interpret
from grvsnn.models.network.parts import Architecture


def make_case(architecture, n_samples=40, n_markers=12, n_dense=3, absent=None):
    """A network away from its start and its inputs; marker 0 may lack a dosage."""
    rng = np.random.default_rng(0)
    genotypes = rng.integers(0, 3, (n_samples, n_markers)).astype(np.int8)
    if absent is not None:
        genotypes[genotypes[:, 0] == absent, 0] = 1
    dense = rng.standard_normal((n_samples, n_dense))
    rows = np.arange(n_samples)
    inputs = Standardiser.fit(genotypes, dense, rows).apply(
        genotypes, dense, torch.float64
    )
    network = build_network(architecture, inputs.n_features, 2, seed=1).double()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in network.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.add_(0.3 * noise.double())
    return network, inputs, genotypes


def test_curves_are_mean_contributions_by_dosage():
    network, inputs, genotypes = make_case(Architecture())
    found = interpret(network, inputs, block=7)
    P, M = network.n_features, genotypes.shape[1]
    with torch.no_grad():
        each = P * network.selected(inputs)[:, :, None] * network.W.T
    each = (each - each.mean(0)).numpy()
    for marker in range(M):
        for dosage in range(3):
            expected = each[genotypes[:, marker] == dosage, marker].mean(0)
            np.testing.assert_allclose(
                found.curves[dosage, marker], expected, atol=1e-12
            )
    assert np.isnan(found.curves[:, M:]).all()


def test_curves_average_to_zero_over_the_genotypes():
    for selection in ("softmax", "sparsemax"):
        network, inputs, genotypes = make_case(Architecture(selection=selection))
        curves = interpret(network, inputs).curves[:, : genotypes.shape[1]]
        share = np.stack([(genotypes == k).mean(axis=0) for k in range(3)])
        np.testing.assert_allclose(
            (share[:, :, None] * curves).sum(axis=0), 0, atol=1e-12
        )


def test_a_dosage_that_no_animal_has_is_missing():
    network, inputs, _ = make_case(Architecture(), absent=2)
    curves = interpret(network, inputs).curves
    assert np.isnan(curves[2, 0]).all()
    assert np.isfinite(curves[:2, 0]).all()
    assert np.isfinite(curves[:, 1]).all()


def test_closed_gates_and_a_small_gain_give_straight_curves():
    """P w zhat = gain x + O(gain^2): the heterozygote stands half-way to 1 %."""
    network, inputs, genotypes = make_case(Architecture(gain=1e-4), n_samples=400)
    with torch.no_grad():
        network.b3.fill_(-10.0)
        network.w3.zero_()
        network.gain.fill_(1e-4)
        network.shift.zero_()
    low, middle, high = interpret(network, inputs).curves[:, : genotypes.shape[1]]
    span = np.abs(high - low)
    # layer normalisation ties a marker to the others: not exactly half-way
    assert (np.abs(middle - (low + high) / 2) < 0.1 * span).all()
    slope = network.W.detach().numpy().T[: genotypes.shape[1]]
    assert (np.sign(high - low) == np.sign(slope)).all()


def test_members_are_averaged_and_columns_named():
    network, inputs, _ = make_case(Architecture())
    found = interpret(network, inputs)
    twice = average([found, found])
    np.testing.assert_allclose(twice.curves, found.curves)
    columns = curve_columns(found.curves)
    assert list(columns) == ["curve_0", "curve_1", "curve_2"]
    assert columns["curve_1"].shape == (network.n_features, 2)


def test_the_released_network_has_no_curves():
    network, inputs, _ = make_case(Architecture(architecture="bottleneck", hidden=8))
    assert np.isnan(interpret(network, inputs).curves).all()
