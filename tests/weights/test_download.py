"""Downloads from a server of our own: bounded, hashed, whole or absent."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sepzoo.support.checked_files import is_known
from sepzoo.support.errors import SepzooError
from sepzoo.weights import imagenet
from sepzoo.weights.download import download

CONTENT = bytes(range(256)) * 40


class Server(http.server.BaseHTTPRequestHandler):
    """A server that says the truth, says nothing of the length, says too much, or never ends."""

    def do_GET(self) -> None:
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        if self.path in ("/whole", "/short"):
            self.send_header("Content-Length", str(len(CONTENT) + (self.path == "/short")))
        if self.path == "/long":
            self.send_header("Content-Length", str(2**40))
        self.end_headers()
        try:
            while True:
                self.wfile.write(CONTENT)
                if self.path != "/endless":
                    return
        except OSError:
            return

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path / "models"


@pytest.fixture
def fetch(cache: Path, address: str) -> Callable[..., Path]:
    def fetch(name: str, file_hash: str | None = None, hash_algorithm: str = "auto") -> Path:
        return download(
            name,
            f"{address}/{name}",
            cache_subdir="models",
            hash_algorithm=hash_algorithm,
            file_hash=file_hash,
            most_bytes=10**6,
        )

    return fetch


@pytest.mark.parametrize("name", ["whole", "unsaid"])
@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_file_is_fetched_once_and_checked_as_those_of_others(
    fetch: Callable[..., Path], cache: Path, name: str, algorithm: str
) -> None:
    known = hashlib.new(algorithm, CONTENT).hexdigest()
    assert fetch(name, known) == cache / name
    assert (cache / name).read_bytes() == CONTENT
    assert not is_known(cache / name)
    written = (cache / name).stat().st_mtime_ns
    assert fetch(name, known, algorithm).stat().st_mtime_ns == written
    (cache / name).write_bytes(b"damaged")
    assert fetch(name, known).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("name", "file_hash", "reason"),
    [
        ("endless", None, "it has more than 1,000,000 bytes"),
        ("long", None, "it has more than 1,000,000 bytes"),
        ("short", None, "it ended after 10,240 of 10,241 bytes|incomplete"),
        ("missing", None, "404"),
        ("whole", "0" * 32, f"expected the hash {'0' * 32}, received {hashlib.md5(CONTENT).hexdigest()}"),
        ("whole", "0" * 64, f"received {hashlib.sha256(CONTENT).hexdigest()}"),
    ],
)
def test_what_is_no_such_file_leaves_nothing(
    fetch: Callable[..., Path], cache: Path, name: str, file_hash: str | None, reason: str
) -> None:
    with pytest.raises((OSError, ValueError), match=reason):
        fetch(name, file_hash)
    assert list(cache.iterdir()) == []


def test_the_error_names_file_and_address_in_one_line(cache: Path, address: str) -> None:
    with pytest.raises(SepzooError, match=rf"^cannot download missing: HTTP Error 404: .* Fetch it from {address}/"):
        imagenet._fetch(f"{address}/missing", hash_algorithm="md5", file_hash="0" * 32)
