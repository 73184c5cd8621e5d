"""Phantom datasets: digital subjects on digital scanners, in the raw layouts of the real archives.

``python -m benchmark.phantoms <ixi|msseg|retouch> <tiny|small|full> <folder>`` writes one dataset; DVC calls it.
The bytes are the same on every machine of one architecture, because everything is built from operations that
IEEE 754 rounds exactly (see ``exactmath``).
"""
