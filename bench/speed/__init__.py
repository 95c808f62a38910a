"""Speed: paired times of one training step (forward, loss, backward, clipping, Adam) of K members.

The protocol: contenders in turns, medians of paired ratios; on a CPU one process on one core. `measurement`
times a CPU for the command `speed`; `gpu` times a device, where only torch and numpy are.
"""
