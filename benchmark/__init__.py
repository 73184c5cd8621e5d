"""Reproducible benchmark of unpaired medical-image harmonization."""

__version__ = "0.1.0"
