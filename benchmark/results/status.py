"""What became of a cell or of a number."""

from typing import Literal

Status = Literal["ok", "failed", "skipped"]
"""``failed``: the method diverged, raised, did not end, or gave no usable images; ``skipped``: not applicable.

Neither is without a reason.
"""
