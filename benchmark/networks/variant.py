"""Where the paper (Ren, Dey et al., IEEE TMI 2021) and the code published with it differ."""

from typing import Literal

Variant = Literal["paper", "reference"]
"""``paper``: as the paper's text describes it; ``reference``: as its published code runs."""
