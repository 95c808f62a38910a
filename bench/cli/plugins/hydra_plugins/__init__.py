"""The only Hydra plugins that are loaded: ours.

Hydra runs every module of the package of this name, which would otherwise be assembled from all folders of
`sys.path`, the working directory among them.
"""
