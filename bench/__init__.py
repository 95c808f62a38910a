"""A benchmark harness that settles GRU-versus-LSTM questions with evidence."""

__version__ = "0.1.0"
