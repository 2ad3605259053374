"""Find the runs of one environment by the tables that they read or wrote, and by the models that they used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion

from podium.errors import PodiumError, did_you_mean

from .lookups import aliases_of, experiment_ids, json_document_if_any, model_names, runs, versions
from .runs import DIGEST, LINEAGE, USED, WROTE
from .tracking import TrackingLocation

__all__ = ["History", "Known", "Recorded", "Write"]

# The separators between a model's name and a version number (NAME/NUMBER) or an alias (NAME@ALIAS).
NUMBER, ALIAS = "/", "@"
TAG = "podium."


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """An MLflow run with its tags and its lineage record.

    Attributes:
        run_id: in MLflow.
        pipelines, env, as_of, engine, commit: from its tags; empty if a tag is missing.
        changed: whether files differed from the commit.
        package: a hash of the code.
        started: in UTC.
        record: its ``lineage.json``; empty if it logged none.
    """

    run_id: str
    pipelines: str
    env: str
    as_of: str
    engine: str
    commit: str
    changed: bool
    package: str
    started: datetime
    record: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Write:
    """One write to a Delta table, with the run that wrote.

    Attributes:
        version, table_id: the table's version after the write, and the first characters of the table's id.
        run_id: in MLflow.
        started: when the run began, in milliseconds since 1970.
    """

    version: int
    table_id: str
    run_id: str
    started: int


@dataclass(frozen=True, kw_only=True)
class Known:
    """A registered model version with its aliases, and with the run or environment that it came from.

    Attributes:
        name, version: of the model.
        aliases: the aliases that it carries.
        digest: SHA-256 of the model's files.
        run_id: the run that trained it, or that promoted it to here.
        promoted_from: ``environment/version``; empty if it was trained here.
    """

    name: str
    version: str
    aliases: tuple[str, ...]
    digest: str
    run_id: str
    promoted_from: str


class History:
    """Queries for the runs that an environment's MLflow has recorded. ``run`` and ``writes`` cache their answers."""

    def __init__(self, place: TrackingLocation):
        self.place = place
        self.run = cache(self._run)
        self.writes = cache(self._writes)

    @cached_property
    def _client(self) -> MlflowClient:
        return self.place.client()

    @cached_property
    def _experiments(self) -> list[str]:
        return experiment_ids(self._client)

    def _search(self, query: str) -> list[Run]:
        return runs(self._client, query, experiments=self._experiments)

    def _run(self, run_id: str) -> Recorded:
        run = self._client.get_run(run_id)
        tags = run.data.tags
        return Recorded(
            run_id=run_id,
            pipelines=tags.get(f"{TAG}pipeline", run.info.run_name),
            env=tags.get(f"{TAG}env", ""),
            as_of=tags.get(f"{TAG}as_of", ""),
            engine=tags.get(f"{TAG}engine", ""),
            commit=tags.get(f"{TAG}commit", ""),
            changed=tags.get(f"{TAG}dirty") == "true",
            package=tags.get(f"{TAG}package", ""),
            started=datetime.fromtimestamp(run.info.start_time / 1000, UTC),
            record=json_document_if_any(self._client, run_id, LINEAGE),
        )

    def _writes(self, table: str) -> list[Write]:
        """Every recorded write to a table, the newest first."""
        tag = f"{WROTE}{table}"
        found = []
        for run in self._search(f"tags.`{tag}` LIKE '%'"):
            version, _, table_id = run.data.tags[tag].partition("@")
            found.append(
                Write(version=int(version), table_id=table_id, run_id=run.info.run_id, started=run.info.start_time)
            )
        return found

    def readers(self, name: str, digest: str) -> list[str]:
        """The ids of the runs that read a table or file in the state with this digest."""
        query = f"dataset.name = '{name}' and dataset.digest = '{digest[:DIGEST]}'"
        return [run.info.run_id for run in self._search(query)]

    def users(self, name: str, version: str) -> list[str]:
        """The ids of the runs that used a given version of a model."""
        return [run.info.run_id for run in self._search(f"tags.`{USED}{name}` = '{version}'")]

    def tables(self) -> list[str]:
        """The names of all tables that the 200 newest runs wrote."""
        recent = runs(self._client, most=200, experiments=self._experiments)
        tags = {tag for run in recent for tag in run.data.tags}
        return sorted(tag.removeprefix(WROTE) for tag in tags if tag.startswith(WROTE))

    def models(self) -> list[str]:
        """The names of all registered models."""
        return model_names(self._client)

    def version(self, text: str) -> Known:
        """Find a version by ``NAME``, ``NAME@ALIAS`` or ``NAME/NUMBER``; a bare name means the champion.

        Raises:
            PodiumError: there is no such version.
        """
        name, mark, which = _split(text)
        aliases = aliases_of(self._client, name)
        if aliases is None:
            known = self.models()
            near = did_you_mean(name, known)
            raise PodiumError(f"There is no model {name!r} in {self.place.env}{near}. There are: {_listed(known)}.")
        found = {str(each.version): each for each in versions(self._client, f"name = '{name}'")}
        number = which if mark == NUMBER else aliases.get(which)
        if number not in found:
            known = [*sorted(found, key=int)] if mark == NUMBER else sorted(aliases)
            what = "version" if mark == NUMBER else "version with the alias"
            raise PodiumError(f"{name} has no {what} {which} in {self.place.env}. There are: {_listed(known)}.")
        return _known(found[number], aliases)

    def made_by(self, run_id: str) -> list[Known]:
        """The registered versions of the model that a given run logged."""
        found = versions(self._client, f"run_id = '{run_id}'")
        return [_known(each, {}) for each in found]


def _split(text: str) -> tuple[str, str, str]:
    for mark in (NUMBER, ALIAS):
        name, found, which = text.partition(mark)
        if found:
            return name, mark, which
    return text, ALIAS, "champion"


def _known(found: ModelVersion, aliases: Mapping[str, str]) -> Known:
    tags: Mapping[str, str] = found.tags
    number = str(found.version)
    return Known(
        name=found.name,
        version=number,
        aliases=tuple(sorted(alias for alias, version in aliases.items() if version == number)),
        digest=tags.get("podium.digest", ""),
        run_id=str(found.run_id or ""),
        promoted_from=tags.get("podium.promoted_from", ""),
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"
