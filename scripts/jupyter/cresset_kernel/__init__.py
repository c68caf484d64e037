"""Cresset's kernel for Jupyter: docs/jupyter.md."""

__version__ = "0.1.0"
