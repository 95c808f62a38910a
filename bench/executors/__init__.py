"""Executors: who carries out the Runs of a sweep. Results never travel back: a Run writes its own record."""
