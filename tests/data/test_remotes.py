"""DVC remotes of one's own: a folder, an S3 server and an SSH server, both on loopback and with their keys checked."""

import asyncio
import json
import os
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass

import pytest
from tracked import ARCHIVE, FILES, dvc, put, refusal

from benchmark.archives.retrieval.fetch import fetch
from benchmark.runtime import paths
from benchmark.runtime.code_digest import ROOT


@dataclass(frozen=True)
class Remote:
    """What a user configures.

    Attributes:
        settings: by name, for ``dvc remote modify --local``.
        faults: settings that are wrong, with what is said then.
    """

    url: str
    settings: dict[str, str]
    faults: tuple[tuple[dict[str, str], str], ...] = ()


@pytest.fixture
def folder(tmp_path) -> Remote:
    return Remote(str(tmp_path / "remote"), {})


@pytest.fixture(scope="module")
def s3() -> Iterator[Remote]:
    """A bucket, and the one user who may use it, as DVC asks for."""
    import boto3
    import requests
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    account = {"region_name": "us-east-1", "aws_access_key_id": "root", "aws_secret_access_key": "root"}
    boto3.client("s3", endpoint_url=url, **account).create_bucket(Bucket="archives")
    actions = [f"s3:{action}" for action in ("ListBucket", "GetObject", "PutObject", "DeleteObject")]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    users = boto3.client("iam", endpoint_url=url, **account)
    users.create_user(UserName="me")
    users.put_user_policy(UserName="me", PolicyName="mine", PolicyDocument=json.dumps(policy))
    key = users.create_access_key(UserName="me")["AccessKey"]
    requests.post(f"{url}/moto-api/reset-auth", data=b"0", timeout=60)  # from now on, keys are checked
    yield Remote(
        "s3://archives/mine",
        {"endpointurl": url, "access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]},
        (
            ({"secret_access_key": "wrong"}, "Forbidden"),
            ({"url": "s3://nowhere/mine"}, "Checkout failed"),  # DVC says no more of a missing bucket
            ({"endpointurl": "http://127.0.0.1:1"}, "Could not connect to the endpoint URL"),
        ),
    )
    server.stop()


@pytest.fixture(scope="module")
def ssh(tmp_path_factory) -> Iterator[Remote]:
    """A folder that an SFTP server serves to whoever has the key."""
    import asyncssh

    folder = tmp_path_factory.mktemp("ssh")
    for name in ("key", "other"):
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(folder / name))
    asyncssh.read_private_key(str(folder / "key")).write_public_key(str(folder / "authorized"))
    (folder / "served").mkdir()

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            authorized_client_keys=str(folder / "authorized"),
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder / "served")),
        )

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    started: Future[asyncssh.SSHAcceptor] = asyncio.run_coroutine_threadsafe(listen(), loop)
    yield Remote(
        f"ssh://me@127.0.0.1:{started.result(60).get_port()}/archives",
        {"keyfile": str(folder / "key")},
        (
            ({"keyfile": str(folder / "other")}, "Permission denied for user me"),
            ({"port": "1"}, "Connect call failed"),
        ),
    )
    loop.call_soon_threadsafe(started.result().close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(60)


@pytest.fixture(autouse=True)
def nothing_of_this_machine(tmp_path, monkeypatch) -> None:
    """Neither its keys nor its configurations of AWS and SSH."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "SSH_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # fewer attempts at a server that is not there
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()


def configure(remote: Remote) -> None:
    dvc("remote", "add", "--local", "--default", "mine", remote.url)
    modify(remote.settings)


def modify(settings: dict[str, str]) -> None:
    for name, value in settings.items():
        dvc("remote", "modify", "--local", "mine", name, value)


SERVERS = [pytest.param(kind, marks=pytest.mark.processes) for kind in ("s3", "ssh")]


@pytest.mark.parametrize("kind", ["folder", *SERVERS])
def test_there_and_back(repository, dataset, request, kind):
    remote = request.getfixturevalue(kind)
    root = put(dataset("mini", "ixi", archive=ARCHIVE))
    dvc("add", str(root))
    tracked = (repository / ".dvc/config").read_bytes()
    configure(remote)
    dvc("push")
    shutil.rmtree(root)
    shutil.rmtree(repository / ".dvc/cache")
    fetch("mini")
    assert {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()} == FILES
    pulled = paths.manifest("mini").read_bytes()
    paths.manifest("mini").unlink()
    shutil.rmtree(root)
    put(root)
    fetch("mini")
    assert paths.manifest("mini").read_bytes() == pulled
    assert (repository / ".dvc/config").read_bytes() == tracked
    local = (repository / ".dvc/config.local").read_text()
    assert all(value in local for value in (remote.url, *remote.settings.values()))
    assert "/config.local" in (ROOT / ".dvc/.gitignore").read_text().split()


@pytest.mark.parametrize("kind", SERVERS)
def test_faults_are_told_with_their_reason(repository, dataset, request, kind):
    remote = request.getfixturevalue(kind)
    root = put(dataset("mini", "ixi", archive=ARCHIVE))
    dvc("add", str(root))
    shutil.rmtree(root)
    shutil.rmtree(repository / ".dvc/cache")
    configure(remote)
    for wrong, said in remote.faults:
        modify(wrong)
        message = refusal("mini")
        assert message.startswith("dvc pull --force data/raw/mini: failed: ")
        assert said in message
        assert message.endswith(". Correct that and run it again.")
        assert "dvc.org/support" not in message
        assert not root.exists()
        modify({**remote.settings, **({"url": remote.url} if "url" in wrong else {})})
