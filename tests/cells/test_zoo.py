"""A step of every cell of the literature against its paper's equations, written in numpy with matrices by name.

Equations are transcribed from the papers that the cell's file names, in their own form: not the file's.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bench.cells import shipped, shipped_cell

H = 5


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm(a, state, *, input_gate=True, forget_gate=True, output_gate=True, squash=np.tanh, squash_out=np.tanh, peep=1):
    """Greff et al. 2017, section III A, with z named g."""
    y, c_old = state
    g = squash(a.g + a.U("g", y))
    i = sigmoid(a.i + a.U("i", y) + peep * a.p("i") * c_old) if input_gate else 1
    f = sigmoid(a.f + a.U("f", y) + peep * a.p("f") * c_old) if forget_gate else 1
    c = g * i + c_old * f
    o = sigmoid(a.o + a.U("o", y) + peep * a.p("o") * c) if output_gate else 1
    return squash_out(c) * o, c


def linear(a):
    return a


def cifg(a, state):
    y, c_old = state
    i = sigmoid(a.i + a.U("i", y) + a.p("i") * c_old)
    c = np.tanh(a.g + a.U("g", y)) * i + c_old * (1 - i)
    return np.tanh(c) * sigmoid(a.o + a.U("o", y) + a.p("o") * c), c


def fgr(a, state):
    y, c_old, i_old, f_old, o_old = state
    z = np.tanh(a.g + a.U("g", y))
    i = sigmoid(a.i + a.U("i", y) + a.p("i") * c_old + a.U("ii", i_old) + a.U("fi", f_old) + a.U("oi", o_old))
    f = sigmoid(a.f + a.U("f", y) + a.p("f") * c_old + a.U("if_", i_old) + a.U("ff", f_old) + a.U("of", o_old))
    c = z * i + c_old * f
    o = sigmoid(a.o + a.U("o", y) + a.p("o") * c + a.U("io", i_old) + a.U("fo", f_old) + a.U("oo", o_old))
    return np.tanh(c) * o, c, i, f, o


def capped(a, state):
    h, c_old = state
    f = sigmoid(a.f + a.U("f", h))
    i = np.minimum(sigmoid(a.i + a.U("i", h)), 1 - f)
    c = f * c_old + i * np.tanh(a.g + a.U("g", h))
    return sigmoid(a.o + a.U("o", h)) * np.tanh(c), c


def gru(a, state):
    """torch.nn.GRU."""
    (h,) = state
    r, z = sigmoid(a.r + a.U("r", h)), sigmoid(a.z + a.U("z", h))
    return ((1 - z) * np.tanh(a.n + r * a.U("n", h)) + z * h,)


def gru_before(a, state):
    """Chung et al. 2014, equations 5-8, with 1 - z for z."""
    (h,) = state
    r, z = sigmoid(a.r + a.U("r", h)), 1 - sigmoid(a.z + a.U("z", h))
    return ((1 - z) * h + z * np.tanh(a.n + a.U("n", r * h)),)


def mgu(a, state, gate=lambda a, h: a.f + a.U("f", h)):
    (h,) = state
    f = sigmoid(gate(a, h))
    return ((1 - f) * h + f * np.tanh(a.n + a.U("n", f * h)),)


def mut(a, h, z, x):
    """What the three have in common, with r of each."""
    r = sigmoid(a.r + a.U("r", h))
    return (np.tanh(a.U("n", r * h) + x) * z + h * (1 - z),)


def sru(a, state):
    _, c_old = state
    f, r = sigmoid(a.f + a.p("f") * c_old), sigmoid(a.r + a.p("r") * c_old)
    c = f * c_old + (1 - f) * a.c
    return r * c + (1 - r) * a.h, c


def minlstm(a, state):
    f, i = sigmoid(a.f), sigmoid(a.i)
    return (f / (f + i) * state[0] + i / (f + i) * a.h,)


def slstm(a, state):
    """Without the stabiliser: c, n and i, f of the paper, which m scales."""
    h, c, n, m = state
    i, f = np.exp(a.i + a.U("i", h)), np.exp(a.f + a.U("f", h))
    c, n = f * c * np.exp(m) + i * np.tanh(a.z + a.U("z", h)), f * n * np.exp(m) + i
    m = np.maximum(a.f + a.U("f", h) + m, a.i + a.U("i", h))
    return sigmoid(a.o + a.U("o", h)) * c / n, c * np.exp(-m), n * np.exp(-m), m


EQUATIONS = {
    "tanh": lambda a, s: (np.tanh(a.h + a.U("h", s[0])),),
    "relu": lambda a, s: (np.maximum(a.h + a.U("h", s[0]), 0),),
    "gru": gru,
    "gru_before": gru_before,
    "lstm": lambda a, s: lstm(a, s, peep=0),
    "lstm_b": lambda a, s: lstm(a, s, peep=0),
    "lstm_peephole": lstm,
    "lstm_ablated": lstm,
    "nig": lambda a, s: lstm(a, s, input_gate=False),
    "nfg": lambda a, s: lstm(a, s, forget_gate=False),
    "nog": lambda a, s: lstm(a, s, output_gate=False),
    "niaf": lambda a, s: lstm(a, s, squash=linear),
    "noaf": lambda a, s: lstm(a, s, squash_out=linear),
    "lstm_minus_i": lambda a, s: lstm(a, s, input_gate=False, peep=0),
    "lstm_minus_f": lambda a, s: lstm(a, s, forget_gate=False, peep=0),
    "lstm_minus_o": lambda a, s: lstm(a, s, output_gate=False, peep=0),
    "cifg": cifg,
    "fgr": fgr,
    "lstm_capped": capped,
    "mgu": mgu,
    "mgu1": lambda a, s: mgu(a, s, lambda a, h: a.U("f", h) + a.p("f")),
    "mgu2": lambda a, s: mgu(a, s, lambda a, h: a.U("f", h)),
    "mgu3": lambda a, s: mgu(a, s, lambda a, h: a.p("f")),
    "mut1": lambda a, s: mut(a, s[0], sigmoid(a.z), np.tanh(a.n)),
    "mut2": lambda a, s: mut(a, s[0], sigmoid(a.z + a.U("z", s[0])), a.n),
    "mut3": lambda a, s: mut(a, s[0], sigmoid(a.z + a.U("z", np.tanh(s[0]))), a.n),
    "mingru": lambda a, s: ((1 - sigmoid(a.z)) * s[0] + sigmoid(a.z) * a.h,),
    "minlstm": minlstm,
    "sru": sru,
    "slstm": slstm,
}


def test_every_shipped_cell_has_equations_here():
    assert set(EQUATIONS) == set(shipped())


@pytest.mark.parametrize("name", EQUATIONS)
def test_a_step_is_the_papers(name):
    cell = shipped_cell(name, biases="single")
    random = np.random.default_rng(0)
    weights = {key: random.normal(size=weight.shape) for key, weight in cell.weights(3, H).items()}
    state = [random.normal(size=H) ** 2 for _ in cell.states]
    wx = dict(zip(cell.gates, weights["W"].reshape(-1, H, 3) @ random.normal(size=3), strict=True))

    U = dict(zip(cell.products, weights.get("U", np.zeros((0, H))).reshape(-1, H, H), strict=True))
    own = dict(zip(cell.program.own, weights.get("P", ()), strict=True))
    given = SimpleNamespace(**wx, U=lambda gate, operand: U[gate] @ operand, p=lambda name: own.get(name, 0.0))
    params = {key: torch.from_numpy(weight)[None] for key, weight in weights.items()}
    step = cell.step(
        tuple(torch.from_numpy(part).view(1, 1, H) for part in state),
        torch.from_numpy(np.concatenate([wx[gate] for gate in cell.gates])).view(1, 1, -1),
        params,
    )
    for part, wanted in zip(step, EQUATIONS[name](given, state), strict=True):
        np.testing.assert_allclose(part[0, 0].numpy(), wanted, rtol=1e-12, atol=1e-14)
