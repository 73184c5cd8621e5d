"""What the paper claims, as statements that scores can support or contradict: ``config/claims.yaml``."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from benchmark.config.base import Strict, distinct

Methods = Annotated[tuple[str, ...], Field(min_length=1)]


class Claim(Strict):
    """One claim: in one quantity, each of some methods is better, or worse, than each of others."""

    title: str = Field(description="in a few words, as Table IX prints it")
    source: str = Field(description="where the paper says so")
    quantity: str = Field(description="the score, by its name in the column `metric` of scores.csv")
    methods: Methods = Field(description="the methods that the claim is about, by name")
    claimed: Literal["better", "worse"] = Field(description="what each of them is said to be")
    than: Methods = Field(description="the methods that they are compared with, by name")
    each_class: bool = Field(
        False, description="a verdict for each class; otherwise one that has to hold for every label of the score"
    )
    without: tuple[str, ...] = Field((), description="labels of the score that the claim leaves out")
    families: tuple[str, ...] | None = Field(
        None, min_length=1, description="families of datasets that the claim is about, phantoms included; none: all"
    )
    start: Literal["random", "identity"] | None = Field(
        None, description="the `training.start` that the claim is about; none: any"
    )
    unit: Literal["subject", "training"] = Field(
        "subject",
        description="what is compared: numbers of test subjects; or trainings, of which one counts where the score is "
        "1 for most of its subjects",
    )

    _distinct = field_validator("methods", "than", "without", "families")(distinct)


class Claims(Strict):
    """A file of claims."""

    paper: str = Field(description="the paper that makes them")
    claims: tuple[Claim, ...] = Field(min_length=1, description="in the order of Table IX")
