"""A job's schedule: validate the five fields of cron, and translate them into Quartz's syntax for Databricks."""

import re
from collections.abc import Iterator, Sequence

from podium.errors import did_you_mean

__all__ = ["checked_cron", "checked_zone", "quartz"]

FIELDS = ("minute", "hour", "day of month", "month", "day of week")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
NAMES = {"month": MONTHS, "day of week": DAYS}
# The syntax that all implementations of cron accept: *, */5, 1, 1-5, 1-5/2. They disagree about anything else: L, W, #,
# ?, H, @daily.
PLAIN = re.compile(r"\*(/\d+)?|(?P<first>\w+)(-(?P<last>\w+)(/\d+)?)?")
EVERY, NONE = "*", "?"


def checked_cron(text: str) -> str:
    """Return the expression if every implementation of cron accepts it and Quartz can express the same times.

    Raises:
        ValueError: the expression is invalid; the message names the field.
    """
    fields = text.split()
    if len(fields) != len(FIELDS):
        raise ValueError(f"{text!r} has {len(fields)} fields; cron has {len(FIELDS)}: {', '.join(FIELDS)}")
    for at, (kind, field) in enumerate(zip(FIELDS, fields, strict=True)):
        _check(kind, field, at)
    if _expanded(text)[2] != [EVERY] and _expanded(text)[4] != [EVERY]:
        raise ValueError(
            f"{text!r} names days of the month and days of the week. cron runs if either matches, which Databricks "
            "cannot express. Write * for one of them, or define two jobs"
        )
    _refuse_never(text)
    return text


def checked_zone(name: str) -> str:
    """Return the name of a time zone if it exists.

    Raises:
        ValueError: there is no such time zone.
    """
    from zoneinfo import available_timezones

    known = available_timezones()
    if name not in known:
        raise ValueError(f"there is no time zone {name!r}{did_you_mean(name, known)}")
    return name


def quartz(text: str) -> str:
    """Convert a valid cron expression to the syntax of Quartz, which Databricks uses.

    Quartz adds a field for seconds and wants ``?`` for the unused one of the two day fields. Days of the week are
    written by name, because Quartz numbers them from 1 and cron from 0.
    """
    minute, hour, day, month, weekday = (_listed(values) for values in _expanded(text))
    if weekday == EVERY:
        return f"0 {minute} {hour} {day} {month} {NONE}"
    names = ",".join(_ranges(_expanded(text)[4], DAYS))
    return f"0 {minute} {hour} {NONE} {month} {names}"


def _check(kind: str, field: str, at: int) -> None:
    from croniter import CroniterError

    known = NAMES.get(kind, ())
    for word in re.findall(r"[A-Za-z]+", field):
        if word.upper() not in known:
            raise ValueError(f"{kind} {field!r}: unknown name {word!r}{did_you_mean(word.upper(), known)}")
    alone = [EVERY] * len(FIELDS)
    alone[at] = field
    try:
        if not all(_plain(item, known) for item in field.split(",")):
            raise CroniterError
        _expanded(" ".join(alone))
    except (CroniterError, ValueError) as wrong:
        raise ValueError(
            f"{kind} {field!r} is not valid in cron; write *, */5, 1, 1-5, 1-5/2 or a list of them"
        ) from wrong


def _plain(item: str, names: Sequence[str]) -> bool:
    """Whether an item matches ``PLAIN`` and its range ascends: some crons refuse ranges such as ``FRI-MON``."""
    found = PLAIN.fullmatch(item)
    if found is None or found["last"] is None:
        return found is not None
    first, last = (int(word) if word.isdigit() else names.index(word.upper()) for word in found.group("first", "last"))
    return first <= last


def _refuse_never(text: str) -> None:
    from croniter import CroniterBadDateError, croniter

    try:
        croniter(text).get_next()
    except CroniterBadDateError as never:
        raise ValueError(
            f"{text!r} is a date that does not exist, so the job would never run; correct the day or the month"
        ) from never


def _expanded(text: str) -> list[list[int | str]]:
    """The values that each field matches; ``[EVERY]`` if the field matches all values."""
    from croniter import croniter

    found: list[list[int | str]] = croniter.expand(text)[0]
    return found


def _listed(values: Sequence[int | str]) -> str:
    return ",".join(_ranges(values))


def _ranges(values: Sequence[int | str], names: Sequence[str] = ()) -> Iterator[str]:
    """Yield the values, with consecutive values joined as ``first-last``."""
    if values == [EVERY]:
        yield EVERY
        return
    numbers = sorted({int(value) for value in values})
    begins = [each for each in numbers if each - 1 not in numbers]
    ends = [each for each in numbers if each + 1 not in numbers]
    for begin, end in zip(begins, ends, strict=True):
        first, last = (names[each] if names else str(each) for each in (begin, end))
        yield first if begin == end else f"{first}-{last}"
