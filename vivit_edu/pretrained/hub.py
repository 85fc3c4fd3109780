"""Files from elsewhere, downloaded once: hub ids through huggingface_hub, addresses over plain HTTPS, resumed."""

import hashlib
import http.client
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from tqdm import tqdm

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[\w.-]{1,96}")
PIECE = 2**20  # bytes
ATTEMPTS = 3
TIMEOUT = 30.0  # seconds without a byte


def looks_remote(source: str) -> bool:
    """Whether the source reads as an address or as a hub id, "google/vivit-b-16x2-kinetics400"."""
    return "://" in source or HUB_ID.fullmatch(source) is not None


def fetch(source: str, *, sha256: str | None = None, folder: str | Path | None = None) -> Path:
    """The local file of an https address, or the local folder of a hub id, downloaded where it is not yet there.

    An interrupted download goes on where it stopped, now or in a later call.

    Args:
      sha256: of the file at an address; another one is refused and removed.
      folder: where files of addresses are kept; None takes `pretrained` in the user's cache ($VIVIT_EDU_CACHE).

    Raises:
      ConnectionError: where it cannot be downloaded; the sentence says how to do without.
      ImportError: where a hub id needs huggingface_hub and it is not installed.
      ValueError: where the address is not https, or the file is not the expected one.
    """
    if "://" not in source:
        return _from_hub(source)
    address = urllib.parse.urlsplit(source)
    if address.scheme != "https" and address.hostname not in ("localhost", "127.0.0.1"):
        raise ValueError(f"{source} is not an https address")
    if folder is None:
        from vivit_edu.data.cache import cache_folder  # the package `data` loads on first use

        folder = cache_folder() / "pretrained"
    name = urllib.parse.unquote(Path(address.path).name) or "checkpoint"
    path = Path(folder) / hashlib.sha256(source.encode()).hexdigest()[:16] / re.sub(r"[^\w.+-]", "_", name)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _complete(source, path, sha256)
    return path


def _complete(source, path, sha256):
    """Downloads the file, in several attempts, and checks it before it gets its name."""
    part = path.with_name(path.name + ".part")
    for attempt in range(ATTEMPTS):
        try:
            _continue(source, part)
            break
        except urllib.error.HTTPError as error:
            raise ConnectionError(f"{source} answers {error.code} {error.reason}") from error
        except (OSError, http.client.HTTPException) as error:
            if attempt == ATTEMPTS - 1:
                raise ConnectionError(
                    f"{source} cannot be downloaded ({error}); call again to go on from "
                    f"{part.stat().st_size if part.exists() else 0} bytes, or put the file at {path}"
                ) from error
    with open(part, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest() if sha256 else None
    if found != sha256:
        part.unlink()
        raise ValueError(f"{source} has SHA-256 {found}, expected {sha256}: the file was removed")
    os.replace(part, path)


def _continue(source, part):
    """Adds what is missing to the part that is there; an OSError where the connection breaks off."""
    begun, mark = part.stat().st_size if part.exists() else 0, part.with_name(part.name + ".etag")
    request = urllib.request.Request(source, headers={"User-Agent": "vivit_edu"})
    if begun and mark.exists():  # without a mark, the rest might be of another version of the file
        request.add_header("Range", f"bytes={begun}-")
        request.add_header("If-Range", mark.read_text())
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        begun = begun if answer.status == 206 else 0
        length = answer.headers.get("Content-Length")
        total = begun + int(length) if length else None
        mark.write_text(answer.headers.get("ETag") or answer.headers.get("Last-Modified") or "")
        if not mark.read_text():
            mark.unlink()
        with open(part, "ab" if begun else "wb") as file:
            bar = tqdm(total=total, initial=begun, unit="B", unit_scale=True, desc=part.stem, leave=False)
            with bar:
                while piece := answer.read(PIECE):
                    file.write(piece)
                    bar.update(len(piece))
    if total is not None and part.stat().st_size != total:
        raise ConnectionError(f"the connection broke off after {part.stat().st_size} of {total} bytes")
    mark.unlink(missing_ok=True)


def _from_hub(source):
    try:
        import huggingface_hub
    except ImportError as error:
        raise ImportError(
            f"{source!r} is no file or folder here, and to ask the Hugging Face hub for it takes huggingface_hub: "
            "pip install 'vivit-edu[hub]', or load a folder with its config.json and model.safetensors"
        ) from error
    try:
        kinds = ["*.safetensors", "config.json", "*processor_config.json", "*.index.json"]
        return Path(huggingface_hub.snapshot_download(source, allow_patterns=kinds))
    except Exception as error:  # its errors and those of its transport are many, and change
        raise ConnectionError(
            f"{source!r} is no file or folder here and cannot be had from the hub ({type(error).__name__}): where "
            "there is no network, load a folder with its config.json and model.safetensors"
        ) from error
