"""The notebooks run from top to bottom on the demo's data, in a kernel like JupyterLab's."""

import os
import sys
from collections.abc import Iterator

import nbformat
import pytest
from jupyter_client import KernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode

from tests.cli.conftest import PROJECT, Life

FOLDER = PROJECT / "notebooks"
BOOKS = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))
# Reset the kernel to a fresh state. All notebooks share one kernel, because starting a kernel repeats slow imports.
AFRESH = "%reset_selective -f .\nget_ipython().extension_manager.loaded.discard('kedro.ipython')"


@pytest.fixture(scope="module")
def kernel(life: Life) -> Iterator[KernelManager]:
    """A kernel in the notebooks' folder, with the variables of ``make notebook`` and the demo's data."""
    manager = KernelManager(kernel_name="python3")
    named = {"PODIUM_DATA": str(life.data), "KEDRO_LOGGING_CONFIG": str(PROJECT / "conf" / "logging.yml")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PODIUM_", "KEDRO_", "SPARK_"))}
    manager.start_kernel(cwd=str(FOLDER), env=kept | named)
    yield manager
    manager.shutdown_kernel(now=True)


def run(kernel: KernelManager, book: NotebookNode) -> NotebookNode:
    first = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(AFRESH)])
    for each in (first, book):
        client = NotebookClient(each, km=kernel, timeout=120)
        try:
            client.execute()
        finally:
            client.kc.stop_channels()  # nbclient leaves the channels open if the caller passes the kernel
    return book


def said(book: NotebookNode) -> list[str]:
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    return [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]


def test_the_kernel_is_that_of_the_project(kernel):
    asked = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import sys; print(sys.executable)")])
    assert said(run(kernel, asked)) == [f"{sys.executable}\n"]


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(kernel, path):
    book = run(kernel, nbformat.read(path, as_version=4))
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs) or path.stem == "02_try_a_feature"
    assert not any(output.get("name") == "stderr" for output in outputs), said(book)
    if path.stem == "02_try_a_feature":
        assert any("flight_last looks ahead" in text for text in said(book))


def test_without_tables_a_notebook_says_what_to_run(kernel, tmp_path):
    book = nbformat.read(FOLDER / "04_read_monitoring.ipynb", as_version=4)
    book.cells.insert(0, nbformat.v4.new_code_cell(f"import os; os.environ['PODIUM_DATA'] = {str(tmp_path)!r}"))
    with pytest.raises(Exception, match="podium demo"):
        run(kernel, book)
