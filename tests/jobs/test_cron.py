"""A cron expression and its Quartz translation mean the same times; untranslatable ones are refused."""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from podium.jobs.cron import DAYS, checked_cron, checked_zone, quartz


def numbers(least: int, most: int) -> st.SearchStrategy[str]:
    """A cron field: ``*``, steps, values, ranges, and lists of them."""
    value = st.integers(least, most)
    span = st.tuples(value, value).map(lambda pair: f"{min(pair)}-{max(pair)}")
    item = st.one_of(value.map(str), span, st.tuples(span, st.integers(1, 9)).map(lambda each: f"{each[0]}/{each[1]}"))
    return st.one_of(
        st.just("*"), st.integers(1, most).map(lambda step: f"*/{step}"), st.lists(item, min_size=1).map(",".join)
    )


@st.composite
def expressions(draw: st.DrawFn) -> str:
    minute, hour, month = draw(numbers(0, 59)), draw(numbers(0, 23)), draw(numbers(1, 12))
    weekdays = st.one_of(
        numbers(0, 7), st.lists(st.sampled_from([*DAYS, *map(str.lower, DAYS)]), min_size=1).map(",".join)
    )
    day, weekday = draw(st.one_of(st.tuples(numbers(1, 28), st.just("*")), st.tuples(st.just("*"), weekdays)))
    return f"{minute} {hour} {day} {month} {weekday}"


def fits(expression: str, moment: datetime) -> bool:
    """Whether a moment matches a Quartz expression of numbers, ranges, ``*``, names of days and one ``?``."""
    second, minute, hour, day, month, weekday = expression.split()
    assert second == "0"
    assert [day, weekday].count("?") == 1
    return (
        within(minute, moment.minute)
        and within(hour, moment.hour)
        and within(month, moment.month)
        and (day == "?" or within(day, moment.day))
        and (weekday == "?" or within(weekday, weekday_of(moment), DAYS))
    )


def weekday_of(moment: datetime) -> int:
    """The day of the week, where 0 is Sunday."""
    return (calendar.weekday(moment.year, moment.month, moment.day) + 1) % 7


def within(field: str, value: int, names: tuple[str, ...] = ()) -> bool:
    def number(word: str) -> int:
        return names.index(word) if names else int(word)

    if field == "*":
        return True
    ends = [item.partition("-") for item in field.split(",")]
    return any(number(first) <= value <= number(last or first) for first, _, last in ends)


@settings(max_examples=150, deadline=None)
@given(expressions(), st.datetimes(datetime(2023, 1, 1), datetime(2025, 12, 31)))
def test_quartz_and_cron_mean_the_same_times(expression, since):
    checked_cron(expression)
    told, clock = quartz(expression), croniter(expression, since)
    moment = since
    for _ in range(5):
        following = clock.get_next(datetime)
        assert fits(told, following)
        half = moment + (following - moment) / 2
        for between in (half.replace(second=0, microsecond=0), following - timedelta(minutes=1)):
            if moment < between < following:
                assert not fits(told, between)
        moment = following


@pytest.mark.parametrize(
    ("cron", "told"),
    [
        ("0 4 * * 1", "0 0 4 ? * MON"),  # Quartz's 1 is Sunday
        ("0 4 * * 0", "0 0 4 ? * SUN"),
        ("0 4 * * 7", "0 0 4 ? * SUN"),
        ("0 4 * * mon-fri", "0 0 4 ? * MON-FRI"),
        ("*/20 6-8 1,15 jan *", "0 0,20,40 6-8 1,15 1 ?"),
        ("* * * * *", "0 * * * * ?"),
    ],
)
def test_days_of_the_week_are_written_by_name(cron, told):
    assert quartz(checked_cron(cron)) == told


@pytest.mark.parametrize(
    ("cron", "why"),
    [
        ("0 4 * *", "has 4 fields; cron has 5: minute, hour, day of month, month, day of week"),
        ("0 0 4 * * ?", "has 6 fields"),
        ("@daily", "has 1 fields"),
        ("61 4 * * *", "minute '61' is not valid in cron; write"),
        ("0 24 * * *", "hour '24' is not valid"),
        ("0 4 0 * *", "day of month '0' is not valid"),
        ("0 4 * 13 *", "month '13' is not valid"),
        ("0 4 * * 8", "day of week '8' is not valid"),
        ("0 4 * * MOM", r"day of week 'MOM': unknown name 'MOM' \(did you mean 'MON'\?\)"),
        ("0 4 L * *", "unknown name 'L'"),
        ("0 4 * * 1#2", "day of week '1#2' is not valid"),
        ("0 4 ? * *", r"day of month '\?' is not valid"),
        ("H 4 * * *", "unknown name 'H'"),
        ("0 4 * * FRI-MON", "'FRI-MON' is not valid"),
        ("5/10 4 * * *", "minute '5/10' is not valid"),
        ("*/0 4 * * *", r"minute '\*/0' is not valid"),
        ("0 4 1 * MON", "cron runs if either matches"),
        ("0 4 30 2 *", "is a date that does not exist"),
    ],
)
def test_an_expression_without_an_exact_translation_is_refused(cron, why):
    with pytest.raises(ValueError, match=why):
        checked_cron(cron)


def test_an_unknown_time_zone_is_refused_with_the_nearest_name():
    assert checked_zone("America/New_York") == "America/New_York"
    with pytest.raises(ValueError, match=r"no time zone 'America/New_Yrok' \(did you mean 'America/New_York'\?\)"):
        checked_zone("America/New_Yrok")
