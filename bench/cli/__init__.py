"""The command line: the Hydra app, from a config to a Command, and one file for each command."""
