"""Measurements of speed and memory; each script says what it measures."""
