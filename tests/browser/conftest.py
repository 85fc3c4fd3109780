"""One Chromium for the tests of a module, which reaches this machine and no other."""

import os
import pathlib
import shutil
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from browser.built import ROOT, check

CHROME_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items):
    """Every test in this folder drives a browser."""
    here = pathlib.Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def chromium():
    """A running Chromium, or a skip that says what is missing."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("no Chromium on this machine")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROME_ARGS)
        yield browser
        browser.close()


def _opening(chromium):
    contexts = []

    def new(**options):
        context = chromium.new_context(**{"viewport": {"width": 1400, "height": 1000}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.outside = []

        def only_here(route):
            url = urlsplit(route.request.url)
            if url.scheme in ("data", "blob", "file") or url.hostname == "127.0.0.1":
                route.continue_()
            else:
                page.outside.append(route.request.url)
                route.abort()

        context.route("**/*", only_here)
        return page

    yield new
    for context in contexts:
        context.close()


@pytest.fixture
def open_page(chromium):
    """`open_page(**options)`: a fresh page; `page.outside` lists the requests to other hosts, which all fail.

    `options` are those of Playwright's `Browser.new_context`: `viewport`, `color_scheme`, `reduced_motion`.
    """
    yield from _opening(chromium)


@pytest.fixture(scope="module")
def open_lasting(chromium):
    """As `open_page`, for pages that a module's tests share."""
    yield from _opening(chromium)


@pytest.fixture(scope="session")
def book(tmp_path_factory, request):
    """The folder of the built book: $VIVIT_EDU_BOOK, or one built for this run with warnings as errors."""
    if given := os.environ.get("VIVIT_EDU_BOOK"):
        return pathlib.Path(given)
    pytest.importorskip("myst_nb", reason="the book extra is not installed")
    folder = tmp_path_factory.mktemp("book")
    command = [sys.executable, str(ROOT / "book" / "build.py"), "--output", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    request.config.notebooks_have_run = True  # the build runs every one of them, and fails where a cell does
    return folder


@pytest.fixture(scope="session")
def address(book):
    with check.served(book) as address:
        yield address
