"""Every cell that torch.nn has gives torch.nn's numbers in float64: forward, gradients, ten clipped Adam steps."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from bench.cells import cell_of
from bench.core.settings import InitSettings
from bench.kernels import FASTEST_FIRST, Reference
from bench.training.batches import training_batches
from bench.training.initial import initial_row
from bench.training.model import Shape, forward, zero_state
from tests.toys import cell_node, changed, machine, music_task, rolls, run, shape, trained

NAMES = {"W": "weight_ih", "U": "weight_hh", "b": "bias_ih", "b_recurrent": "bias_hh"}
MODULES = {"tanh": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
LAYERS = (1, 2)
TOLERANCE = 1e-12


class TorchModel(nn.Module):
    """torch.nn's recurrent layers and a readout, with weights copied from a row of ours."""

    def __init__(self, shape: Shape, row: torch.Tensor) -> None:
        super().__init__()
        module = MODULES[shape.cell.name]
        self.layers = module(shape.n_inputs, shape.hidden_size, shape.num_layers, batch_first=True)
        self.readout = nn.Linear(shape.hidden_size, shape.n_outputs)
        self.double()
        with torch.no_grad():
            for name, parameter in self.by_our_names(shape).items():
                parameter.copy_(shape.views(row[None])[name][0])

    def by_our_names(self, shape: Shape) -> dict[str, nn.Parameter]:
        ours = {"readout.W": self.readout.weight, "readout.b": self.readout.bias}
        for layer in range(shape.num_layers):
            for name, theirs in NAMES.items():
                ours[f"layer{layer}.{name}"] = getattr(self.layers, f"{theirs}_l{layer}")
        return ours

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.readout(self.layers(x)[0])


def random_shape(cell: str, num_layers: int) -> Shape:
    return Shape(cell_of(cell_node(cell)), 5, 3, 0, 7, num_layers)


@pytest.mark.parametrize("num_layers", LAYERS)
@pytest.mark.parametrize("cell", MODULES)
def test_forward_and_every_gradient_equal_torch_nn(cell, num_layers):
    shape_ = random_shape(cell, num_layers)
    generator = torch.Generator().manual_seed(3)
    rows = torch.randn(2, shape_.row_size, generator=generator, dtype=torch.float64)
    x = torch.randn(2, 4, 11, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    weights = {name: view.detach().requires_grad_() for name, view in shape_.views(rows).items()}
    logits, _ = forward(shape_, weights, x, zero_state(shape_, 2, 4, rows), Reference())
    pull = torch.randn(logits.shape, generator=generator, dtype=torch.float64)
    (logits * pull).sum().backward()
    for k in range(2):
        model = TorchModel(shape_, rows[k])
        x_k = x[k].detach().requires_grad_()
        expected = model(x_k)
        (expected * pull[k]).sum().backward()
        torch.testing.assert_close(logits[k], expected, rtol=TOLERANCE, atol=TOLERANCE)
        torch.testing.assert_close(x.grad[k], x_k.grad, rtol=TOLERANCE, atol=TOLERANCE)
        for name, parameter in model.by_our_names(shape_).items():
            torch.testing.assert_close(weights[name].grad[k], parameter.grad, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("num_layers", LAYERS)
@pytest.mark.parametrize("cell", MODULES)
@pytest.mark.parametrize("kernel", FASTEST_FIRST, ids=lambda kernel: kernel.name)
def test_ten_clipped_adam_steps_end_at_torch_nns_weights(kernel, cell, num_layers):
    task = music_task(n=20)
    ours = changed(
        run(cell, num_layers=num_layers, init=InitSettings(scheme="torch")),
        "train",
        max_updates=10,
        max_epochs=0,
    )
    ours = changed(ours, "train", clip_norm=0.5)
    shape_ = shape(ours, task)
    start = initial_row(shape_, ours.init, seed=0, output_bias=task.output_bias(), dtype=torch.float64)
    (member,) = trained([ours], task, rolls(3, seed=9), dataclasses.replace(machine(), kernel=kernel))
    model = TorchModel(shape_, start)
    optimiser = torch.optim.Adam(model.parameters(), lr=ours.optim.lr)
    batches = training_batches(task, seed=0, batch_size=4, window=0, dtype=torch.float64)
    n_clipped = 0
    for update in range(10):
        batch = batches.batch(update // batches.n_per_epoch, update % batches.n_per_epoch)
        loss = task.nats(model(batch.inputs[0])[None], batch.targets, batch.mask).sum() / batch.n_units[0]
        optimiser.zero_grad()
        loss.backward()
        n_clipped += float(nn.utils.clip_grad_norm_(model.parameters(), 0.5)) > 0.5
        optimiser.step()
    assert n_clipped > 0
    for name, parameter in model.by_our_names(shape_).items():
        found = shape_.views(member.row[None])[name][0]
        torch.testing.assert_close(found, parameter.detach(), rtol=TOLERANCE, atol=TOLERANCE)
