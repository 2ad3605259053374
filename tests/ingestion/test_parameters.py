"""Invalid parameters or an invalid ``as_of`` stop a run before its first node. The error suggests the nearest name."""

import pytest

from podium.errors import PodiumError

MISTYPED = {
    "asof": ("asof", "as_of"),
    "flihgts__source": ("flihgts", "flights"),
    "flights__sorce": ("flights.sorce", "source"),
    "flights__ingestoin": ("flights.ingestoin", "ingestion"),
    "flights__ingestion__max_quarantined_shar": (
        "flights.ingestion.max_quarantined_shar",
        "max_quarantined_share",
    ),
    "flights__features__recompute_form": ("flights.features.recompute_form", "recompute_from"),
    "flights__knowable__weather_hour": ("flights.knowable.weather_hour", "weather_hours"),
}
WRONG = {
    "a share that is a word": ({"flights__ingestion__max_quarantined_share": "much"}, "valid number"),
    "a share above one": ({"flights__ingestion__max_quarantined_share": 5}, "less than or equal to 1"),
    "a share below zero": ({"flights__ingestion__max_quarantined_share": -0.1}, "greater than or equal to 0"),
    "news before the event": ({"flights__knowable__weather_hours": -5}, "greater than or equal to 0"),
    "a timetable of no days": ({"flights__knowable__timetable_days": 0}, "greater than or equal to 1"),
    "half an hour": ({"flights__knowable__cancellation_hours": 1.5}, "valid integer"),
    "a time zone that is none": (
        {"flights__knowable__time_zones": {"SJU": "America/Puerto_Rica"}},
        "SJU: there is no time zone 'America/Puerto_Rica'",
    ),
    "a backfill from nowhen": (
        {"flights__features__recompute_from": "soon"},
        "recompute_from 'soon' is not a date or time",
    ),
    "a source that is a number": ({"flights__source": 5}, "flights.source: Input should be a valid string"),
    "an arrival that is none": ({"flights__arrival": "lve"}, "flights.arrival: Input should be 'history' or 'live'"),
}


@pytest.fixture(scope="module")
def project(week, new_project):
    """A project without any run."""
    return new_project(week)


@pytest.fixture(autouse=True)
def _nothing_is_written(project):
    yield
    assert not project.lake.exists()


@pytest.mark.parametrize("name", MISTYPED)
def test_a_mistyped_name_is_refused_with_the_nearest_one(project, name):
    where, meant = MISTYPED[name]

    with pytest.raises(PodiumError) as refused:
        project.run("feature_engineering", **{name: "1"})

    message = str(refused.value)
    assert "These parameters are invalid, nothing was run" in message
    assert f"{where}: there is no such parameter (did you mean {meant!r}?)" in message


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_value_is_refused(project, what):
    parameters, message = WRONG[what]

    with pytest.raises(PodiumError) as refused:
        project.run("feature_engineering", **parameters)

    assert message in str(refused.value)


def test_a_value_in_place_of_a_section_is_refused(project):
    with pytest.raises(PodiumError, match="flights: Input should be"):
        project.session.run(pipeline_names=["feature_engineering"], runtime_params={"flights": 5})


def test_one_error_lists_every_mistake(project):
    with pytest.raises(PodiumError) as refused:
        project.run("feature_engineering", asof="x", flights__ingestion__max_quarantined_share="much")

    assert "asof: there is no such parameter" in str(refused.value)
    assert "flights.ingestion.max_quarantined_share: " in str(refused.value)


@pytest.mark.parametrize("text", ["soon", "2013-02-30", "2013-13-01", "", "nan", "NaT", "now", "today", "99999", 2013])
def test_a_text_that_is_not_a_moment_is_refused(project, text):
    with pytest.raises(PodiumError, match="is not a date or time; write 2013-08-01 or 2013-08-01T06:00"):
        project.run("feature_engineering", as_of=text)
