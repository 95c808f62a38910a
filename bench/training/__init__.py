"""Training: batches, the model, one loop, the optimiser, checkpoints, and probes of a trained model."""
