"""The files that the jobs of a benchmark leave: images, scores, provenance."""
