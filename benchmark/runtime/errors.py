"""Errors that a user can cause, and two events that are no errors at all: divergence, and being told to stop.

Every class here ends a command with one message and exit code 2 (see ``benchmark.cli``), or 75 where memory ran out.
Whatever is not a ``UserError`` is a bug and is shown with its traceback.
"""


class UserError(Exception):
    """Something outside the code is wrong: the message names the thing, the fault and the remedy.

    Args:
        thing: what is at fault: a file, a key of a config, an option.
        fault: what is wrong with it.
        remedy: what to do about it.
    """

    def __init__(self, thing: object, fault: str, remedy: str) -> None:
        self.thing, self.fault, self.remedy = str(thing), fault.rstrip("."), remedy.rstrip(".")
        end = "" if self.fault.endswith("?") else "."
        super().__init__(f"{self.thing}: {self.fault}{end} {self.remedy}.")

    def __reduce__(self) -> tuple[type["UserError"], tuple[str, str, str]]:
        """Pickles with its three parts, so that it comes back whole from a worker process."""
        return type(self), (self.thing, self.fault, self.remedy)


class ConfigError(UserError):
    """A benchmark or dataset config is wrong."""


class DataError(UserError):
    """An archive, an image, a label map or a store is wrong.

    Attributes:
        subject: id of the subject whose files are at fault, where that is known.
        domain: code of the scanner of whose part of the archive they are, where that is known.
    """

    subject: str | None = None
    domain: str | None = None


class ModelError(UserError):
    """A saved model is damaged or does not fit."""


class OutOfMemory(UserError):  # noqa: N818  named as PyTorch's
    """The machine or the GPU has not enough memory; a try with more of it, or of less at a time, may succeed."""


def made_by_snakemake(path: object) -> str:
    """Remedy for a missing file that a rule makes. Without its name, Snakemake makes what the last rule lacks only."""
    return f"Run snakemake with the target {path} (and the benchmark's --configfile), which makes it"


def made_again(path: object, delete: object = None) -> str:
    """Remedy for a file that a rule made and that is damaged.

    Args:
        delete: what must go for that, where it is more than the file.
    """
    return f"Delete {delete or 'it'} and run snakemake with the target {path} (and the benchmark's --configfile)"


class Interrupted(Exception):  # noqa: N818  asked for
    """A signal ended a training in good order.

    Args:
        signal: its name.
        step: the last step done, after which a checkpoint was written.
        steps: of the whole training.
    """

    def __init__(self, signal: str, step: int, steps: int) -> None:
        self.signal = signal
        super().__init__(f"{signal}: stopped after step {step} of {steps}; the same command goes on from there")


class Diverged(Exception):  # noqa: N818  an outcome, not an error
    """A training came to nothing (non-finite loss, constant output); the cell is ``failed``, the run goes on.

    Args:
        reason: what was seen, and at which step; it is written beside the missing numbers.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
