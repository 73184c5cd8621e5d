"""Strict base of every config model, and the schedule that several of them share."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Strict(BaseModel):
    """A model that refuses unknown keys and cannot be changed after it was checked."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Schedule(Strict):
    """Constant learning rate, then linear to zero (the reference's schedule, ``spec``: 20 and 300 epochs).

    An epoch is as many steps as the larger of the two domains fills with batches.
    """

    unit: Literal["epochs", "steps"]
    constant: int = Field(ge=0, description="length of the constant part")
    decay: int = Field(ge=0, description="length of the linear part")

    def steps(self, steps_per_epoch: int) -> tuple[int, int]:
        """Lengths of both parts in steps."""
        factor = steps_per_epoch if self.unit == "epochs" else 1
        return self.constant * factor, self.decay * factor
