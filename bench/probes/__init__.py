"""What a trained model does inside: gates, gradients through time, memory; pure functions of weights and a batch."""

from bench.probes.gates import gate_values as gate_values
from bench.probes.gates import keeper_gate as keeper_gate
from bench.probes.lag import gradient_by_lag as gradient_by_lag
from bench.probes.lag import memory_length as memory_length
from bench.probes.saturation import saturation as saturation
from bench.probes.saturation import time_constants as time_constants
from bench.probes.unroll import Unrolled as Unrolled
from bench.probes.unroll import unroll as unroll
