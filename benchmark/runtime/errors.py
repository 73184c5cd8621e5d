"""Errors that a user can cause, and two events that are not errors: divergence, and a signal to stop.

A ``UserError`` ends a command with one message and exit code 2 (see ``benchmark.cli``), or 75 if memory ran out. All
other exceptions are bugs, and keep their traceback.
"""

from benchmark.runtime.text import one_line


class UserError(Exception):
    """An error outside the code; its message names the thing, the fault and the remedy, in one line.

    Args:
        thing: a file, a key of a config, an option.
        fault: what is wrong with it.
        remedy: what to do about it.
    """

    def __init__(self, thing: object, fault: str, remedy: str) -> None:
        self.thing, self.fault, self.remedy = map(one_line, (str(thing), fault.rstrip("."), remedy.rstrip(".")))
        end = "" if self.fault.endswith("?") else "."
        super().__init__(f"{self.thing}: {self.fault}{end} {self.remedy}.")

    def __reduce__(self) -> tuple[type["UserError"], tuple[str, str, str]]:
        """Keeps the three parts when a worker process returns the error."""
        return type(self), (self.thing, self.fault, self.remedy)


class ConfigError(UserError):
    """A benchmark or dataset config is wrong."""


class DataError(UserError):
    """An archive, an image, a label map or a store is wrong.

    Attributes:
        subject: id of the subject whose files are wrong, if known.
        domain: code of its scanner, if known.
    """

    subject: str | None = None
    domain: str | None = None


class ModelError(UserError):
    """A saved model is damaged or does not fit."""


class OutOfMemory(UserError):  # noqa: N818  named as PyTorch's
    """The machine or the GPU lacks memory; another attempt with more memory, or smaller batches, may succeed."""


def remedy_missing(path: object) -> str:
    """Remedy for a missing output of a rule; without a target, Snakemake makes only what the last rule lacks."""
    return f"Run snakemake with the target {path} (and the benchmark's --configfile), which makes it"


def remedy_damaged(path: object, delete: object = None) -> str:
    """Remedy for a damaged output of a rule.

    Args:
        delete: what to delete for that, if it is more than the file.
    """
    return f"Delete {delete or 'it'} and run snakemake with the target {path} (and the benchmark's --configfile)"


class Interrupted(Exception):  # noqa: N818  not an error
    """A signal stopped a training, which first wrote a checkpoint.

    Args:
        signal: name of the signal.
        step: last completed step.
        steps: steps of the whole training.
    """

    def __init__(self, signal: str, step: int, steps: int) -> None:
        self.signal = signal
        super().__init__(f"{signal}: stopped after step {step} of {steps}; the same command goes on from there")


class MethodFailed(Exception):  # noqa: N818  an outcome, not an error
    """A method did not do its work: its cell is ``failed``, and the run continues.

    Args:
        reason: what was observed; the scores file states it.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Diverged(MethodFailed):
    """A training diverged: non-finite loss, constant output. The reason names the step."""
