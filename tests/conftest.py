"""What the whole suite shares: the CPU, and the embedded clips."""

import os

import pytest

os.environ.setdefault("JAX_PLATFORMS", "cpu")  # toy sizes are slower on an accelerator, and results must repeat


@pytest.fixture(scope="session")
def clips():
    """The folder of the embedded clips, made where missing (VIVIT_EDU_CACHE says where, as for any user)."""
    import vivit_edu as ve

    return ve.data.make_clips()
