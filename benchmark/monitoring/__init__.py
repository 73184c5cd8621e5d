"""A run seen from outside: hbench plan before it, hbench watch during it."""
