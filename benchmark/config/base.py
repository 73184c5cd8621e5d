"""Strict base of every config model, and the schedule that several of them share."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

NAME = r"^[a-z][a-z0-9_]*$"
"""Pattern of the names of benchmarks and datasets, which are also names of folders."""

Items = TypeVar("Items", bound=tuple[object, ...] | None)


def distinct(items: Items) -> Items:
    """Validates a field without repetitions: each item is trained and scored once."""
    if items is not None and (twice := sorted(str(item) for item, count in Counter(items).items() if count > 1)):
        raise ValueError(f"{', '.join(twice)} is given twice")
    return items


class Strict(BaseModel):
    """An immutable model that refuses unknown keys and infinite numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_booleans_as_numbers(cls, content: Any) -> Any:
        # Pydantic takes True as 1, and YAML takes `yes` and `on` as True.
        for name, value in content.items() if isinstance(content, Mapping) else ():
            annotation = str(cls.model_fields[name].annotation) if name in cls.model_fields else "bool"
            if "bool" not in annotation and any(
                isinstance(v, bool) for v in (value if isinstance(value, list) else [value])
            ):
                raise ValueError(f"{name}: must not be true or false (in YAML also yes, no, on or off)")
        return content


class Schedule(Strict):
    """Constant learning rate, then linear to zero (the reference's schedule, ``spec``: 20 and 300 epochs).

    An epoch is as many steps as the larger of the two domains fills with batches.
    """

    unit: Literal["epochs", "steps"]
    # Ten million steps of the smallest batch take months, so more is a typing error.
    constant: int = Field(ge=0, le=10_000_000, description="length of the constant part")
    decay: int = Field(ge=0, le=10_000_000, description="length of the linear part")

    @model_validator(mode="after")
    def _not_empty(self) -> "Schedule":
        if self.constant + self.decay == 0:
            raise ValueError("constant and decay are both 0, so nothing would be trained")
        return self

    def steps(self, steps_per_epoch: int) -> tuple[int, int]:
        """Lengths of both parts in steps."""
        factor = steps_per_epoch if self.unit == "epochs" else 1
        return self.constant * factor, self.decay * factor
