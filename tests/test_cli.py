"""What a user gets wrong ends in one message, exit code 2 and no traceback; a bug keeps its traceback."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark import cli
from benchmark.errors import DataError

ROOT = Path(__file__).parents[1]


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmark", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_help_lists_commands_and_hides_steps():
    result = run("--help")
    assert result.returncode == 0
    assert "leaderboard" in result.stdout
    assert "step" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("step", "train", "nowhere.json", "d", "A-B", "0", "m", "0"), "nowhere.json"),
        (("leaderboard", "check", "nothing"), "results/reference/nothing: holds no published reference"),
        (("step", "nothing"), "No such command"),
        (("step", "score", "x.json", "d", "A-B", "zero"), "valid integer"),
    ],
)
def test_user_errors(arguments, said):
    result = run(*arguments)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_faults_of_the_machine_are_told_with_a_remedy(monkeypatch, capsys, number):
    def fault() -> None:
        raise OSError(number, "fault", "results/x.h5")

    monkeypatch.setattr(cli, "app", fault)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("error: results/x.h5: ")


def test_user_error_is_thing_fault_remedy(monkeypatch, capsys):
    def fault() -> None:
        raise DataError("a.nii.gz", "is truncated.", "Copy it again")

    monkeypatch.setattr(cli, "app", fault)
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().err == "error: a.nii.gz: is truncated. Copy it again.\n"


def test_a_bug_is_not_hidden(monkeypatch):
    def bug() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "app", bug)
    with pytest.raises(ZeroDivisionError):
        cli.main()
