"""What a trained model does inside: gates, gradients through time, memory; pure functions of weights and a batch."""

from bench.training.probes.gates import gate_values as gate_values
from bench.training.probes.gates import kept_share as kept_share
from bench.training.probes.gates import saturation as saturation
from bench.training.probes.gates import time_constants as time_constants
from bench.training.probes.lag import gradient_by_lag as gradient_by_lag
from bench.training.probes.lag import memory_length as memory_length
from bench.training.probes.unroll import Unrolled as Unrolled
from bench.training.probes.unroll import unroll as unroll
