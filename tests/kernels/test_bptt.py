"""The bptt kernel beside its contract: what it keeps, what it supports, and that it rounds no worse than torch.nn."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bench.cells import cell_of
from bench.kernels import Reference, supports
from bench.kernels.bptt import BPTT
from bench.kernels.bptt.plan import plan_of
from bench.testing.kernels import B, H, K, layer_of, results
from tests.toys import cell_node
from tests.training.test_loop import CELLS, UNBIASED

ALL_CELLS = [{**node, "biases": biases} for node in CELLS for biases in ("double", "single")] + UNBIASED
NAMES = {"W": "weight_ih_l0", "U": "weight_hh_l0", "b": "bias_ih_l0", "b_recurrent": "bias_hh_l0"}
MODULES = {"tanh": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def draws(seed: int, dtype: torch.dtype = torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.randn(shape, generator=generator, dtype=dtype)


def test_a_last_state_does_not_keep_all_steps_in_memory():
    cell = cell_of(cell_node("lstm"))
    _, *last = results(BPTT(), cell, layer_of(cell).differentiable())
    assert [part.untyped_storage().nbytes() for part in last] == [K * B * H * 8] * 2


def test_it_computes_every_cell_in_the_precisions_that_it_was_tested_in():
    cpu = torch.device("cpu")
    assert not supports(BPTT(), cell_of(cell_node("gru")), cpu, torch.float16)
    for node in ALL_CELLS:
        assert supports(BPTT(), cell_of(node), cpu, torch.float32)


@pytest.mark.parametrize("inside", ["abs(x.a + U.a(h))", "max(x.a + U.a(h), x.b)"])
def test_a_factor_may_hold_the_sum_of_an_input_and_its_product(inside):
    words = {"name": "mine", "title": "mine", "source": "this test", "states": ["h"], "biases": "single"}
    cell = cell_of({**words, "equations": f"h = sigmoid({inside})"})
    layer = layer_of(cell).differentiable()
    for mine, theirs in zip(results(BPTT(), cell, layer), results(Reference(), cell, layer), strict=True):
        torch.testing.assert_close(mine, theirs)


# `name, calls of a step forward, of a step back`: what a person would write with torch's fused operations
CALLS = [
    ({"name": "tanh"}, 2, 2),  # product, tanh; factor, product
    ({"name": "gru"}, 5, 3),  # product, both gates, r q, tanh, interpolation; all gates, state, product
    ({"name": "gru", "reset": "before"}, 6, 6),
    ({"name": "lstm"}, 8, 4),  # product, i f, g, c in two, o, tanh, h; dc, o, i f g c, product
    ({"name": "lstm", "peepholes": True}, 11, 4),
]


@pytest.mark.parametrize(("node", "n_forward", "n_backward"), CALLS)
def test_a_step_takes_few_calls_of_torch(node, n_forward, n_backward):
    plan = plan_of(cell_of({**cell_node(node["name"]), **node}))
    assert len(plan.forward.instructions) == n_forward
    assert sum(len(stage.sums) for stage in plan.gradients.stages) + len(plan.derivation.operands) == n_backward


ENTANGLED = [
    # products add to the gradient of a state before what its value adds
    "w = sigmoid(c)\nm = tanh(U.a(c) + x.a)\nc = tanh(c * U.d(w) + m)\nh = tanh(h + U.b(w))",
    "w = sigmoid(c)\nq = tanh(U.d(c))\nc = tanh(q * w)\nh = tanh(h + x.a * (w - c) - U.b(w))",
    # one gradient of a vector of the cell's own, of a state and of a gate
    "c = tanh(p.v + c + x.a)\nh = tanh(p.w + h + U.b(c))",
]


@pytest.mark.parametrize("equations", ENTANGLED)
def test_gradients_that_meet_in_one_place_all_count(equations):
    words = {"name": "mine", "title": "mine", "source": "this test", "states": ["h", "c"], "biases": "single"}
    cell = cell_of({**words, "equations": equations})
    found = []
    for kernel in (BPTT(), Reference()):
        leaves = layer_of(cell).differentiable()
        parts = results(kernel, cell, leaves)
        total = sum(
            (part * torch.linspace(-1, 1, part.numel(), dtype=part.dtype).view_as(part)).sum() for part in parts
        )
        found.append(torch.autograd.grad(total, leaves.leaves))
    for mine, theirs in zip(*found, strict=True):
        torch.testing.assert_close(mine, theirs)


def in_torch_nn(cell, x, params, pull):
    """Return outputs and the gradients of x and the weights by torch.nn, member by member."""
    found = []
    for k in range(len(x)):
        module = MODULES[cell.name](x.shape[-1], params["U"].shape[-1], batch_first=True)
        with torch.no_grad():
            for ours, theirs in NAMES.items():
                getattr(module, theirs).copy_(params[ours][k])
        x_k = x[k].detach().requires_grad_()
        outputs = module(x_k)[0]
        leaves = [x_k, *(getattr(module, theirs) for theirs in NAMES.values())]
        found.append([outputs, *torch.autograd.grad((outputs * pull[k]).sum(), leaves)])
    return [torch.stack(parts) for parts in zip(*found, strict=True)]


def in_kernel(kernel, cell, x, params, pull):
    """Return outputs and the gradients of x and the weights by a kernel."""
    leaves = [x.detach().requires_grad_(), *(params[name].detach().requires_grad_() for name in NAMES)]
    state = tuple(x.new_zeros(*x.shape[:2], params["U"].shape[-1]) for _ in cell.states)
    outputs, _ = kernel.run(cell, leaves[0], state, dict(zip(NAMES, leaves[1:], strict=True)))
    return [outputs, *torch.autograd.grad((outputs * pull).sum(), leaves)]


def root_mean_square(error):
    return error.detach().square().mean().sqrt()


@pytest.mark.parametrize("hidden_size", [16, 46])
@pytest.mark.parametrize("name", MODULES)
def test_its_error_in_float32_is_at_most_twice_that_of_torch_nn(name, hidden_size):
    """Over 12 members, because the largest error of a few elements is a matter of luck."""
    cell = cell_of(cell_node(name))
    draw = draws(hidden_size, torch.float32)
    x, pull = draw(12, 8, 60, 20), draw(12, 8, 60, hidden_size)
    scale = hidden_size**-0.5
    params = {key: scale * draw(12, *weight.shape) for key, weight in cell.weights(20, hidden_size).items()}
    doubled = {key: weight.double() for key, weight in params.items()}
    oracle = in_kernel(Reference(), cell, x.double(), doubled, pull.double())
    ours, theirs = in_kernel(BPTT(), cell, x, params, pull), in_torch_nn(cell, x, params, pull)
    for exact, mine, rival in zip(oracle, ours, theirs, strict=True):
        assert root_mean_square(mine - exact) <= 2 * root_mean_square(rival - exact)
