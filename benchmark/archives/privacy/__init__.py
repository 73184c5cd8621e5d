"""Keeps names of patients out of results, logs and messages."""
