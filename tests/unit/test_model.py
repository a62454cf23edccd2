"""The network: its three evaluation paths, limits and symmetries."""

import math

import numpy as np
import pytest
import torch
from grvsnn.base.errors import InputError
from grvsnn.models.network.build import build_network
from grvsnn.models.network.inputs import (
    Inputs,
    Standardiser,
    additive_dominance,
    look_up,
)
from grvsnn.models.network.interpretation import average, interpret
from grvsnn.models.network.loss import masked_loss, observation_weights
from grvsnn.models.network.parts import (
    LAYER_NORM_EPS,
    Architecture,
    gate_function,
    selection_weights,
)
from grvsnn.models.network.training import predict
from torch.func import functional_call

ARCHITECTURES = [
    Architecture(),
    Architecture(gate="sigmoid", hidden=3),
    Architecture(f2="identity", gain=1.0),
    Architecture(selection="sparsemax", gain=0.5),
]


def make_inputs(n_samples, n_markers, n_dense, seed=0, dtype=torch.float64):
    rng = np.random.default_rng(seed)
    genotypes = rng.integers(0, 3, (n_samples, n_markers)).astype(np.int8)
    dense = rng.standard_normal((n_samples, n_dense))
    rows = np.arange(n_samples)
    return Standardiser.fit(genotypes, dense, rows).apply(genotypes, dense, dtype)


def make_network(architecture, n_features, n_traits, path, dtype=torch.float64):
    """Open gates and a busy head: every parameter away from its start."""
    network = build_network(architecture, n_features, n_traits, seed=1).to(dtype)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in network.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.add_(0.3 * noise.to(dtype))
    network.path = path
    return network


def mask_of(network, rate=0.3):
    return network.draw_dropout(rate, torch.Generator().manual_seed(3))


def literal_prediction(network, inputs, mask):
    """Equations 1-9, one feature and one animal at a time."""
    X = inputs.standardised()
    P, d = network.n_features, network.architecture.hidden
    rows = []
    for x in X:
        z = []
        for i in range(P):
            f1 = [
                torch.nn.functional.elu(network.w1[k, i] * x[i] + network.b1[k, i])
                for k in range(d)
            ]
            if network.architecture.f2 == "linear":
                f1 = [
                    sum(network.A[k, m, i] * f1[m] for m in range(d)) for k in range(d)
                ]
            f2 = [f1[k] * mask[k, i] for k in range(d)]
            h = sum(network.w2[k, i] * f2[k] for k in range(d)) + network.b2[i]
            a = sum(network.w3[k, i] * f2[k] for k in range(d)) + network.b3[i]
            g = gate_function(network.architecture.gate, a)
            z.append(g * h + (1 - g) * x[i])
        z = torch.stack(z)
        spread = ((z - z.mean()).square().mean() + LAYER_NORM_EPS).sqrt()
        zhat = network.gain * (z - z.mean()) / spread + network.shift
        weights = selection_weights(network.architecture.selection, zhat)
        rows.append(network.W @ (P * weights * zhat) + network.b)
    return torch.stack(rows)


def gradients_of(network, inputs, mask, predict=None):
    network.zero_grad()
    Y = network(inputs, mask) if predict is None else predict(network, inputs, mask)
    weight = torch.linspace(-1, 2, Y.numel(), dtype=Y.dtype).view_as(Y)
    (weight * Y + 0.1 * Y.square()).sum().backward()
    return Y.detach(), {n: p.grad.clone() for n, p in network.named_parameters()}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("path", ["table", "dense"])
def test_paths_equal_the_equations_in_value_and_gradient(architecture, path):
    inputs = make_inputs(5, 7, 3)
    network = make_network(architecture, 10, 2, path)
    mask = mask_of(network)
    expected, slopes = gradients_of(network, inputs, mask, literal_prediction)
    value, gradients = gradients_of(network, inputs, mask)
    torch.testing.assert_close(value, expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(gradients, slopes, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("architecture", ARCHITECTURES[:3])
@pytest.mark.parametrize(("n_markers", "n_dense"), [(1100, 37), (53, 0), (0, 40)])
def test_kernel_equals_the_dense_path(architecture, n_markers, n_dense):
    inputs = make_inputs(19, n_markers, n_dense)
    single = inputs.to("cpu", torch.float32)
    P = n_markers + n_dense
    compiled = make_network(architecture, P, 3, "compiled", torch.float32)
    if not compiled.is_compiled(single):
        pytest.skip("no C compiler: the compiled kernel cannot be built")
    reference = make_network(architecture, P, 3, "dense")
    with torch.no_grad():
        for to, source in zip(
            reference.parameters(), compiled.parameters(), strict=True
        ):
            to.copy_(source)
    mask = mask_of(compiled)
    expected, slopes = gradients_of(reference, inputs, mask.double())
    value, gradients = gradients_of(compiled, single, mask)
    assert relative_error(value, expected) < 5e-6
    for name, slope in slopes.items():
        assert relative_error(gradients[name], slope) < 2e-5, name


def relative_error(value, expected):
    return (value.double() - expected).abs().max() / expected.abs().max()


def test_gradcheck_of_the_table_path():
    inputs = make_inputs(4, 3, 2)
    network = make_network(Architecture(hidden=2, gate="sigmoid"), 5, 2, "table")
    names, values = zip(*network.named_parameters(), strict=True)
    mask = mask_of(network)

    def run(*parameters):
        return functional_call(
            network, dict(zip(names, parameters, strict=True)), (inputs, mask)
        )

    assert torch.autograd.gradcheck(run, values)


def test_large_activations_stay_finite():
    inputs = make_inputs(6, 40, 0, dtype=torch.float32)
    network = make_network(Architecture(), 40, 1, "compiled", torch.float32)
    with torch.no_grad():
        network.gain.fill_(200.0)
    reference = make_network(Architecture(), 40, 1, "dense")
    reference.load_state_dict(network.state_dict())
    value, gradients = gradients_of(network, inputs, None)
    expected, _ = gradients_of(reference, inputs.to("cpu", torch.float64), None)
    assert all(g.isfinite().all() for g in gradients.values())
    torch.testing.assert_close(value.double(), expected, rtol=1e-3, atol=1e-2)


def test_table_is_additive_plus_dominance():
    table = torch.tensor([[1.0, -2.0], [4.0, 0.5], [3.0, 3.0]])
    a, b, c = additive_dominance(table)
    for dosage, row in enumerate(table):
        torch.testing.assert_close(a + b * dosage + c * (dosage == 1), row)
    calls = torch.tensor([[2, 0], [1, 1]], dtype=torch.int8)
    torch.testing.assert_close(
        look_up(table, calls), torch.tensor([[3.0, -2.0], [4.0, 0.5]])
    )


def test_closed_gates_give_the_linear_model():
    """With g = 0, z = x; then Y = W P softmax(zhat) zhat + b, linear for small gain."""
    inputs = make_inputs(8, 30, 5)
    X = inputs.standardised()
    xi = (X - X.mean(1, keepdim=True)) / (
        X.var(1, correction=0, keepdim=True) + LAYER_NORM_EPS
    ).sqrt()
    for gain in (1e-3, 1e-4):
        network = make_network(Architecture(gain=gain), 35, 2, "table")
        with torch.no_grad():
            network.w3.zero_()
            network.b3.fill_(-10.0)
            network.gain.fill_(gain)
            network.shift.zero_()
        torch.testing.assert_close(network.residual(inputs), X)
        slope = (network(inputs) - network.b) / gain
        error = (slope - xi @ network.W.T).abs().max()
        # the next term of the series is gain * mean(xi^2) * sum |W|
        assert error < 20 * gain * network.W.abs().sum(1).max()


def test_start_is_near_linear_and_gates_nearly_closed():
    inputs = make_inputs(50, 200, 0)
    network = build_network(Architecture(), 200, 2, seed=4).double()
    assert (network(inputs) == 0).all()
    x, z = inputs.standardised(), network.residual(inputs)
    correlation = np.corrcoef(x.flatten().numpy(), z.detach().flatten().numpy())[0, 1]
    assert correlation > 0.95


def test_hard_sigmoid_bounds_and_slope():
    a = torch.tensor([-9.0, -2.5, 0.0, 1.0, 2.5, 9.0], dtype=torch.float64)
    expected = torch.tensor([0.0, 0.0, 0.5, 0.7, 1.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(gate_function("hard_sigmoid", a), expected)


def test_sparsemax_weights_are_a_sparse_distribution():
    scores = torch.tensor([[3.0, 2.5, 0.0, -4.0]])
    weights = selection_weights("sparsemax", scores)
    torch.testing.assert_close(weights, torch.tensor([[0.75, 0.25, 0.0, 0.0]]))


@pytest.mark.parametrize("path", ["compiled", "table"])
def test_prediction_does_not_depend_on_the_batch(path):
    inputs = make_inputs(23, 70, 9, dtype=torch.float32)
    network = make_network(Architecture(), 79, 2, path, torch.float32)
    whole = predict(network, inputs, block=23)
    for block in (1, 5, 16):
        torch.testing.assert_close(
            predict(network, inputs, block=block), whole, rtol=2e-6, atol=2e-6
        )


def test_permuted_features_permute_importance_and_keep_predictions():
    inputs = make_inputs(12, 9, 4)
    network = make_network(Architecture(), 13, 2, "table")
    markers, dense = torch.randperm(9), torch.randperm(4)
    order = torch.cat([markers, 9 + dense])
    moved = Inputs(
        inputs.genotypes[:, markers], inputs.levels[:, markers], inputs.dense[:, dense]
    )
    other = make_network(Architecture(), 13, 2, "table")
    other.load_state_dict(
        {
            name: value[..., order] if name != "b" else value
            for name, value in network.state_dict().items()
        }
    )
    torch.testing.assert_close(other(moved), network(inputs))
    before, after = interpret(network, inputs), interpret(other, moved)
    np.testing.assert_allclose(after.importance, before.importance[order], rtol=1e-10)
    np.testing.assert_allclose(after.effect, before.effect[order], atol=1e-12)


def test_importance_is_the_mean_absolute_contribution():
    inputs = make_inputs(6, 4, 1)
    network = make_network(Architecture(), 5, 2, "dense")
    found = interpret(network, inputs, block=4)
    contribution = 5 * network.selected(inputs)[:, :, None] * network.W.T
    expected = contribution.abs().mean(0).detach().numpy()
    np.testing.assert_allclose(found.importance, expected, rtol=1e-12)
    raw = network.selected(inputs).mean(0).detach().numpy()
    assert found.selected_raw.tolist() == (raw >= 0.05).tolist()
    twice = average([found, found])
    np.testing.assert_allclose(twice.effect, found.effect)


def test_missing_trait_leaves_other_traits_alone():
    inputs = make_inputs(10, 12, 0)
    network = make_network(Architecture(), 12, 2, "table")
    Y = torch.randn(10, 2, dtype=torch.float64, generator=torch.manual_seed(0))
    gaps = Y.clone()
    gaps[3:7, 1] = math.nan

    def head_gradient(observed):
        network.zero_grad()
        weights = observation_weights(observed)
        masked_loss(network(inputs), observed, weights).backward()
        return network.W.grad.clone()

    full, part = head_gradient(Y), head_gradient(gaps)
    torch.testing.assert_close(full[0], part[0])
    assert not torch.allclose(full[1], part[1])


def test_loss_is_the_mean_over_traits_of_observed_mse():
    observed = torch.tensor([[1.0, math.nan], [2.0, 5.0], [4.0, math.nan]])
    predicted = torch.zeros(3, 2)
    loss = masked_loss(predicted, observed, observation_weights(observed))
    assert loss.item() == pytest.approx((21 / 3 + 25) / 2)


def test_constant_feature_standardises_to_zero():
    genotypes = np.full((4, 2), 2, np.int8)
    genotypes[:, 1] = [0, 1, 2, 1]
    dense = np.ones((4, 1))
    rows = np.array([0, 1, 2, 3])
    inputs = Standardiser.fit(genotypes, dense, rows).apply(genotypes, dense)
    X = inputs.standardised().numpy()
    np.testing.assert_allclose(X[:, [0, 2]], 0)
    np.testing.assert_allclose(X[:, 1], np.array([-1, 0, 1, 0]) * math.sqrt(2))


def test_bottleneck_has_the_same_interface():
    inputs = make_inputs(6, 20, 3, dtype=torch.float32)
    architecture = Architecture(architecture="bottleneck", hidden=8, gate="sigmoid")
    network = build_network(architecture, 23, 2, seed=1)
    mask = mask_of(network)
    value, gradients = gradients_of(network, inputs, mask)
    assert value.shape == (6, 2) and mask.shape == (8,)
    assert all(gradient.abs().sum() > 0 for gradient in gradients.values())
    assert not interpret(network, inputs).importance.any()


@pytest.mark.parametrize(
    "wrong", [{"gate": "tanh"}, {"hidden": 0}, {"gain": 0.0}, {"selection": "max"}]
)
def test_impossible_architectures_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        Architecture(**wrong)


def test_dosages_other_than_0_1_2_are_refused():
    genotypes = np.array([[0, 3]], np.int8)
    with pytest.raises(InputError, match="0, 1 or 2"):
        Standardiser.fit(genotypes, np.zeros((1, 0)), np.array([0])).apply(
            genotypes, np.zeros((1, 0))
        )


def test_values_beyond_the_training_range_count_as_its_ends():
    """A family that training animals hold traces of lies far outside what they span."""
    rng = np.random.default_rng(5)
    genotypes = rng.integers(0, 3, (40, 6)).astype(np.int8)
    dense = rng.standard_normal((40, 3))
    rows = np.arange(30)
    standardiser = Standardiser.fit(genotypes, dense, rows)
    inside = standardiser.apply(genotypes, dense, torch.float64).dense[:30]
    far = dense.copy()
    far[30:35], far[35:] = 1e3, -1e3
    dense_far = standardiser.apply(genotypes, far, torch.float64).dense
    assert torch.equal(dense_far[:30], inside)
    assert torch.equal(dense_far[30:35], inside.amax(dim=0).expand(5, -1))
    assert torch.equal(dense_far[35:], inside.amin(dim=0).expand(5, -1))
