"""How the packages are installed that only some machines need."""

from importlib.metadata import version

__all__ = ["how_to_install"]


def how_to_install(extra: str) -> str:
    """What to type to get an extra of pyproject.toml.

    Podium is on no index, so ``pip install podium[...]`` would install whatever has that name there.
    """
    wheel = f"podium-{version('podium')}-py3-none-any.whl"
    return f"In a checkout, run make setup; with a wheel, pip install './{wheel}[{extra}]'."
