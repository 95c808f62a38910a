"""Programs that are no tests: faults, figures, calibration. `python -m tests.programs.NAME` runs one."""
