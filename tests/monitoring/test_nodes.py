"""The monitoring nodes run together, on Delta tables."""

import re

import pandas as pd
import pytest
from deltalake import DeltaTable

from podium.lakehouse.table import DeltaDataset
from podium.pipelines.monitoring import nodes

from .worlds import AS_OF, KEYS, world


@pytest.fixture
def lake(tmp_path):
    return {name: DeltaDataset(path=str(tmp_path / name), zone="monitoring") for name in ("drift", "months", "alerts")}


@pytest.fixture
def monitor(lake, frames, reference, params):
    """Return a function that runs the stage and returns the two reports."""

    def monitor(rows, as_of=AS_OF):
        predictions, labels = frames(rows), frames.labels(rows)
        lake["drift"].save(nodes.measure_drift(predictions, reference, as_of, params))
        lake["months"].save(nodes.measure_performance(predictions, labels, as_of, params, keys=KEYS))
        drifts, months = lake["drift"].load(), lake["months"].load()
        lake["alerts"].save(nodes.raise_alerts(drifts, months, reference, as_of, params))
        page = nodes.write_page(
            predictions=predictions,
            drifts=drifts,
            performances=months,
            raised=lake["alerts"].load(),
            reference=reference,
            as_of=as_of,
            parameters=params,
            title="Is it lost?",
        )
        return page, nodes.write_drift_report(predictions, drifts, reference, as_of, params, keys=KEYS)

    return monitor


def contents(dataset):
    rows = DeltaTable(dataset.path).to_pandas()
    return rows.sort_values(list(rows.columns), ignore_index=True)


def test_a_repeated_run_changes_no_row(lake, monitor):
    months = world(3_000, "2013-09-01", "2013-11-09", seed=1)
    months["size"] += 1
    page, _ = monitor(months)
    first = {name: contents(dataset) for name, dataset in lake.items()}
    again, _ = monitor(months)
    for name, rows in first.items():
        pd.testing.assert_frame_equal(rows, contents(lake[name]))
    assert page == again
    assert len(first["alerts"]) == 2


def test_an_alert_keeps_the_status_that_a_user_set(lake, monitor):
    months = world(3_000, "2013-09-01", "2013-11-09", seed=1)
    months["size"] += 1
    september = pd.Timestamp("2013-10-05", tz="UTC").to_pydatetime()
    monitor(months, september)
    DeltaTable(lake["alerts"].path).update(new_values={"status": "acknowledged"})
    monitor(months)
    found = contents(lake["alerts"]).sort_values("window_start")
    assert found["status"].tolist() == ["acknowledged", "open"]
    assert [moment.to_pydatetime() for moment in found["raised_as_of"]] == [september, AS_OF]


def test_reports_are_self_contained(monitor):
    months = world(2_000, "2013-09-01", "2013-11-09", seed=1)
    months["size"] += 1
    page, evidently = monitor(months)
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", page)
    assert page.count("<svg") == 4
    for words in ("Is it lost?: monitoring", "feature drift", "September 2013", "November 2013 (so far)"):
        assert words in page
    for report in (page, evidently):
        assert "default-src 'none'" in report
    assert "size" in evidently


def test_without_predictions_the_reports_say_so(lake, monitor):
    nothing = world(10, "2014-01-01", "2014-02-01", seed=1)
    page, evidently = monitor(nothing)
    assert all(contents(dataset).empty for dataset in lake.values())
    assert "no predictions of this version yet" in page
    assert "no predictions of model version 1 yet" in evidently
