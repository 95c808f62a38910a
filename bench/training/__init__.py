"""Training: batches, the model, one loop, the optimiser, checkpoints, and what a trained model does inside."""
