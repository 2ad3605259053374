"""Writes the pages of this folder from the definitions in the code (``make docs``). A test fails if they are old."""

import inspect
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from podium.domains.base import Domain, Event, Feature, FeatureTable
from podium.jobs import definition
from podium.lakehouse.access.rules import ZONES, AccessRules, EnvironmentRules, Mask, Rights, Role
from podium.pipelines.eda.profile import SCHEMA as PROFILE
from podium.pipelines.feature_engineering.nodes import REFRESH_KEYS, REFRESH_SCHEMA
from podium.pipelines.ingestion.intakes import INTAKE_KEYS, INTAKE_SCHEMA, MARK_KEYS, MARK_SCHEMA
from podium.pipelines.ingestion.nodes import QUARANTINE_KEYS
from podium.pipelines.monitoring.tables import ALERTS, DRIFT, PERFORMANCE
from podium.problems.base import Problem
from podium.project_parameters import parameters_model
from podium.registered import domains, problems
from podium.settings import CONFIG_LOADER_ARGS

HERE = Path(__file__).parent
CONF = HERE.parents[1] / "conf"
TABLES = """\
Every table is a Delta table. A table is called `<name>.<zone>_<table>` in the catalog and lies in
`<root>/<name>/<zone>/<table>`, where the name is that of a domain or a problem; the root of dev is `data/dev`. The
prediction log is `<problem>.predictions` and lies in `<root>/<problem>/predictions/log`. Times are UTC. `podium lake
tables` shows what is there.
"""
PARAMETERS = """\
They are in `conf/base/parameters/`. An environment overrides single ones in `conf/<env>/parameters/`, a run in
`--params`. A name that does not exist, or a value out of bounds, is refused before any node runs. The column *value* is
that of `conf/base`, or the default where it is not named there.
"""
ACCESS = """\
What `conf/base/access.yml` may hold. `conf/<env>/access.yml` is merged into it. A key, role or zone that does not exist
is refused before any node runs. [How to use it](../how-to/access.md).
"""
JOBS = """\
The keys of `conf/base/jobs.yml`. An unknown key, pipeline, tag, table or environment is an error, before anything is
written or run. Times are written `5 minutes`, `2 hours`, `1 day`. [How to use
it](../how-to/jobs.md).
"""
COMMENTS: dict[str, str] = {}
NOTE = "<!-- Written by `make docs` from the definitions in the code. Do not edit. -->\n"


def pages() -> dict[str, str]:
    """File name -> content."""
    return {
        "tables.md": "\n".join(tables()) + "\n",
        "parameters.md": "\n".join(parameters()) + "\n",
        "access.md": "\n".join(access()) + "\n",
        "jobs.md": "\n".join(jobs()) + "\n",
    }


def tables() -> Iterator[str]:
    """The page of tables."""
    yield "# Tables\n"
    yield NOTE
    yield TABLES
    for domain in domains().values():
        yield f"## The domain {domain.name}: {domain.title}\n"
        yield from _bronze(domain)
        yield from _quarantine(domain)
        yield from _features(domain)
        yield from _profile(domain)
    for problem in problems().values():
        yield f"## The problem {problem.name}: {problem.title}\n"
        yield from _request_features(problem)
        yield from _examples(problem)
        yield from _monitoring(problem)


def _bronze(domain: Domain) -> Iterator[str]:
    yield "### Bronze: events as received\n"
    yield (
        "A row is a version of a fact, which the key identifies. `available_at` is the moment at which it became\n"
        "knowable, `arrived_at` when it arrived, `known_at` when it became known. `version` numbers the\n"
        "versions of the fact from 1, in the order in which they became known.\n"
    )
    for event in domain.events:
        yield f"#### {domain.name}.bronze_{event.name}\n"
        yield f"{inspect.getdoc(event.build)}\n".replace("``", "`")
        sources = ", ".join(f"`{domain.name}.source_{name}`" for name in event.sources)
        yield f"From {sources}. {_keys(event.keys)}\n"
        yield from _columns(event)


def _columns(event: Event) -> Iterator[str]:
    yield from _grid(("column", "type"), [(f"`{name}`", kind) for name, kind in _parsed(event.bronze_schema)])


def _quarantine(domain: Domain) -> Iterator[str]:
    yield "### Quarantine: what broke a rule\n"
    yield f"#### {domain.name}.quarantine_rows\n"
    yield f"Every bad row, for each event that it is bad for, with the rule and as received. {_keys(QUARANTINE_KEYS)}\n"
    columns = [
        ("`event`", "string", "what the row should have reported"),
        ("`item`", "string", "the file that it is from, or the state of a table"),
        (
            "`row`",
            "bigint",
            "its number there: 1 is the first row after a header, blank lines do not count; null for a large table",
        ),
        ("`rule`", "string", "the rule that it broke"),
        ("`received`", "string", "the row as received, as JSON"),
    ]
    yield from _grid(("column", "type", "meaning"), columns)
    yield f"#### {domain.name}.quarantine_intake\n"
    yield (
        "For each event and intake: rows in = rows kept + quarantined + duplicates + left out as not recent.\n"
        f"`changed_from` is the earliest time for which features see other facts than before. {_keys(INTAKE_KEYS)}\n"
    )
    yield from _grid(("column", "type"), [(f"`{name}`", kind) for name, kind in _parsed(INTAKE_SCHEMA)])
    yield f"#### {domain.name}.quarantine_marks\n"
    yield (
        "How far each file or table of a source was taken in, as a text that the kind of source understands.\n"
        f"`newest` is the newest time of arrival in that intake, for a live source. {_keys(MARK_KEYS)}\n"
    )
    yield from _grid(("column", "type"), [(f"`{name}`", kind) for name, kind in _parsed(MARK_SCHEMA)])


def _features(domain: Domain) -> Iterator[str]:
    yield "### Features\n"
    yield (
        "A row holds what was known at `feature_time`, until the entity's next row. A row older than the table's\n"
        "freshness counts as unknown when it is joined.\n"
    )
    for table in domain.tables:
        yield from _feature_table(domain, table)


def _feature_table(domain: Domain, table: FeatureTable) -> Iterator[str]:
    yield f"#### {domain.name}.features_{table.name}\n"
    reads = ", ".join(f"`{event}`" for event in table.reads)
    yield (
        f"{table.description} Owner: {table.owner}. Fresh for {_span(table.freshness)}. Computed from {reads}. "
        f"{_keys((*table.entity, 'feature_time'))}\n"
    )
    yield from _described(table.features)


def _described(features: tuple[Feature, ...]) -> Iterator[str]:
    rows = [(f"`{each.name}`", each.dtype, each.unit, each.description) for each in features]
    yield from _grid(("feature", "type", "unit", "meaning"), rows)


def _request_features(problem: Problem) -> Iterator[str]:
    yield "### Request features\n"
    yield f"Not stored: computed from what is asked ({', '.join(f'`{name}`' for name in problem.request.inputs)}).\n"
    yield from _described(problem.request.features)
    yield f"#### {problem.name}.features_refreshes\n"
    yield f"How far each feature table reaches, and which code computed it. {_keys(REFRESH_KEYS)}\n"
    yield from _grid(("column", "type"), [(f"`{name}`", kind) for name, kind in _parsed(REFRESH_SCHEMA)])


def _examples(problem: Problem) -> Iterator[str]:
    keys = ", ".join(f"`{key}`" for key in problem.keys)
    yield "### Training sets and predictions\n"
    yield f"#### {problem.name}.training_sets_examples\n"
    yield (
        f"One training set for each `as_of`. Columns: `as_of`, the keys ({keys}), `prediction_time`, every feature,\n"
        "`label` (0 or 1) and `label_available_at`. "
        f"{_keys(('as_of', *problem.keys))}\n"
    )
    yield f"#### {problem.name}.predictions\n"
    yield (
        f"The log of all predictions; it only grows. Columns: the keys ({keys}), `prediction_time`, `scored_at`,\n"
        "`model_version`, `score` (the probability of label 1), `decision` (0 or 1), and all features as used.\n"
        f"{_keys((*problem.keys, 'prediction_time', 'model_version'))}\n"
    )


def _monitoring(problem: Problem) -> Iterator[str]:
    yield "### Monitoring\n"
    tables = {
        "drift": ("How far a month is from the training set, for each feature, the score and the decision.", DRIFT),
        "performance": ("How well a model version did in a month, from the labels known by then.", PERFORMANCE),
        "alerts": ("What a person should look at; `status` is `open` until somebody says otherwise.", ALERTS),
    }
    for name, (meaning, table) in tables.items():
        yield f"#### {problem.name}.monitoring_{name}\n"
        yield f"{meaning} {_keys(table.keys)}\n"
        yield from _grid(("column", "type"), [(f"`{column}`", kind) for column, kind in table.columns.items()])


def _profile(domain: Domain) -> Iterator[str]:
    yield "### The profile\n"
    yield f"#### {domain.name}.eda_profile\n"
    yield f"A profile of every bronze table; in the zone monitoring. {_keys(('as_of', 'table', 'column'))}\n"
    yield from _grid(("column", "type"), [(f"`{name}`", kind) for name, kind in _parsed(PROFILE)])


def parameters() -> Iterator[str]:
    """The page of parameters."""
    COMMENTS.update(_comments())
    yield "# Parameters\n"
    yield NOTE
    yield PARAMETERS
    loader = OmegaConfigLoader(conf_source=str(CONF), env="dev", **CONFIG_LOADER_ARGS)
    yield from _section("", parameters_model(), loader["parameters"])


def access() -> Iterator[str]:
    """The page of the access rules."""
    yield "# Access rules\n"
    yield NOTE
    yield ACCESS
    yield f"The zones: {', '.join(f'`{zone}`' for zone in ZONES)}. `all` stands for every one of them.\n"
    places: dict[str, type[BaseModel]] = {
        "The file": AccessRules,
        "roles.<role>": Role,
        "masks[]": Mask,
        "environments.<env>": EnvironmentRules,
        "environments.<env>.rights.<role>": Rights,
    }
    yield from _keyed(places)


def jobs() -> Iterator[str]:
    """The page of the jobs."""
    yield "# Jobs\n"
    yield NOTE
    yield JOBS
    yield from _keyed(
        {
            "The file": definition.Jobs,
            "defaults": definition.Defaults,
            "jobs.<job>": definition.Job,
            "jobs.<job>.tasks[]": definition.Task,
            "jobs.<job>.schedule": definition.Schedule,
            "jobs.<job>.trigger": definition.Trigger,
            "jobs.<job>.notifications": definition.Notifications,
            "compute.<compute>, serverless": definition.Serverless,
            "compute.<compute>, a new cluster": definition.JobCluster,
            "compute.<compute>, an existing cluster": definition.Existing,
            "databricks": definition.BundleSettings,
            "databricks.variables.<variable>": definition.Variable,
            "databricks.targets.<target>": definition.Target,
            "databricks.targets.<target>.permissions[]": definition.Permission,
        }
    )


def _keyed(places: Mapping[str, type[BaseModel]]) -> Iterator[str]:
    """The sections of a file, each with its keys."""
    for place, model in places.items():
        yield f"## {place.replace('<', '&lt;').replace('>', '&gt;')}\n"
        yield f"{_first(model)}\n"
        said = _attributes(model)
        needed = {name: "yes" if field.is_required() else "" for name, field in model.model_fields.items()}
        yield from _grid(("key", "needed", "meaning"), [(f"`{n}`", needed[n], said[n]) for n in model.model_fields])


def _section(path: str, model: type[BaseModel], values: Mapping[str, Any]) -> Iterator[str]:
    """A table of the plain parameters of a model, then a section for each model in it."""
    said = _attributes(model)
    inner = {name: kind for name, field in model.model_fields.items() if (kind := _model_of(field))}
    plain = {name: field for name, field in model.model_fields.items() if name not in inner}
    if path:
        yield f"## {path}\n"
    if _first(model):
        yield f"{_first(model)}\n"
    rows = []
    for name, field in plain.items():
        default = "" if field.is_required() else field.get_default(call_default_factory=True)
        meaning = field.description or said.get(name) or COMMENTS.get(f"{path}.{name}".lstrip("."), "")
        rows.append((f"`{name}`", _type(field), _value(values.get(name, default)), meaning))
    if rows:
        yield from _grid(("parameter", "type", "value", "meaning"), rows)
    for name, kind in inner.items():
        given = values.get(name)
        default = model.model_fields[name].default
        known = given if isinstance(given, Mapping) else default.model_dump() if isinstance(default, BaseModel) else {}
        yield from _section(f"{path}.{name}".lstrip("."), kind, known)


def _model_of(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a section; a value that has a model of its own is no section."""
    kind = field.annotation
    is_model = isinstance(kind, type) and issubclass(kind, BaseModel)
    return kind if is_model and "Search" not in kind.__name__ else None  # type: ignore[union-attr]


def _type(field: FieldInfo) -> str:
    text = str(field.annotation) if str(field.annotation).startswith(("dict", "tuple")) else ""
    text = text or getattr(field.annotation, "__name__", "") or str(field.annotation)
    if " | " in str(field.annotation):
        text = str(field.annotation)
    text = re.sub(r"Annotated\[(\w+).*?\)\]", r"\1", re.sub(r"\b(\w+\.)+", "", text)).replace("|", "or")
    kind = "a value, choices or a range" if text.startswith("Search") else text
    return ", ".join([kind, *filter(None, map(_bound, field.metadata))])


def _bound(constraint: Any) -> str:
    signs = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most", "min_length": "at least this many:"}
    return ", ".join(f"{word} {_number(getattr(constraint, n))}" for n, word in signs.items() if hasattr(constraint, n))


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _value(value: Any) -> str:
    """A value as a person would write it."""
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if isinstance(value, Mapping) and {"low", "high", "choices"} <= value.keys():
        if not value["choices"]:
            return f"{value['low']:g} to {value['high']:g}" + (", on a log scale" if value["log"] else "")
        value = value["choices"][0] if len(value["choices"]) == 1 else value["choices"]
    if value is None or value == "":
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {held}" for key, held in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _comments() -> dict[str, str]:
    """What the comments above the parameters in ``conf/base`` say: path -> text."""
    found: dict[str, str] = {}
    for file in sorted((CONF / "base" / "parameters").glob("*.yml")):
        steps: list[tuple[int, str]] = []
        said: list[str] = []
        for line in file.read_text().splitlines():
            key = re.match(r"( *)(\w+):", line)
            if line.strip().startswith("#"):
                said.append(line.strip("# "))
            elif key:
                steps = [step for step in steps if step[0] < len(key[1])] + [(len(key[1]), key[2])]
                if said:
                    found[".".join(name for _, name in steps)] = " ".join(said)
                said = []
    return found


def _attributes(model: type[BaseModel]) -> dict[str, str]:
    """What the docstring says of each attribute."""
    _, _, text = (inspect.getdoc(model) or "").partition("Attributes:\n")
    said: dict[str, str] = {}
    for line in text.splitlines():
        start = re.match(r" {4}(\w+(?:, \w+)*): (.*)", line)
        if start:
            names = start[1].split(", ")
            said |= dict.fromkeys(names, start[2])
        elif line.strip() and said:
            said |= {name: f"{said[name]} {line.strip()}" for name in names}
    return said


def _first(model: type[BaseModel]) -> str:
    """What the docstring says before the attributes; a model that was put together has none of its own."""
    text = inspect.cleandoc(model.__doc__ or "")
    return text.partition("\n\nAttributes:")[0].replace("``", "`")


def _grid(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield "| " + " | ".join(cell.replace("``", "`").replace("|", "\\|") for cell in row) + " |"
    yield ""


def _parsed(schema: str) -> list[tuple[str, str]]:
    return [(name, kind) for name, _, kind in (column.partition(" ") for column in schema.split(", "))]


def _keys(names: tuple[str, ...]) -> str:
    return f"Key: {', '.join(f'`{name}`' for name in names)}."


def _span(length: timedelta) -> str:
    hours = int(length.total_seconds() // 3600)
    minutes = int(length.total_seconds() // 60)
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} hours" if hours >= 2 else f"{minutes} minutes"


if __name__ == "__main__":
    for name, content in pages().items():
        (HERE / name).write_text(content)
