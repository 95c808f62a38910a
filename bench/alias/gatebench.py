"""`import gatebench`: the numbers of a results directory as frames of pandas; see `bench.api`.

This folder is on the path of a checkout that is installed, and in the wheel the file stands beside `bench`.
"""

from bench import __version__
from bench.api import BenchError, ResultFrames, load

__all__ = ["BenchError", "ResultFrames", "__version__", "load"]
