"""Phantom datasets: synthetic subjects and scanners, in the raw layouts of the real archives.

DVC stages call ``python -m benchmark.phantoms <ixi|msseg|retouch> <tiny|small|full> <folder>``. The bytes are the same
on every machine of one architecture, because only operations that IEEE 754 rounds exactly are used (see ``exactmath``).
"""
