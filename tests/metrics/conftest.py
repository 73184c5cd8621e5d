import shutil

import pytest
import small_benchmark as small
import small_cells

from benchmark.judges.autoencoder import train_autoencoder
from benchmark.judges.segmentor import train_segmentor


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("benchmark.pipeline.inputs.create", lambda name, options: small_cells.METHODS[name]())


@pytest.fixture
def view():
    """A cell of the small benchmark whose harmonized images are the source's; no judge is trained."""
    small.lay_out()
    return small_cells.make_view()


@pytest.fixture(scope="session")
def trained_judges(tmp_path_factory):
    """The small benchmark with its judges, trained for a few steps."""
    root = tmp_path_factory.mktemp("judges")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        small.lay_out()
        config = small.benchmark_config()
        for domain in ("AA", "BB"):
            train_segmentor(config, small.DATASET, domain, 0)
        train_autoencoder(config, small.DATASET, small.PAIR, 0)
    return root


@pytest.fixture
def judged(trained_judges, tmp_path):
    """A copy of it, which is the working directory."""
    shutil.copytree(trained_judges, tmp_path, dirs_exist_ok=True)
