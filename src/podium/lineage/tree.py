"""Trace a model or table back to its source files, and forward to the models and tables made from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

from podium.errors import PodiumError, did_you_mean
from podium.registry.version_history import History, Known, Recorded, Write

from .run_graph import Steps
from .states import SHORT, DatasetKind, DatasetState

__all__ = ["ABOVE", "Branch", "Tree", "trace"]

# The order in which a tree lists tables, by their zone in the lakehouse: zones close to a model come first.
NEAREST = ("training_sets", "predictions", "monitoring", "features", "bronze", "quarantine")
ABOVE = "as above"


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A table, file, model or candidate in a tree of lineage.

    Attributes:
        kind: ``table``, ``file``, ``model``, ``candidate``.
        name: the name in the catalog or the registry, or the file's name.
        version: a number; for files and candidates a SHA-256.
        digest: ``version@id`` for a table; otherwise the SHA-256 of the bytes.
        location: a path or address; empty for entries of the registry.
        run: the run that made it; None for files, and if no recorded run did.
        note: a remark for the reader.
        branches: its sources, or its results, depending on the tree.
    """

    kind: str
    name: str
    version: str
    digest: str = ""
    location: str = ""
    run: Recorded | None = None
    note: str = ""
    branches: tuple[Branch, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The lineage of ``root``, a table or model: the branches of ``root`` are its sources, ``used_for`` its results."""

    root: Branch
    used_for: tuple[Branch, ...]


def trace(history: History, name: str) -> Tree:
    """The lineage of a model (``NAME``, ``NAME@ALIAS``, ``NAME/NUMBER``), or of a table (``NAME``, ``NAME@VERSION``).

    Raises:
        PodiumError: there is no such model, version or table, or no run recorded it.
    """
    tables, models = history.tables(), history.models()
    table, _, version = name.partition("@")
    if "." in table:
        return _table(history, table, version, [*tables, *models])
    if table.partition("/")[0] not in models:
        raise PodiumError(
            f"There is no model or table {name!r} in {history.place.env}{did_you_mean(table, [*models, *tables])}. "
            f"Models: {', '.join(models) or 'none'}. To list tables, run: podium lake tables --env {history.place.env}"
        )
    known = history.version(name)
    return Tree(root=_Down(history).model(known), used_for=tuple(_Up(history).of_model(known)))


def _table(history: History, name: str, version: str, names: list[str]) -> Tree:
    writes = history.writes(name)
    if not writes:
        raise PodiumError(
            f"No recorded run in {history.place.env} wrote the table {name!r}{did_you_mean(name, names)}. "
            f"To list tables, run: podium lake tables --env {history.place.env}"
        )
    if version and not version.isdecimal():
        raise PodiumError(
            f"{version!r} is not a version of a table. Write a number, such as {name}@{writes[0].version}."
        )
    newest = writes[0]
    wanted = replace(newest, version=int(version)) if version else newest
    write = _writer(writes, wanted.version, newest.table_id)
    made = [state for step in Steps(history.run(write.run_id).record).all for state in step.outputs]
    state = next(state for state in made if state.name == name)
    state = replace(state, version=f"{wanted.version}")
    return Tree(root=_Down(history).state(state), used_for=tuple(_Up(history).of_state(state)))


def _writer(writes: list[Write], version: int, table_id: str) -> Write:
    """The write that produced the rows of a table version: the last recorded write up to that version.

    Versions without a recorded write come from creation and maintenance, which change no rows. If several runs report
    the same version, the first one wrote it.
    """
    same = [write for write in writes if write.table_id == table_id] or writes
    before = [write for write in same if write.version <= version]
    if not before:
        return min(same, key=lambda write: (write.version, write.started))
    return min(before, key=lambda write: (-write.version, write.started))


class _Walk:
    """Traces lineage through recorded runs. A table that is already in the tree gets a note instead of branches."""

    def __init__(self, history: History):
        self._history = history
        self._steps = cache(lambda run_id: Steps(history.run(run_id).record))
        self._told: set[tuple[str, str]] = set()


class _Down(_Walk):
    """Traces a dataset back to its sources."""

    def model(self, known: Known) -> Branch:
        run = self._history.run(known.run_id)
        sources = self._steps(run.run_id).sources(("mlflow", f"{known.name}.candidate"))
        notes = [", ".join(known.aliases)]
        if known.promoted_from:
            env, _, version = known.promoted_from.partition("/")
            notes.append(f"promoted from {known.promoted_from}; the tables that it was trained on are in {env}")
            notes.append(f"more: podium model lineage {known.name}/{version} --env {env}")
        elif not run.record:
            notes.append("its run recorded no lineage")
        branches = self._leaves(sources) if known.promoted_from else self._branches(sources)
        return Branch(
            kind="model",
            name=known.name,
            version=known.version,
            digest=known.digest,
            run=run,
            note="; ".join(filter(None, notes)),
            branches=tuple(branches),
        )

    def state(self, state: DatasetState) -> Branch:
        bare = _bare(state)
        if state.kind is not DatasetKind.TABLE:
            return bare
        told = (state.location, state.digest)
        run = self._made_by(state)
        if told in self._told:
            return replace(bare, run=run, note=ABOVE)
        self._told.add(told)
        if run is None:
            return replace(bare, note="no recorded run wrote it")
        return replace(bare, run=run, branches=tuple(self._branches(self._steps(run.run_id).sources(state.place))))

    def _branches(self, sources: Iterable[DatasetState]) -> list[Branch]:
        # Leave out entries of the registry (champions and candidates): a tree of sources shows only tables and files.
        return [self.state(state) for state in _sorted(sources) if state.kind is not DatasetKind.REGISTRY]

    def _leaves(self, sources: Iterable[DatasetState]) -> list[Branch]:
        return [_bare(state) for state in _sorted(sources)]

    def _made_by(self, state: DatasetState) -> Recorded | None:
        writes = [w for w in self._history.writes(state.name) if w.table_id == state.table_id[:SHORT]]
        return self._history.run(_writer(writes, int(state.version), writes[0].table_id).run_id) if writes else None


class _Up(_Walk):
    """Traces a dataset forward to its results."""

    def of_model(self, known: Known) -> list[Branch]:
        name = f"{known.name}.champion"
        state = DatasetState(name=name, kind=DatasetKind.REGISTRY, namespace="mlflow", path=name, version=known.version)
        return self._from(state, self._history.users(name, known.version))

    def of_state(self, state: DatasetState) -> list[Branch]:
        writers = [
            write.run_id
            for write in self._history.writes(state.name)
            if state.digest == f"{write.version}@{write.table_id}"
        ]
        # Also follow the runs that wrote this version of the table: a later node of such a run may have read it.
        return self._from(state, dict.fromkeys([*self._history.readers(state.name, state.digest), *writers]))

    def _from(self, state: DatasetState, run_ids: Iterable[str]) -> list[Branch]:
        found = []
        for run in sorted(map(self._history.run, run_ids), key=lambda run: run.started):
            for made in _sorted(self._steps(run.run_id).results(state)):
                if made.kind is DatasetKind.REGISTRY:
                    found += self._models(made, run)
                elif made.kind is DatasetKind.TABLE and made.place != state.place:
                    found.append(self._table(made, run))
        return found

    def _models(self, made: DatasetState, run: Recorded) -> list[Branch]:
        """The model versions that a candidate was registered as; the candidate itself if it was not registered."""
        problem, _, what = made.name.rpartition(".")
        if what != "candidate":
            return []
        versions = [known for known in self._history.made_by(run.run_id) if known.name == problem]
        if not versions:
            return [Branch(kind="candidate", name=made.name, version=made.version, digest=made.version, run=run)]
        return [
            Branch(
                kind="model",
                name=known.name,
                version=known.version,
                digest=known.digest,
                run=run,
                branches=tuple(self.of_model(known)),
            )
            for known in versions
        ]

    def _table(self, made: DatasetState, run: Recorded) -> Branch:
        bare = replace(_bare(made), run=run)
        told = (made.location, made.digest)
        if told in self._told:
            return replace(bare, note=ABOVE)
        self._told.add(told)
        return replace(bare, branches=tuple(self.of_state(made)))


def _bare(state: DatasetState) -> Branch:
    return Branch(
        kind=state.kind.name.lower(),
        name=state.name,
        version=state.version,
        digest=state.digest,
        location="" if state.kind is DatasetKind.REGISTRY else state.location,
    )


def _sorted(states: Iterable[DatasetState]) -> list[DatasetState]:
    """Sort by zone, so that ingestion's many bookkeeping tables come last and do not hide the tables near a model."""

    def rank(state: DatasetState) -> tuple[int, str]:
        if state.kind is DatasetKind.FILE:
            return len(NEAREST), state.name
        zone = next((zone for zone in NEAREST if state.name.partition(".")[2].startswith(zone)), NEAREST[-1])
        return NEAREST.index(zone), state.name

    return sorted(states, key=rank)
