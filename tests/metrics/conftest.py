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


@pytest.fixture
def judged():
    """Judges of the small benchmark, trained for a few steps."""
    small.lay_out()
    config = small.benchmark_config()
    for domain in ("AA", "BB"):
        train_segmentor(config, small.DATASET, domain, 0)
    train_autoencoder(config, small.DATASET, small.PAIR, 0)
