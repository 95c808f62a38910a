"""Whole jobs: this project beside the same training written plainly in torch (`bench/speed/plain.py`)."""
