import fake_benchmark as fake
import pytest

from benchmark.reporting import names


@pytest.fixture(scope="session")
def tree_root(tmp_path_factory):
    """A benchmark tree, written once; see ``fake``."""
    root = tmp_path_factory.mktemp("tree")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        fake.write(root, fake.Tree())
    return root


@pytest.fixture
def tree(tree_root, monkeypatch):
    """The working directory is the tree; methods are the tree's."""
    monkeypatch.chdir(tree_root)
    monkeypatch.setattr(names, "FOLDER", tree_root / "methods")
    return fake.config(fake.Tree())
