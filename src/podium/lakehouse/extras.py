"""How to install Podium's optional dependencies."""

from importlib.metadata import version

__all__ = ["how_to_install"]


def how_to_install(extra: str) -> str:
    """A sentence that tells the user how to install an extra, one of Podium's sets of optional dependencies.

    Podium is not on PyPI, so ``pip install podium[...]`` would install another package of that name.
    """
    wheel = f"podium-{version('podium')}-py3-none-any.whl"
    return f"In a checkout, run make setup; with a wheel, pip install './{wheel}[{extra}]'."
