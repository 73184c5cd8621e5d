"""Public downloads against a loopback server that serves the same tree, and what can go wrong on the way."""

import csv
import errno
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmark.archives.retrieval import download
from benchmark.archives.retrieval.download import Source, complete, read_sources
from benchmark.runtime.errors import DataError

CONTENT = {f"a/{n}.nii.gz": bytes([n]) * 5000 for n in range(6)} | {"b/with space.nii.gz": b"x" * 10}


@dataclass
class Server:
    """Serves ``owner/repo/raw/c0ffee/src/<file>``; what ``broken`` names is cut off that many times."""

    base: str = ""
    files: dict[str, bytes] = field(default_factory=lambda: dict(CONTENT))
    broken: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.removeprefix("/owner/repo/raw/c0ffee/src/").replace("%20", " ")
            state.asked.append(name)
            content = state.files.get(name)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if state.broken.get(name, 0):
                state.broken[name] -= 1
                self.wfile.write(content[: len(content) // 2])
                self.close_connection = True
            else:
                self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.base = f"http://127.0.0.1:{httpd.server_port}"
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    yield state
    httpd.shutdown()
    httpd.server_close()


def sources() -> list[Source]:
    return [
        Source(name, "owner/repo", "c0ffee", f"src/{name}", len(c), hashlib.sha256(c).hexdigest())
        for name, c in CONTENT.items()
    ]


def there(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_whole_tree_arrives(server, tmp_path):
    assert not complete(sources(), tmp_path)
    download.download(sources(), tmp_path, server.base)
    assert there(tmp_path) == CONTENT
    assert complete(sources(), tmp_path)


def test_threads_do_not_make_the_same_folder_at_once(server, tmp_path, monkeypatch):
    def made_meanwhile(path: object, *arguments: object, **options: object) -> None:
        if not options.get("exist_ok"):
            raise FileExistsError(errno.EEXIST, "File exists", path)

    monkeypatch.setattr("pooch.core.os.makedirs", made_meanwhile)
    download.download(sources(), tmp_path, server.base)
    assert there(tmp_path) == CONTENT


def test_the_mirror_can_be_named_by_the_environment(server, tmp_path, monkeypatch):
    monkeypatch.setenv(download.BASE_VARIABLE, server.base + "/")
    download.download(sources(), tmp_path)
    assert there(tmp_path) == CONTENT


def test_a_connection_that_breaks_is_tried_again(server, tmp_path):
    server.broken = {"a/1.nii.gz": 1, "a/2.nii.gz": 2}
    download.download(sources(), tmp_path, server.base)
    assert there(tmp_path) == CONTENT
    assert server.asked.count("a/2.nii.gz") == 3


def test_a_connection_that_stays_broken_leaves_no_partial_file_and_is_resumed(server, tmp_path):
    server.broken = {"a/3.nii.gz": 99}
    with pytest.raises(DataError, match=r"a/3.nii.gz: cannot be downloaded .* Run it again: complete files are kept"):
        download.download(sources(), tmp_path, server.base)
    left = there(tmp_path)
    assert left.items() <= CONTENT.items()
    assert "a/3.nii.gz" not in left
    server.broken, server.asked = {}, []
    download.download(sources(), tmp_path, server.base)
    assert there(tmp_path) == CONTENT
    assert sorted(server.asked) == sorted(set(CONTENT) - set(left))


def test_a_wrong_hash_is_refused(server, tmp_path):
    server.files["a/4.nii.gz"] = b"something else"
    with pytest.raises(DataError, match=r"a/4.nii.gz: is not the file that the table names: its hash differs"):
        download.download(sources(), tmp_path, server.base)
    assert "a/4.nii.gz" not in there(tmp_path)
    assert there(tmp_path).items() <= CONTENT.items()


def test_a_missing_file_is_named(server, tmp_path):
    del server.files["a/5.nii.gz"]
    with pytest.raises(DataError, match=r"a/5.nii.gz: cannot be downloaded \(404"):
        download.download(sources(), tmp_path, server.base)
    assert "a/5.nii.gz" not in there(tmp_path)


def test_no_server_at_all(server, tmp_path):
    with pytest.raises(DataError, match=r"http://127.0.0.1:1/.*cannot be downloaded"):
        download.download(sources(), tmp_path, "http://127.0.0.1:1")
    assert not there(tmp_path)


def test_a_damaged_copy_is_replaced_and_whole_ones_are_kept(server, tmp_path):
    download.download(sources(), tmp_path, server.base)
    (tmp_path / "a/0.nii.gz").write_bytes(b"damaged")
    assert not complete(sources(), tmp_path)
    server.asked = []
    download.download(sources(), tmp_path, server.base)
    assert there(tmp_path) == CONTENT
    assert server.asked == ["a/0.nii.gz"]


def test_a_full_disk_is_no_fault_of_the_server(server, tmp_path, monkeypatch):
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path))

    monkeypatch.setattr("pooch.core.shutil.move", full)
    with pytest.raises(OSError, match="No space left") as caught:
        download.download(sources(), tmp_path, server.base)
    assert caught.value.errno == errno.ENOSPC
    assert not there(tmp_path)


def table(path: Path, **changes: str) -> Path:
    row = {
        "file": "a/1.nii.gz", "repository": "owner/repo", "commit": "c0ffee", "path": "src/1", "bytes": "5",
        "sha256": "0" * 64,
    } | changes  # fmt: skip
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    return path


def test_tables(tmp_path):
    assert read_sources(table(tmp_path / "t.csv"))[0].url("https://h/") == "https://h/owner/repo/raw/c0ffee/src/1"
    with pytest.raises(DataError, match="is missing"):
        read_sources(tmp_path / "none.csv")
    (tmp_path / "t.csv").write_text("file,url\nx,y\n")
    with pytest.raises(DataError, match=r"is damaged \(line 2, repository: Field required"):
        read_sources(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text.replace(",5,", ",many,"), r"line 2, bytes: Input should be a valid integer"),
        (lambda text: text.replace("0" * 64, "00"), r"line 2, sha256: String should match"),
        (lambda text: text + "a/2.nii.gz,owner\n", r"line 3, commit: Input should be a valid string"),
    ],
    ids=["no number", "no hash", "a short row"],
)
def test_damaged_tables(tmp_path, damage, said):
    path = table(tmp_path / "t.csv")
    path.write_text(damage(path.read_text()))
    with pytest.raises(DataError, match=rf"t.csv: is damaged \(.*{said}.*\). Restore it: git checkout"):
        read_sources(path)


def test_the_projects_own_table_names_160_files_of_fixed_commits():
    found = read_sources(Path(__file__).parents[2] / "data/sources/oasis_ixi.csv")
    assert len({s.file for s in found}) == 160
    assert all(len(s.commit) == 40 and len(s.sha256) == 64 and s.bytes > 0 for s in found)
