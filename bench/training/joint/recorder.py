"""Recorders: how a step on buffers at fixed addresses is run repeatedly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch

Step = Callable[[], None]

WARM_UP = 3
"""How often a step is run before it is captured, as torch.cuda.graph asks for."""


@runtime_checkable
class Recorder(Protocol):
    """Turns a step into one that may cost less to run."""

    def record(self, step: Step) -> Step:
        """Return a function that does the same to the same buffers; may run the step any number of times meanwhile."""
        ...


class Eager:
    """Runs the step itself."""

    def record(self, step: Step) -> Step:
        """Return the step."""
        return step


class CudaGraphs:
    """Captures steps as CUDA graphs; all share one pool of memory, for no two run at once.

    A step must not wait for the device, and nothing that it allocates may be read after it.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool = torch.cuda.graph_pool_handle()

    def record(self, step: Step) -> Step:
        """Return the replay of the captured step."""
        with torch.cuda.device(self._device):
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(WARM_UP):
                    step()
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self._pool):
                step()
        return graph.replay
