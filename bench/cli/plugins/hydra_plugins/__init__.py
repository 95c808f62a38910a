"""The plugins of Hydra that run: ours alone.

Hydra runs every module of the package of this name, which would otherwise be put together from all folders of
`sys.path`, the working directory among them.
"""
