"""Downloads go on where they stopped, are checked, and are kept; without a network the error says what to do."""

import hashlib
import http.server
import sys
import threading
import types

import numpy as np
import pytest
from checkpoints import google

import vivit_edu as ve
from vivit_edu.pretrained import hub
from vivit_edu.pretrained.published import PUBLISHED, Published

CONTENT = np.random.default_rng(0).bytes(300_000)


class Server(http.server.ThreadingHTTPServer):
    """Serves `content`; the first `breaks` answers break off after a third, and every request is noted."""

    def __init__(self, content=CONTENT, breaks=0, etag='"one"'):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.breaks, self.etag, self.ranges = content, breaks, etag, []
        self.address = f"http://127.0.0.1:{self.server_port}/models/ViT-toy.npz"

    def handle_error(self, request, client_address):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, asked = self.server, self.headers.get("Range")
        server.ranges.append(asked)
        if "missing" in self.path:
            return self.send_error(404)
        same = self.headers.get("If-Range") == server.etag
        begin = int(asked.removeprefix("bytes=").rstrip("-")) if asked and same else 0
        body = server.content[begin:]
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(body)))
        if server.etag:
            self.send_header("ETag", server.etag)
        self.end_headers()
        if server.breaks:
            server.breaks -= 1
            body = body[: len(body) // 3]
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def serve():
    """Starts servers, and stops them after the test."""
    servers = []

    def start(**options):
        server = Server(**options)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_file_is_downloaded_once(serve, tmp_path):
    server = serve()
    for _ in range(2):
        path = hub.fetch(server.address, folder=tmp_path)
        assert path.read_bytes() == CONTENT and path.name == "ViT-toy.npz"
    assert server.ranges == [None]


def test_an_interrupted_download_goes_on_where_it_stopped(serve, tmp_path):
    server = serve(breaks=2)
    assert hub.fetch(server.address, folder=tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=100000-", "bytes=166666-"]


def test_a_later_call_goes_on_where_the_last_one_gave_up(serve, tmp_path):
    server = serve(breaks=3)
    with pytest.raises(ConnectionError, match=r"call again to go on from 211110 bytes, or put the file at .*ViT-toy"):
        hub.fetch(server.address, folder=tmp_path)
    assert hub.fetch(server.address, folder=tmp_path).read_bytes() == CONTENT
    assert server.ranges[-1] == "bytes=211110-"


def test_a_file_that_changed_meanwhile_is_begun_again(serve, tmp_path):
    server = serve(breaks=3)
    with pytest.raises(ConnectionError):
        hub.fetch(server.address, folder=tmp_path)
    server.content, server.etag = CONTENT[::-1], '"two"'
    assert hub.fetch(server.address, folder=tmp_path).read_bytes() == CONTENT[::-1]


def test_a_wrong_checksum_is_refused_and_the_file_removed(serve, tmp_path):
    server, right = serve(), hashlib.sha256(CONTENT).hexdigest()
    with pytest.raises(ValueError, match=r"has SHA-256 .* expected 0000"):
        hub.fetch(server.address, sha256="0" * 64, folder=tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert hub.fetch(server.address, sha256=right, folder=tmp_path).read_bytes() == CONTENT


def test_a_missing_file_and_a_dead_server_are_told_apart(serve, tmp_path):
    server = serve()
    with pytest.raises(ConnectionError, match="answers 404"):
        hub.fetch(server.address.replace("ViT-toy", "missing"), folder=tmp_path)
    server.shutdown()
    server.server_close()
    with pytest.raises(ConnectionError, match=r"cannot be downloaded .*put the file at"):
        hub.fetch(server.address, folder=tmp_path)


def test_only_https_is_fetched_from_elsewhere():
    for address in ("http://example.com/a.npz", "file:///etc/passwd", "ftp://example.com/a"):
        with pytest.raises(ValueError, match="is not an https address"):
            hub.fetch(address)


def test_load_takes_an_address_and_a_published_name(serve, tmp_path, monkeypatch):
    params, pixels, logits = google(0)
    np.savez(tmp_path / "ViT.npz", **params)
    data = (tmp_path / "ViT.npz").read_bytes()
    server = serve(content=data, breaks=1)
    monkeypatch.setenv("VIVIT_EDU_CACHE", str(tmp_path / "cache"))
    known = Published(
        source=server.address,
        model="ViT-toy",
        trained_on="nothing",
        config={"size": (8, 12)},
        sha256=hashlib.sha256(data).hexdigest(),
    )
    module = sys.modules["vivit_edu.pretrained.load"]  # the package has the function under its name
    monkeypatch.setattr(module, "PUBLISHED", {"toy": known})
    for source, options in (("toy", {}), (server.address, {"size": (8, 12)})):
        np.testing.assert_allclose(ve.pretrained.load(source, **options)(pixels), logits, atol=2e-6)
    assert len(server.ranges) == 2


def test_a_hub_id_without_the_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"pip install 'vivit-edu\[hub\]'"):
        ve.pretrained.load("google/vivit-b-16x2-kinetics400")


def test_a_hub_id_goes_through_huggingface_hub(monkeypatch):
    from golden_files import HERE

    asked = []

    def snapshot_download(repo_id, *, allow_patterns):
        asked.append((repo_id, allow_patterns))
        if "offline" in repo_id:
            raise OSError("no network")
        return str(HERE / "transformers_vit")

    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(snapshot_download=snapshot_download))
    assert ve.pretrained.load("someone/a-vit").config.width == 12
    assert asked[0][0] == "someone/a-vit" and not any("bin" in kind or "pt" in kind for kind in asked[0][1])
    with pytest.raises(ConnectionError, match="where there is no network, load a folder"):
        ve.pretrained.load("someone/offline")


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_is_published_is_a_model_of_the_paper(name):
    known = PUBLISHED[name]
    config = ve.named(known.model, **known.config)
    assert hub.looks_remote(known.source) and config.name == known.model
    assert known.sha256 is None or len(known.sha256) == 64
    assert known.paper is None or 40 < known.paper < 90
