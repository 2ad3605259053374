"""Files that each list all facts of their time: a fact that a later one lacks is deleted."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pandera.pandas as pa
import pytest
import yaml
from deltalake import DeltaTable
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner
from pandera.typing import Series

from podium.domains.base import Domain, Event, Params, Source
from podium.errors import PodiumError
from podium.lakehouse.sources.files import FilesSource
from podium.pipelines.ingestion import create_pipeline
from podium.pipelines.ingestion.nodes import IngestionParams
from tests.conftest import PROJECT


class Price(pa.DataFrameModel):
    """The price of a thing."""

    thing: Series[str]
    price: Series[float] = pa.Field(ge=0)


def build(rows: pd.DataFrame, reference: object) -> pd.DataFrame:
    return rows.assign(available_at=pd.Timestamp("2024-01-01", tz="UTC"))


PRICE = Event(
    name="price",
    sources=("prices",),
    keys=("thing",),
    contract=Price,
    claims=lambda raw: pd.Series(True, index=range(len(raw))),
    build=build,
    schema="thing string, price double, available_at timestamp",
    corrections="all",
    absence="deletion",
)
SHOP = Domain(
    name="shop",
    title="Shop",
    owner="tests",
    sources=(Source(name="prices", columns=("thing", "price")),),
    events=(PRICE,),
    lookups=(),
    reference=lambda small, parameters: {},
    event_parameters=Params,
    tables=(),
)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    return tmp_path / "files"


@pytest.fixture
def take_in(tmp_path: Path, files: Path, spark) -> Callable[..., pd.DataFrame]:
    """Return a function that takes in what is new, and returns the price table."""
    factories = (PROJECT / "conf/base/catalog/tables.yml").read_text()
    for name, value in {"root": tmp_path, "files": tmp_path, "retention,null": "null"}.items():
        factories = factories.replace(f"${{globals:{name}}}", str(value))
    patterns = {name: entry for name, entry in yaml.safe_load(factories).items() if not name.startswith("_")}

    def run(arrival: str = "live", **parameters) -> pd.DataFrame:
        catalog = DataCatalog.from_config(patterns)
        catalog["shop.source_prices"] = FilesSource(path=str(files), pattern="prices*", arrival=arrival)
        catalog["params:shop.knowable"] = Params()
        catalog["params:shop.ingestion"] = IngestionParams(**parameters)
        SequentialRunner().run(create_pipeline(SHOP), catalog)
        return DeltaTable(str(tmp_path / "shop/bronze/price")).to_pandas()

    return run


def write(files: Path, hour: int, text: str) -> None:
    (files / f"prices-20240105T{hour:02}0000Z.csv").write_text("thing,price\n" + text)


def said(bronze: pd.DataFrame) -> set[tuple]:
    return {(row.thing, row.known_at.hour, row.version, row.deleted) for row in bronze.itertuples()}


def test_a_fact_that_a_later_file_lacks_is_deleted(take_in, files, tmp_path):
    write(files, 1, "cup,2\npan,9\n")
    assert said(take_in()) == {("cup", 1, 1, False), ("pan", 1, 1, False)}
    write(files, 3, "pan,9\n")
    assert said(take_in()) == {("cup", 1, 1, False), ("cup", 3, 2, True), ("pan", 1, 1, False)}
    write(files, 2, "pan,9\n")  # comes in late
    after = said(take_in())
    assert after == {("cup", 1, 1, False), ("cup", 2, 2, True), ("pan", 1, 1, False)}
    assert said(take_in(from_the_beginning=("prices",))) == after

    intake = DeltaTable(str(tmp_path / "shop/quarantine/intake")).to_pandas().sort_values("intake")
    assert (intake["rows_in"] == intake["kept"] + intake["quarantined"] + intake["duplicates"]).all()
    assert [*intake["deleted"]] == [0, 1, 1, 0]


def test_a_deletion_that_is_taken_back_changes_what_features_see(take_in, files, tmp_path):
    """The listing of an hour comes in two files, and the second one in a later intake."""
    write(files, 1, "cup,2\npan,9\n")
    write(files, 3, "pan,9\n")
    assert ("cup", 3, 2, True) in said(take_in())
    (files / "prices-more-20240105T030000Z.csv").write_text("thing,price\ncup,2\n")

    assert said(take_in()) == {("cup", 1, 1, False), ("pan", 1, 1, False)}

    intake = DeltaTable(str(tmp_path / "shop/quarantine/intake")).to_pandas().sort_values("intake")
    assert intake["changed_from"].iloc[-1] == pd.Timestamp("2024-01-05T03:00Z")


def test_a_bad_row_of_a_listing_is_no_deletion(take_in, files):
    write(files, 1, "cup,2\npan,9\n")
    before = said(take_in())
    write(files, 2, "cup,-2\npan,9\n")

    with pytest.raises(PodiumError, match=r"shop: too many bad rows: price 50\.0% .* at most 0\.0% is allowed"):
        take_in(max_quarantined_share=0.9)
    assert said(take_in(drop=("prices-20240105T020000Z.csv",))) == before


def test_rows_without_a_common_time_of_arrival_are_no_listing(take_in, files):
    write(files, 1, "cup,2\n")

    with pytest.raises(PodiumError, match=r"shop\.price: a missing fact counts as deleted, .* Set arrival: live for"):
        take_in(arrival="history")
