"""Contract suites: what every cell, kernel, task and sampler must do, for those shipped and for a third party's.

`cells.check_cell`, `kernels.check_kernel`, `tasks.check_task` and `samplers.check_sampler` raise AssertionError, which
says what is violated, and return nothing where all is well. They need no pytest, and hold under `python -O`.
"""
