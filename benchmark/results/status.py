"""What became of a cell or of a number."""

from typing import Literal

Status = Literal["ok", "failed", "skipped"]
"""``failed``: the training diverged; ``skipped``: not applicable. Neither is without a reason."""
