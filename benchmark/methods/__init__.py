"""What harmonization methods share. The methods themselves are the files in ``methods/``."""

from benchmark.methods.base import Direction, FitContext, Method, TrainingSet

__all__ = ["Direction", "FitContext", "Method", "TrainingSet"]
