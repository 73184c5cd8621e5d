"""A large download against a loopback server that breaks, cannot resume or has another file; nothing comes twice."""

import fcntl
import hashlib
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmark.archives.retrieval import resumable
from benchmark.archives.retrieval.resumable import download_file
from benchmark.runtime.errors import DataError

CONTENT = bytes(range(256)) * 1000
SIZE = len(CONTENT)
MD5 = hashlib.md5(CONTENT).hexdigest()
BUSY = 503


@dataclass
class Server:
    """Serves one file, at every address.

    Attributes:
        ends: after as many bytes of the file the connections end, one after the other; later ones are not cut.
        sent: bytes of the file in every answer.
        began: first byte of every answer, of the file.
        hold: called after the bytes of an answer that is cut, before its connection ends.
    """

    url: str = ""
    content: bytes = CONTENT
    ranges: bool = True
    stated_length: bool = True
    status: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    began: list[int] = field(default_factory=list)
    hold: Callable[[], object] = lambda: None

    def first(self, headers: object) -> int:
        """First byte that is asked for, 0 where all are to be sent."""
        asked = re.fullmatch(r"bytes=(\d+)-", headers.get("Range", ""))
        return int(asked[1]) if asked and self.ranges else 0


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if state.status:
                self.send_error(state.status.pop(0))
                return
            first = state.first(self.headers)
            state.began.append(first)
            size = len(state.content)
            end = state.ends.pop(0) if state.ends else size
            state.sent.append(max(end - first, 0))
            self.send_response(200 if first == 0 else 206 if first < size else 416)
            if first:
                self.send_header("Content-Range", f"bytes {f'{first}-{size - 1}' if first < size else '*'}/{size}")
            if state.stated_length:
                self.send_header("Content-Length", str(max(size - first, 0)))
            self.end_headers()
            self.wfile.write(state.content[first:end])
            if end < size:
                self.wfile.flush()
                state.hold()
            self.close_connection = True

        def log_message(self, *arguments: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{httpd.server_port}/IXI/archive.tar"
    threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setattr(resumable, "_BACKOFF", 0)
    yield state
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "ixi/archive.tar"


def names(path: Path) -> list[str]:
    return sorted(p.name for p in path.parent.iterdir())


def test_whole(server, path, capsys):
    download_file(server.url, MD5, path)
    assert path.read_bytes() == CONTENT
    assert names(path) == ["archive.tar"]
    assert (server.began, server.sent) == ([0], [SIZE])
    assert "archive.tar: 100%" in capsys.readouterr().err


@pytest.mark.parametrize(
    "ends", [[1], [SIZE // 2], [SIZE - 1], [100, 70_000, 70_001, 200_000], list(range(1, 20))], ids=str
)
def test_a_broken_connection_is_gone_on_from(server, path, ends):
    """Even byte by byte, more often than attempts that bring nothing would be repeated."""
    server.ends = list(ends)
    download_file(server.url, MD5, path)
    assert path.read_bytes() == CONTENT
    assert server.began == [0, *ends]
    assert sum(server.sent) == SIZE


def test_a_connection_that_stays_broken_keeps_what_arrived(server, path, capsys):
    server.ends = [1000] * 20
    with pytest.raises(
        DataError, match=r"archive.tar: cannot be downloaded .* Run it again: it resumes where it stopped"
    ):
        download_file(server.url, MD5, path)
    assert len(server.began) == 2 + resumable._RETRIES
    assert names(path) == ["archive.tar.part"]
    assert path.with_name("archive.tar.part").read_bytes() == CONTENT[:1000]
    server.ends, server.began, server.sent = [], [], []
    capsys.readouterr()
    download_file(server.url, MD5, path)
    assert path.read_bytes() == CONTENT
    assert names(path) == ["archive.tar"]
    assert (server.began, server.sent) == ([1000], [SIZE - 1000])
    assert re.search(r"archive.tar: +0%.* 1.00k/256k", capsys.readouterr().err)  # the bar begins where it ended


def killed(server: Server, path: Path, arrived: int) -> None:
    """Downloads in another process, which is killed when so many bytes are in the part."""
    code = "import sys; from pathlib import Path; from benchmark.archives.retrieval.resumable import download_file; "
    code += "download_file(sys.argv[1], sys.argv[2], Path(sys.argv[3]))"
    process = subprocess.Popen([sys.executable, "-c", code, server.url, MD5, path], stderr=subprocess.DEVNULL)
    server.hold = process.wait
    part = path.with_name("archive.tar.part")
    while process.poll() is None and not (part.exists() and part.stat().st_size == arrived):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_a_killed_process_is_gone_on_from(server, path):
    for end in (100_000, 200_001):
        server.ends = [end]
        killed(server, path, end)
    download_file(server.url, MD5, path)
    assert path.read_bytes() == CONTENT
    assert server.began == [0, 100_000, 200_001]
    assert sum(server.sent) == SIZE


def test_killed_between_the_last_byte_and_the_check(server, path):
    server.ends = [1000] * 20
    with pytest.raises(DataError):
        download_file(server.url, MD5, path)
    path.with_name("archive.tar.part").write_bytes(CONTENT)
    server.ends, server.began, server.sent = [], [], []
    download_file(server.url, MD5, path)
    assert path.read_bytes() == CONTENT
    assert (server.began, server.sent) == ([SIZE], [0])


def interrupted(server: Server, path: Path) -> None:
    server.ends = [1000] * (2 + resumable._RETRIES)
    with pytest.raises(DataError):
        download_file(server.url, MD5, path)
    assert path.with_name("archive.tar.part").stat().st_size == 1000
    server.began, server.sent = [], []


def test_a_server_without_ranges_starts_anew(server, path):
    interrupted(server, path)
    server.ranges = False
    download_file(server.url, MD5, path)
    assert path.read_bytes() == CONTENT
    assert (server.began, server.sent) == ([0], [SIZE])


def test_a_file_that_was_changed_meanwhile_starts_anew(server, path):
    server.content = b"x" * SIZE
    interrupted(server, path)
    server.content = CONTENT
    with pytest.raises(DataError, match="is not the expected file"):
        download_file(server.url, MD5, path)
    download_file(server.url, MD5, path)
    assert path.read_bytes() == CONTENT
    assert server.began == [1000, 0]


def test_a_wrong_hash_removes_what_arrived(server, path):
    server.content = b"a page that asks for a login"
    found = hashlib.md5(server.content).hexdigest()
    with pytest.raises(DataError, match=f"MD5 hash is {found} and not {MD5}; what arrived was removed"):
        download_file(server.url, MD5, path)
    assert names(path) == []


def test_an_answer_whose_length_is_not_stated(server, path):
    server.stated_length = False
    download_file(server.url, MD5, path)
    assert path.read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(server, path):
    server.status = [BUSY] * resumable._RETRIES
    download_file(server.url, MD5, path)
    assert path.read_bytes() == CONTENT
    server.status = [BUSY] * (resumable._RETRIES + 1)
    with pytest.raises(DataError, match=r"cannot be downloaded \(.*503"):
        download_file(server.url, MD5, path.with_name("other.tar"))


def test_an_answer_without_the_file(server, path):
    server.status = [404]
    with pytest.raises(DataError, match=r"archive.tar: cannot be downloaded \(404 Client Error"):
        download_file(server.url, MD5, path)
    assert not path.exists()


def test_no_server(server, path):
    with pytest.raises(DataError, match=r"http://127.0.0.1:1/x.tar: cannot be downloaded \(.*refused"):
        download_file("http://127.0.0.1:1/x.tar", MD5, path)


def test_too_little_room_is_said_before_anything_is_written(server, path, monkeypatch):
    monkeypatch.setattr(
        "benchmark.archives.retrieval.resumable.shutil.disk_usage", lambda folder: SimpleNamespace(free=SIZE - 1)
    )
    with pytest.raises(DataError, match=r"ixi: needs 0 MB, and 0 MB are free"):
        download_file(server.url, MD5, path)
    assert path.with_name("archive.tar.part").stat().st_size == 0


def test_only_what_is_missing_needs_room(server, path, monkeypatch):
    interrupted(server, path)
    monkeypatch.setattr(
        "benchmark.archives.retrieval.resumable.shutil.disk_usage", lambda folder: SimpleNamespace(free=SIZE - 1000)
    )
    download_file(server.url, MD5, path)
    assert path.read_bytes() == CONTENT


def test_one_process_at_a_time(server, path):
    path.parent.mkdir()
    with path.with_name("archive.tar.part").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DataError, match=r"archive.tar.part: is being downloaded by another process"):
            download_file(server.url, MD5, path)
    assert server.began == []
