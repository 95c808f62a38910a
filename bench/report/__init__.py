"""The report: run records in; a page, tables and figures out. Needs neither torch nor Hydra."""
