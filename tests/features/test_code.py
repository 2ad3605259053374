"""The digest of a definition changes with the code that it depends on, and with no other code."""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from podium.domains.flights import DOMAIN, arrivals, departures, weather
from podium.features import code
from podium.features.code import changed_definitions, definitions, modules_of, table_code
from podium.problems.flight_delay import PROBLEM

FILES = {
    "own/__init__.py": "LOUD = True\n",
    "own/table.py": (
        "import numpy as np\nfrom own.deep import helper\nfrom . import beside\nfrom helping import tool\n"
        "def compute(knowledge): return helper.value\n"
    ),
    "own/beside.py": "",
    "own/deep/__init__.py": "from own import never_needed\n",
    "own/deep/helper.py": "def late():\n    import further_away\nvalue = 1\n",
    "own/never_needed.py": "",
    "helping/__init__.py": "",
    "helping/tool.py": "import json\n",
    "further_away.py": "",
    "unrelated.py": "",
}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Packages on Python's path, outside of its folder for libraries."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def digest(files: Path) -> Callable[[], str]:
    """Return a function that computes the digest of a table as a new process would."""

    def compute() -> str:
        modules_of.cache_clear()
        code._source.cache_clear()
        module: ModuleType = importlib.import_module("own.table")
        return table_code(replace(DOMAIN.table("weather"), compute=module.compute))

    yield compute
    modules_of.cache_clear()
    code._source.cache_clear()


def test_a_module_depends_on_what_it_imports_wherever_that_lies(files):
    assert set(modules_of("own.table")) == {
        "own.table",
        "own.beside",
        "own.deep.helper",
        "helping.tool",
        "further_away",
    }


@pytest.mark.parametrize("name", ["own/table.py", "own/beside.py", "helping/tool.py", "further_away.py"])
def test_a_change_of_a_needed_module_changes_the_digest(files, digest, name):
    before = digest()
    (files / name).write_text(FILES[name] + "\n# another\n")

    assert digest() != before


@pytest.mark.parametrize("name", ["own/never_needed.py", "own/deep/__init__.py", "unrelated.py"])
def test_a_change_elsewhere_does_not(files, digest, name):
    before = digest()
    (files / name).write_text(FILES[name] + "\n# another\n")

    assert digest() == before


def test_tables_that_share_code_differ_by_their_arguments():
    codes = [table_code(table) for table in DOMAIN.tables]
    assert len(set(codes)) == len(codes)


def test_the_shape_of_a_table_counts_and_its_texts_do_not():
    table = DOMAIN.table("weather")
    assert table_code(replace(table, features=table.features[1:])) != table_code(table)
    assert table_code(replace(table, entity=("origin", "dest"))) != table_code(table)
    assert table_code(replace(table, description="Said otherwise.", owner="somebody else")) == table_code(table)


def test_the_examples_tables_depend_on_their_own_modules_only():
    """A change of the weather's code recomputes no board, and a picture or a contract recomputes nothing."""
    own = {name.rpartition(".")[2] for name in modules_of(weather.__name__)}
    assert own == {"weather", "columns"}
    assert "arrivals" not in "".join(modules_of(departures.__name__))
    assert "departures" not in "".join(modules_of(arrivals.__name__))
    for table in DOMAIN.tables:
        compute = table.compute.func if isinstance(table.compute, partial) else table.compute
        assert not [name for name in modules_of(compute.__module__) if "pictures" in name or "contracts" in name]


def trailing(days, then=None):
    """Return a function that has a number and another function in its closure."""

    def compute(knowledge):
        return then, days

    return compute


class Trailing:
    """A callable object with state. Its method ``compute`` is a computation, too."""

    def __init__(self, days):
        self.days = days

    def __call__(self, knowledge):
        return self.days

    def compute(self, knowledge):
        return self.days


@dataclass(frozen=True)
class Holder:
    """A callable object whose ``repr`` shows the address of the function that it holds."""

    compute: Callable

    def __call__(self, knowledge):
        return self.compute(knowledge)


class Slotted:
    """A callable object without a ``__dict__``."""

    __slots__ = ("days",)

    def __init__(self, days):
        self.days = days

    def __call__(self, knowledge):
        return self.days


def held(default):
    """A computation with a default value."""
    return lambda knowledge, days=default: days


WAYS = {
    "closure": trailing,
    "closure in a closure": lambda days: trailing(1, trailing(days)),
    "object": Trailing,
    "method": lambda days: Trailing(days).compute,
    "default": held,
    "argument": lambda days: partial(trailing, days),
    "named argument": lambda days: partial(trailing, 1, then={"days": days}),
    "object as an argument": lambda days: partial(trailing, Trailing(days)),
    "dataclass": lambda days: Holder(trailing(days)),
    "slots": Slotted,
    "method of a built-in type": lambda days: {"days": days}.get,
    "long array": lambda days: partial(trailing, np.append(np.zeros(5_000), [days, *np.zeros(5_000)])),
}


@pytest.mark.parametrize("make", WAYS.values(), ids=WAYS)
def test_values_that_a_computation_holds_count(make):
    table = DOMAIN.table("weather")
    one, same, other = (table_code(replace(table, compute=make(days))) for days in (3, 3, 7))

    assert one == same
    assert one != other


def test_a_computation_may_hold_itself():
    def again(knowledge):
        return again

    assert table_code(replace(DOMAIN.table("weather"), compute=again))


def test_a_digest_is_the_same_in_every_process():
    """The order of a set of texts differs from process to process, and so do the addresses of functions."""
    program = (
        "from dataclasses import replace; from functools import partial; from podium.features.code import table_code;"
        "from podium.domains.flights import DOMAIN; table = DOMAIN.table('weather');"
        "from tests.features.test_code import Holder, trailing;"
        "held = (Holder(trailing(3)), {1: 2}.get, {'north', 'south', 'east', 'west'});"
        "print(table_code(replace(table, compute=partial(table.compute, held))))"
    )
    run = partial(subprocess.run, [sys.executable, "-c", program], capture_output=True, text=True, check=True)
    said = {run(env=os.environ | {"PYTHONHASHSEED": seed}).stdout for seed in ("1", "2", "3")}

    assert len(said) == 1


def test_how_requests_are_made_and_corrections_are_seen_counts():
    other = replace(PROBLEM, requests=lambda bronze: bronze["timetable"])
    event = DOMAIN.event("weather")

    assert changed_definitions(definitions(PROBLEM), other) == ["requests"]
    assert code.event_code(replace(event, corrections="all")) != code.event_code(event)
    assert code.event_code(replace(event, absence="deletion")) != code.event_code(event)


def test_changed_definitions_are_named():
    recorded = definitions(PROBLEM)
    assert changed_definitions(recorded, PROBLEM) == []
    assert changed_definitions(recorded | {"weather": "other", "gone": "other"}, PROBLEM) == ["weather", "gone"]
    fewer = {name: digest for name, digest in recorded.items() if name != "weather"}
    assert changed_definitions(fewer, PROBLEM) == []
