"""Expired tables and files of a problem are dropped together. If any is unexpired or unreadable, all of them stay."""

import contextlib
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, Field, Schema, write_deltalake
from deltalake.schema import PrimitiveType

from podium.lakehouse import expiry, storage
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.expiry import ItemKind, drop, find_lots
from podium.lakehouse.retention import time_span
from podium.lakehouse.storage import overlap, remove_table, require_inside

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=15)
DELTA = {"type": "podium.lakehouse.table.DeltaDataset", "retention": "14 days"}


class Lake:
    """A root with tables and files of the problem ``p``, and its catalog."""

    def __init__(self, root: Path):
        self.root = root
        page = {"type": "podium.lakehouse.files.PageDataset", "zone": "monitoring"}
        landing = {"type": "podium.lakehouse.landing.LandingDataset", "zone": "bronze"}
        self.catalog = {
            **{
                f"{{owner}}.{zone}_{{table}}": {
                    **DELTA,
                    "path": f"{root}/{{owner}}/{zone}/{{table}}",
                    "zone": zone,
                }
                for zone in ("bronze", "features", "quarantine")
            },
            "{owner}.seen_{zone}_{table}": {
                **DELTA,
                "path": f"{root}/{{owner}}/{{zone}}/{{table}}",
                "zone": "{zone}",
            },
            "{owner}.landing": {**landing, "path": f"{root}/{{owner}}/landing"},
            "{owner}.report_{name}": {**page, "filepath": f"{root}/{{owner}}/reports/{{name}}.html"},
        }

    def table(self, name: str, retention: str | None = "14 days", commits: int = 3) -> Path:
        path = self.root / name
        DeltaTable.create(
            path,
            Schema([Field("n", PrimitiveType("long"))]),
            configuration={expiry.RETENTION: retention} if retention else {},
            raise_if_key_not_exists=False,
        )
        for commit in range(commits):
            write_deltalake(path, pa.table({"n": [commit]}), mode="append")
        return path

    def file(self, name: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("something")
        return path

    @property
    def lots(self) -> dict[str, expiry.Lot]:
        return {lot.namespace: lot for lot in find_lots(self.catalog)}

    def drop(self, now: datetime = LATER) -> list[str]:
        return [item.name for item in drop(self.lots["p"], [str(self.root)], now)]

    @property
    def content(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted(self.root.rglob("*")) if path.is_file()}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    (tmp_path / "root").mkdir()
    return Lake(tmp_path / "root")


@pytest.fixture
def full(lake: Lake) -> Lake:
    """A problem with tables in every zone, landed files and a page."""
    for name in ("bronze/a", "features/a", "features/refreshes", "quarantine/intake"):
        lake.table(f"p/{name}")
    lake.file("p/landing/source.parquet")
    lake.file("p/landing/judged-1.parquet/part-0.parquet")
    lake.file("p/reports/profile.html")
    return lake


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("14 days", timedelta(days=14)),
        ("1 hour", timedelta(hours=1)),
        ("0 days", timedelta()),
        ("2 weeks", timedelta(14)),
    ],
)
def test_time_spans(text, span):
    assert time_span(text) == span


@pytest.mark.parametrize("text", ["", "14", "days", "-1 days", "1.5 days", "14 moons", "interval 14 days"])
def test_an_invalid_time_span_is_refused(text):
    with pytest.raises(LakehouseError, match=r"is not a time span\. Write it as 14 days"):
        time_span(text)


def test_nothing_expires_before_its_time(full):
    lot = full.lots["p"]
    assert not lot.has_expired(lot.expires - timedelta(seconds=1))
    assert lot.has_expired(lot.expires)
    before = full.content
    with pytest.raises(LakehouseError, match="not expired"):
        full.drop(lot.expires - timedelta(seconds=1))
    assert full.content == before


def test_the_last_write_to_any_table_determines_the_expiry(full):
    newest = DeltaTable(full.table("p/bronze/late")).history()[0]["timestamp"]
    assert full.lots["p"].expires == datetime.fromtimestamp(newest / 1000, UTC) + timedelta(days=14)


def test_the_longest_retention_determines_the_expiry(full):
    full.table("p/bronze/long", retention="30 days")
    assert not full.lots["p"].has_expired(LATER)


def test_maintenance_does_not_postpone_the_expiry(full):
    before = full.lots["p"].expires
    path = full.root / "p/bronze/a"
    DeltaTable(path).optimize.compact()
    DeltaTable(path).vacuum(0, dry_run=False, enforce_retention_duration=False)
    assert DeltaTable(path).version() > 3
    assert full.lots["p"].expires == before


def test_a_drop_removes_exactly_the_tables_and_files_of_the_problem(full):
    full.table("q/bronze/a")
    kept = [full.file("mlflow.db"), full.file("p/notes.txt"), full.file("q/landing/x")]

    assert set(full.drop()) == {
        *("p.bronze_a", "p.features_a", "p.features_refreshes", "p.quarantine_intake", "p.landing", "p.report_profile")
    }

    assert all(path.exists() for path in kept)
    assert "p" not in full.lots
    assert DeltaTable(full.root / "q/bronze/a").to_pyarrow_table().num_rows == 3
    assert sorted(path.name for path in (full.root / "p").iterdir()) == ["notes.txt"]


def test_a_drop_removes_folders_that_become_empty(full):
    full.drop()
    assert full.root.exists()
    assert list(full.root.iterdir()) == []


def test_a_table_without_retention_keeps_its_problem(full):
    full.table("p/bronze/kept", retention=None)
    lot = full.lots["p"]
    assert lot.expires is None
    assert [item.name for item in lot.keepers] == ["p.bronze_kept"]
    with pytest.raises(LakehouseError, match="not expired"):
        full.drop(NOW + timedelta(days=10_000))


@pytest.mark.parametrize("spoil", ["a commit that is none", "a retention that is none"])
def test_a_table_with_an_unreadable_expiry_keeps_its_problem(full, spoil):
    if spoil.startswith("a commit"):
        (full.root / "p/bronze/a/_delta_log" / f"{3:020}.json").write_text("not JSON")
    else:
        shutil.rmtree(full.root / "p/bronze/a")
        full.table("p/bronze/a", retention="a while")
    lot = full.lots["p"]
    assert lot.expires is None
    (keeper,) = lot.keepers
    assert keeper.name == "p.bronze_a"
    assert ("cannot be read" if spoil.startswith("a commit") else "is not a time span") in keeper.trouble


def test_files_never_expire_if_the_catalog_has_no_retention(lake):
    """dev and prod have no retention, neither in the catalog nor in the tables."""
    for entry in lake.catalog.values():
        entry.pop("retention", None)
    lake.file("p/landing/source.parquet")
    lake.file("p/bronze/a/part-0.parquet")
    assert lake.lots["p"].expires is None


def test_files_without_any_table_expire_by_their_age(lake):
    lake.file("p/landing/source.parquet")
    assert not lake.lots["p"].has_expired(NOW)
    assert lake.drop() == ["p.landing"]


def test_a_write_since_the_listing_stops_the_drop(full):
    lot = full.lots["p"]
    write_deltalake(full.root / "p/features/a", pa.table({"n": [9]}), mode="append")
    before = full.content
    with pytest.raises(LakehouseError, match=r"p\.features_a has just been written"):
        list(drop(lot, [str(full.root)], LATER))
    assert full.content == before


class TestKills:
    """A killed drop leaves usable tables, and the next drop completes it."""

    def test_after_every_single_deletion(self, full, monkeypatch):
        steps = 0
        while "p" in full.lots:
            self.one_deletion(full, monkeypatch)
            steps += 1
            self.no_refreshes_without_features(full)
            for item in full.lots["p"].items if "p" in full.lots else ():
                if item.kind is ItemKind.TABLE:
                    DeltaTable(item.path).to_pyarrow_table()  # the table is at an older version, and readable
        assert steps > 20

    def one_deletion(self, lake: Lake, monkeypatch) -> None:
        class KilledError(Exception):
            pass

        deleted = []

        def once(done):
            def do(*arguments):
                if deleted:
                    raise KilledError
                deleted.append(arguments)
                done(*arguments)

            return do

        with monkeypatch.context() as patched:
            patched.setattr("podium.lakehouse.storage._remove_file", once(storage._remove_file))
            patched.setattr("podium.lakehouse.storage.shutil.rmtree", once(shutil.rmtree))
            with contextlib.suppress(KilledError):
                lake.drop()

    def no_refreshes_without_features(self, lake: Lake) -> None:
        there = {item.name: item for item in lake.lots["p"].items} if "p" in lake.lots else {}
        if "p.features_refreshes" in there and there["p.features_refreshes"].kind is ItemKind.TABLE:
            assert DeltaTable(there["p.features_a"].path).version() == 3

    def test_an_empty_log_folder_is_dropped_as_remains(self, full):
        shutil.rmtree(full.root / "p/bronze/a/_delta_log")
        (full.root / "p/bronze/a/_delta_log").mkdir()
        kinds = {item.name: item.kind for item in full.lots["p"].items}
        assert kinds["p.bronze_a"] is ItemKind.REMAINS
        assert "p.bronze_a" in full.drop()
        assert list(full.root.iterdir()) == []

    def test_a_table_with_checkpoints_goes_back_version_by_version(self, lake, monkeypatch):
        path = lake.table("p/bronze/a", commits=12)
        DeltaTable(path).create_checkpoint()
        write_deltalake(path, pa.table({"n": [12]}), mode="append")
        seen = []
        monkeypatch.setattr("podium.lakehouse.storage.remove_files", lambda url: None)
        monkeypatch.setattr(
            "podium.lakehouse.storage._remove_file",
            lambda store, name: (store.delete_file(name), seen.append(rows(path))),
        )
        remove_table(str(path))
        assert seen[0] == 13
        assert seen == sorted(seen, reverse=True)
        assert seen[-1] == -1


def rows(path: Path) -> int:
    return DeltaTable(path).to_pyarrow_table().num_rows if DeltaTable.is_deltatable(str(path)) else -1


class TestNothingOutside:
    """A drop does not follow a link or ``..`` out of the root."""

    @pytest.mark.parametrize("where", ["p", "p/bronze", "p/bronze/a", "p/landing"])
    def test_a_link_out_of_the_root(self, full, tmp_path, where):
        outside = tmp_path / "elsewhere"
        shutil.move(full.root / where, outside)
        (full.root / where).symlink_to(outside)
        before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()} | full.content
        with pytest.raises(LakehouseError, match="is not inside") as refused:
            full.drop()
        assert "Nothing was dropped" in str(refused.value)
        assert str(outside) in str(refused.value)
        assert {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()} | full.content == before

    def test_a_link_to_another_problem(self, full):
        full.table("q/bronze/a")
        shutil.rmtree(full.root / "p/bronze")
        (full.root / "p/bronze").symlink_to(full.root / "q/bronze")
        with pytest.raises(LakehouseError, match="is not inside"):
            full.drop()
        assert DeltaTable(full.root / "q/bronze/a").version() == 3

    def test_a_link_inside_a_folder_is_removed_and_not_followed(self, full, tmp_path):
        precious = tmp_path / "precious"
        precious.mkdir()
        (precious / "file").write_text("")
        (full.root / "p/landing/link").symlink_to(precious)
        full.drop()
        assert (precious / "file").exists()
        assert list(full.root.iterdir()) == []

    def test_the_root_itself_may_be_a_link(self, full, tmp_path):
        (tmp_path / "link").symlink_to(full.root)
        linked = Lake(tmp_path / "link")
        assert len(linked.drop()) == 6
        assert list(full.root.iterdir()) == []

    def test_a_catalog_entry_that_points_out_of_the_root(self, full, tmp_path):
        other = Lake(tmp_path / "prod")
        other.table("p/bronze/b")
        full.catalog["{owner}.bronze_{table}"]["path"] = f"{full.root}/../prod/{{owner}}/bronze/{{table}}"
        with pytest.raises(LakehouseError, match="is not inside"):
            full.drop()
        assert DeltaTable(tmp_path / "prod/p/bronze/b").version() == 3

    @pytest.mark.parametrize(
        "path", ["s3://b/lake", "s3://b/lake/", "s3://b/lakes/p", "s3://b/lake/../x", "s3://other/lake/p", "/lake/p"]
    )
    def test_paths_of_object_stores(self, path):
        require_inside(["s3://b/lake/p/bronze/a"], ["s3://b/lake/"])
        with pytest.raises(LakehouseError, match="is not inside"):
            require_inside([path], ["s3://b/lake/"])

    def test_roots_that_overlap(self, tmp_path):
        (tmp_path / "link").symlink_to(tmp_path / "a")
        assert overlap(f"{tmp_path}/a", f"{tmp_path}/a/b")
        assert overlap(f"{tmp_path}/link/b", f"{tmp_path}/a")
        assert not overlap(f"{tmp_path}/a", f"{tmp_path}/ab")
        assert overlap("s3://b/x", "s3://b/x/")
        assert not overlap("s3://b/x", f"{tmp_path}/a")


def test_the_size_is_that_on_disk(full):
    assert full.lots["p"].bytes == sum(len(content) for content in full.content.values())


def test_the_retention_survives_writes_of_the_engine(lake, spark):
    """The retention survives an overwrite, because engines keep a table's properties."""
    from podium.lakehouse.table import DeltaDataset, Mode, Rows

    path = str(lake.root / "p/features/a")
    dataset = DeltaDataset(path=path, zone="features", mode="replace", retention="3 days")
    frame = spark.createDataFrame([(1,)], "n bigint")
    dataset.save(Rows(frame=frame, mode=Mode.OVERWRITE))
    dataset.save(Rows(frame=frame, mode=Mode.OVERWRITE))
    dataset.save(Rows(frame=frame, window="n = 1"))
    (item,) = lake.lots["p"].items
    assert item.retention == timedelta(days=3)
    assert DeltaTable(path).metadata().configuration[expiry.RETENTION] == "3 days"
