"""What the whole suite shares: the CPU, a compiler in haste, the order of tests, and the embedded clips."""

import os

import pytest

os.environ.setdefault("JAX_PLATFORMS", "cpu")  # toy sizes are slower on an accelerator, and results must repeat

# These share one build of the book, in which all notebooks run.
BOOK = (
    "tests/browser/test_book.py",
    "tests/browser/test_book_on_paper.py",
    "tests/browser/test_book_for_all.py",
    "tests/test_notebooks.py",
)


def pytest_configure(config):
    """Toy sizes are compiled far longer than they run: the compiler leaves most of its work, and keeps the rest."""
    import jax

    if jax.__version_info__ < (0, 11):  # this flag halves the rest, and later releases do not know it
        with pytest.MonkeyPatch.context() as patch:  # notebooks, which inherit the environment, compile as for users
            patch.setenv("XLA_FLAGS", f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_use_fusion_emitters=false")
            jax.devices()  # reads the flags, once
    jax.config.update("jax_disable_most_optimizations", True)
    if hasattr(config, "cache"):  # not with -p no:cacheprovider
        jax.config.update("jax_compilation_cache_dir", str(config.cache.mkdir("jax")))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def pytest_collection_modifyitems(items):
    """Long ones go first, lest a process ends alone."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file's tests share a process, for its fixtures; so do the tests that share the book."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.split("::")[0]
            return BOOK if file in BOOK else file

    config.option.loadscopereorder = False  # keeps the order above
    return ByFile(config, log)


@pytest.fixture(autouse=True)
def _compiled_as_for_users(request):
    """A test that trains or asks a model often runs longer than it compiles."""
    if request.node.get_closest_marker("optimised") is None:
        yield
        return
    import jax

    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", True)


@pytest.fixture(scope="session")
def clips():
    """The folder of the embedded clips, made where missing (VIVIT_EDU_CACHE says where, as for any user)."""
    import vivit_edu as ve

    return ve.data.make_clips()
