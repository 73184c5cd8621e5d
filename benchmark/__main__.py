"""``python -m benchmark`` is the command ``hbench``."""

from benchmark.cli import main

main()
