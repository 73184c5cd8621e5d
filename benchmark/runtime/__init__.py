"""Errors, files, locks, devices and memory: what all other rooms use."""
