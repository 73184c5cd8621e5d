"""What a user gets wrong ends in one message, exit code 2 and no traceback; a bug keeps its traceback."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import small_benchmark as small

from benchmark import cli
from benchmark.data.splits import read_fold
from benchmark.pipeline.resolve import load_benchmark
from benchmark.results import scores
from benchmark.results.provenance import read_provenance
from benchmark.runtime import processor
from benchmark.runtime.atomic import write_atomically
from benchmark.runtime.errors import DataError
from benchmark.runtime.interpreter import put_own_python_first
from benchmark.training.description import read_description, write_failure

ROOT = Path(__file__).parents[1]


@pytest.fixture
def refusal(monkeypatch, capsys):
    """Calls the command in the project with these arguments, and returns what it says when it ends with exit code 2."""

    def call(*arguments: str) -> str:
        monkeypatch.chdir(ROOT)
        monkeypatch.setattr(os, "environ", os.environ.copy())  # the kernels are asked for there
        monkeypatch.setattr(sys, "argv", ["hbench", *arguments])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        assert caught.value.code == 2
        said = capsys.readouterr().err
        assert "Traceback" not in said
        return said

    return call


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmark", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_help_lists_commands_and_hides_steps():
    result = run("--help")
    assert result.returncode == 0
    assert "leaderboard" in result.stdout
    assert "step" not in result.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_characters_that_the_output_lacks_are_replaced(encoding, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    command = [sys.executable, "-m", "benchmark", "config"]  # states ranges with the sign ≤
    result = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert result.returncode == 0, result.stderr
    assert b" ?" in result.stdout


def test_the_process_ends_with_the_message_and_its_exit_code():
    result = run("step", "gather", "config/demo.yaml")
    assert result.returncode == 2
    assert "key 'cards' is missing" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("step", "train", "nowhere.json", "d", "A-B", "0", "m", "0"), "nowhere.json"),
        (("step", "gather", "config/demo.yaml"), "key 'cards' is missing"),
        (("leaderboard", "check", "nothing"), "results/reference/nothing/kernels.json: is missing"),
        (("leaderboard", "check", "../../x"), "a benchmark's name"),
        (("leaderboard", "check", "demo\n"), "a benchmark's name"),
        (("leaderboard", "publish", "nothing"), "results/nothing/scores.csv: is missing"),
        (("step", "nothing"), "No such command"),
        (("step", "score", "x.json", "d", "A-B", "zero"), "valid integer"),
    ],
)
def test_user_errors(refusal, arguments, said):
    assert said in refusal(*arguments)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> str:
    """The checked config of the smoke benchmark."""
    path = tmp_path_factory.mktemp("smoke") / "config.json"
    path.write_text(load_benchmark(ROOT / "config/smoke.yaml").model_dump_json())
    return str(path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train", "ixi_phantom", "GE-PL", "0", "semgan", "0"), "fold 0 of GE-PL of ixi_phantom. Name a target"),
        (("autoencoder", "ixi_phantom_tiny", "GEPL", "0"), "fold 0 of GEPL of ixi_phantom_tiny"),
        (("reference", "ixi_phantom_tiny", "GE-PL", "9"), "fold 9 of GE-PL of ixi_phantom_tiny"),
        (("harmonize", "ixi_phantom_tiny", "GE-PL", "0", "cyclgan", "0"), "method cyclgan with the seed 0"),
        (("train", "ixi_phantom_tiny", "GE-PL", "0", "cyclegan", "7"), "method cyclegan with the seed 7"),
        (("segmentor", "ixi_phantom_tiny", "XX", "0"), "fold 0 of XX of ixi_phantom_tiny"),
        (("segmentor", "ixi_phantom_tiny", "GE", "1"), "fold 1 of GE of ixi_phantom_tiny"),
    ],
)
def test_a_step_that_the_benchmark_does_not_ask_for(refusal, smoke, arguments, said):
    step, *rest = arguments
    assert said in refusal("step", step, smoke, *rest)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_faults_of_the_machine_are_told_with_a_remedy(monkeypatch, capsys, number):
    def fault() -> None:
        raise OSError(number, "fault", "results/x.h5")

    monkeypatch.setattr(cli, "app", fault)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("error: results/x.h5: ")


WRITERS = {
    "model": (
        "import torch; from benchmark.training.saved import save_networks; "
        "save_networks(Path('model'), {'n': torch.nn.Linear(300, 300)}, {})"
    ),
    "harmonized.h5": (
        "from benchmark.results.harmonized import Harmonized, write_harmonized; "
        "write_harmonized(Path('harmonized.h5'), Harmonized({'a': image, 'b': image}))"
    ),
    "slices.h5": (
        "from benchmark.data.slices import SubjectSlices, write_slices; labels = np.zeros(image.shape, np.uint8); "
        "write_slices(Path('slices.h5'), [SubjectSlices(s, 'A', image, labels, labels, (1, 1, 1)) for s in 'abc'])"
    ),
    "truth.h5": (
        "from benchmark.data.truth import TruthSlices, write_truth; "
        "write_truth(Path('truth.h5'), [TruthSlices(s, 'B', image, image) for s in 'abc'])"
    ),
    "artifacts.h5": (
        "from benchmark.results.artifacts import write_artifacts; "
        "write_artifacts(Path('artifacts.h5'), {'a/b': (image, {})})"
    ),
    "figure.pdf": (
        "from matplotlib.figure import Figure; from benchmark.reporting import style; made = Figure(); "
        "made.subplots().imshow(image[0]); style.save(made, [Path('figure.pdf')])"
    ),
}


FULL_DISK = """
import contextlib, io, json, os, signal, sys
from pathlib import Path
import numpy as np
from benchmark import cli

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
image = np.random.default_rng(0).uniform(-1, 1, (3, 64, 64)).astype(np.float32)
told = {}
for name, work in json.loads(sys.argv[1]).items():
    os.mkdir(name + " here")
    os.chdir(name + " here")
    cli.app = lambda: exec(work, globals())
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            cli.main()
        except SystemExit as end:
            told[name] = said.getvalue(), end.code, os.listdir()
    os.chdir("..")
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def full_disk(tmp_path_factory) -> dict[str, list]:
    """What each writer says on a full disk, its exit code, and what it leaves.

    ``ulimit -f`` stands in for the disk: writes beyond it fail with an error that names no file.
    """
    shell = ["bash", "-c", 'ulimit -f 4; exec "$@"', "bash", sys.executable, "-c", FULL_DISK, json.dumps(WRITERS)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    folder = tmp_path_factory.mktemp("disk")
    done = subprocess.run(shell, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.processes
@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_told_with_the_file(full_disk, name):
    said, code, left = full_disk[name]
    assert said == f"error: {name}: a file is larger than this system allows. Raise the limit (ulimit -f).\n"
    assert code == 2
    assert not left


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (lambda: write_atomically(Path("folder"), "x"), "folder: is a folder where a file belongs"),
        (lambda: write_atomically(Path("file/x.csv"), "x"), "file: is a file where a folder belongs"),
        (
            lambda: write_atomically(Path("file/new/x.csv"), "x"),
            "file/new: is, or lies below, a file where a folder",
        ),
        (lambda: write_failure(Path("file"), "x"), "file: is, or lies below, a file where a folder belongs"),
        (lambda: read_provenance(Path("folder")), "folder: is a folder where a file belongs"),
        (lambda: read_description(Path("model")), "model/model.json: is a folder where a file belongs"),
        (lambda: scores.read(Path("folder")), "folder: is a folder where a file belongs"),
        (lambda: read_fold(Path("folder"), 0), "folder: is a folder where a file belongs"),
    ],
)
def test_a_folder_in_place_of_a_file_and_a_file_in_place_of_a_folder(monkeypatch, tmp_path, capsys, work, said):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("file").write_text("kept")
    Path("model/model.json").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(cli, "app", work)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: {said}")
    assert sorted(tmp_path.rglob("*")) == before
    assert Path("file").read_text() == "kept"


def test_processes_find_the_python_that_started_them(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    put_own_python_first()
    assert shutil.which("python") == str(Path(sys.executable).parent / "python")


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


def test_a_step_computes_with_the_kernels_that_its_config_asks_for(tmp_path):
    for kernels in ("portable", "native"):
        (tmp_path / f"{kernels}.json").write_text(small.benchmark_config(kernels=kernels).model_dump_json())
    code = (
        "import json, os; from pathlib import Path; import sys\n"
        "from benchmark.runtime import processor; from benchmark.cli import steps\n"
        "processor._processor_flags = lambda: {'avx2'}\n"
        "bare = {n: v for n, v in os.environ.items() if n not in processor.PORTABLE_KERNELS}\n"
        "def asked(kernels, **extra):\n"
        "    os.environ.clear(); os.environ.update(bare, **extra)\n"
        "    steps._config(Path(f'{kernels}.json')); assert 'torch' not in sys.modules\n"
        "    return {n: os.environ[n] for n in processor.PORTABLE_KERNELS if n in os.environ}\n"
        "print(json.dumps([asked(k, **e) for k in ('portable', 'native') for e in ({}, {'MKL_CBWR': 'AVX2'})]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    portable = processor.PORTABLE_KERNELS
    assert json.loads(done.stdout) == [portable, {**portable, "MKL_CBWR": "AVX2"}, {}, {"MKL_CBWR": "AVX2"}]


def test_a_processor_without_avx2_is_left_alone(monkeypatch):
    monkeypatch.setattr(processor, "_processor_flags", lambda: {"sse4_2"})
    monkeypatch.setattr(os, "environ", {})
    processor.use_portable_kernels()
    assert not os.environ
