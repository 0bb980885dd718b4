"""T-SQL's functions and casts give what SQL Server gives; dates are compared with Python's."""

import random
import sqlite3
from datetime import datetime, timedelta

import pytest

from mizu.store.tsql import translate


def value(expression_text):
    db = sqlite3.connect(":memory:")
    try:
        return db.execute(translate("select " + expression_text)).fetchone()[0]
    finally:
        db.close()


@pytest.mark.parametrize("text, result", [
    ("len('ab  ')", 2), ("len('')", 0), ("datalength('ab  ')", 4), ("isnull(null, 'x')", "x"), ("isnull(1, 2)", 1),
    ("left('abc', 2)", "ab"), ("left('abc', 9)", "abc"), ("right('abc', 2)", "bc"), ("right('abc', 9)", "abc"),
    ("right('abc', 0)", ""), ("right('abc', 1 + 1)", "bc"), ("right(null, 1)", None),
    ("substring('abcdef', 2, 3)", "bcd"), ("substring('abcdef', -1, 4)", "ab"), ("substring('abc', 0, 2)", "a"),
    ("substring('abc', 2, 99)", "bc"), ("charindex('C', 'abcabc')", 3), ("charindex('c', 'abcabc', 4)", 6),
    ("charindex('c', 'abc', -3)", 3), ("charindex('x', 'abc', 2)", 0), ("charindex('x', null, 2)", None),
    ("stuff('abcdef', 2, 3, 'x')", "axef"), ("replicate('ab', 3)", "ababab"), ("'a' + space(2) + 'b'", "a  b"),
    ("upper('a') + lower('B')", "Ab"), ("replace('aXa', 'X', 'b')", "aba"), ("ltrim(rtrim('  a '))", "a"),
    ("iif(1 > 2, 'a', 'b')", "b"), ("concat('a', null, 5)", "a5"), ("floor(1.5)", 1), ("floor(-1.5)", -2),
    ("ceiling(1.5)", 2), ("ceiling(-1.5)", -1), ("ceiling(2)", 2), ("ascii('A')", 65), ("len(newid())", 36),
    ("case when len('a') = 1 then 'one' else 'more' end + '!'", "one!"), ("count_big(*)", 1),
    ("1 !< 2", 0), ("1 !> 2", 1), ("1 != 2", 1), ("true", 1), ("null is null", 1),
    ("cast('5' as int) + 1", 6), ("cast(1.9 as int)", 1), ("cast(5 as varchar(10)) + 'x'", "5x"),
    ("cast('abcdef' as varchar(3))", "abc"), ("cast('abc' as varchar(max))", "abc"),
    ("cast('1.23456' as money)", 1.2346),
    ("cast(2.555 as decimal(10, 1))", 2.6), ("cast(2.5 as numeric)", 3.0), ("cast('1.5' as float)", 1.5),
    ("cast('true' as bit)", 1), ("cast(5 as bit)", 1), ("cast(0 as bit)", 0), ("cast(null as bit)", None),
    ("convert(int, '12')", 12), ("convert(nvarchar(2), 'abc')", "ab"), ("convert([varchar](2), 'abc')", "ab"),
    ("convert(varchar(max), 5)", "5"), ("cast(1 as double precision)", 1.0), ("x'4142' = cast('AB' as varbinary)", 1),
])
def test_a_function_means_what_it_meant(text, result):
    assert value(text) == result
    assert type(value(text)) is type(result)


MOMENT = "'2024-03-05 13:07:09.045'"


@pytest.mark.parametrize("text, result", [
    (f"year({MOMENT})", 2024), (f"month({MOMENT})", 3), (f"day({MOMENT})", 5),
    (f"datepart(hour, {MOMENT})", 13), (f"datepart(mi, {MOMENT})", 7), (f"datepart(ss, {MOMENT})", 9),
    (f"datepart(ms, {MOMENT})", 45), (f"datepart(qq, {MOMENT})", 1), (f"datepart(dy, {MOMENT})", 65),
    (f"datepart(dw, {MOMENT})", 3), ("datepart(week, '2024-01-06')", 1), ("datepart(week, '2024-01-07')", 2),
    ("datepart(week, '2024-12-31')", 53), ("datepart(week, '2022-12-31')", 53), ("datepart(week, '2023-01-01')", 1),
    (f"convert(varchar, {MOMENT}, 112)", "2024-03-05 13:07:09.045"),     # a text is no date: the style does nothing
    (f"convert(varchar, cast({MOMENT} as datetime), 112)", "20240305"),
    (f"convert(varchar(10), cast({MOMENT} as datetime), 120)", "2024-03-05"),
    (f"convert(varchar(16), cast({MOMENT} as datetime), 120)", "2024-03-05 13:07"),
    (f"convert(varchar, cast({MOMENT} as datetime), 121) + '!'", "2024-03-05 13:07:09.045!"),
    (f"convert(varchar, cast({MOMENT} as datetime), 103)", "05/03/2024"),
    (f"convert(varchar, cast({MOMENT} as datetime), 104)", "05.03.2024"),
    (f"convert(varchar, cast({MOMENT} as datetime), 108)", "13:07:09"),
    (f"convert(char(10), cast({MOMENT} as datetime), 23)", "2024-03-05"),
    (f"cast({MOMENT} as date)", "2024-03-05"), (f"convert(date, {MOMENT})", "2024-03-05"),
    (f"cast({MOMENT} as time)", "13:07:09.045"), (f"cast({MOMENT} as smalldatetime)", "2024-03-05 13:07:00.000"),
    ("convert(datetime, '31/12/2024', 103)", "2024-12-31 00:00:00.000"),
    ("convert(datetime, '31.12.2024 10:11:12', 104)", "2024-12-31 10:11:12.000"),
    ("convert(datetime, '20241231', 112)", "2024-12-31 00:00:00.000"),
    ("cast('20241231 10:00' as datetime)", "2024-12-31 10:00:00.000"),
    ("cast(0 as datetime)", "1900-01-01 00:00:00.000"), ("cast(cast('1900-01-02' as datetime) as int)", 1),
    ("cast(floor(cast(cast('2024-03-05 13:00' as datetime) as float)) as datetime)", "2024-03-05 00:00:00.000"),
    ("cast('2024-03-05 12:00' as datetime) - cast('2024-03-04' as datetime)", 1.5),
    (f"dateadd(day, datediff(day, 0, {MOMENT}), 0)", "2024-03-05 00:00:00.000"),
    (f"dateadd(month, datediff(month, 0, {MOMENT}), 0)", "2024-03-01 00:00:00.000"),
    ("eomonth('2024-02-03')", "2024-02-29"),
])
def test_a_date_means_what_it_meant(text, result):
    assert value(text) == result


def text_of(moment):
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + "%03d" % (moment.microsecond // 1000)


def sunday_of(day):
    return day - timedelta(days=(day.weekday() + 1) % 7)


BOUNDARY = {        # the moment cut down to its unit, and how many cut moments lie between two
    "year": lambda a, b: b.year - a.year,
    "quarter": lambda a, b: b.year * 4 + (b.month - 1) // 3 - a.year * 4 - (a.month - 1) // 3,
    "month": lambda a, b: b.year * 12 + b.month - a.year * 12 - a.month,
    "week": lambda a, b: (sunday_of(b.date()) - sunday_of(a.date())).days // 7,
    "day": lambda a, b: (b.date() - a.date()).days,
    "hour": lambda a, b: (b.replace(minute=0, second=0, microsecond=0)
                          - a.replace(minute=0, second=0, microsecond=0)) // timedelta(hours=1),
    "minute": lambda a, b: (b.replace(second=0, microsecond=0)
                            - a.replace(second=0, microsecond=0)) // timedelta(minutes=1),
    "second": lambda a, b: (b.replace(microsecond=0) - a.replace(microsecond=0)) // timedelta(seconds=1),
    "millisecond": lambda a, b: (b - a) // timedelta(milliseconds=1),
}


def moved(moment, unit, count):
    months = {"year": 12, "quarter": 3, "month": 1}.get(unit)
    if months is None:
        length = {"dayofyear": "days", "weekday": "days"}.get(unit, unit + "s")
        return moment + timedelta(**{length: count})
    year, month = divmod(moment.year * 12 + moment.month - 1 + months * count, 12)
    for day in range(moment.day, 27, -1):
        try:
            return moment.replace(year=year, month=month + 1, day=day)
        except ValueError:
            pass
    return moment.replace(year=year, month=month + 1)


def moments(seed, count):
    chance = random.Random(seed)
    for _ in range(count):
        first = datetime(1905, 1, 1) + timedelta(milliseconds=chance.randrange(150 * 365 * 86_400_000))
        yield first, first + timedelta(milliseconds=chance.choice((0, 1, -1)) * 10 ** chance.randrange(12)), chance


def test_datediff_counts_the_boundaries_crossed():
    db = sqlite3.connect(":memory:")
    queries = {unit: translate(f"select datediff({unit}, ?1, ?2)") for unit in BOUNDARY}
    for first, second, _ in moments(1, 400):
        for unit, count in BOUNDARY.items():
            assert db.execute(queries[unit], (text_of(first), text_of(second))).fetchone()[0] == count(first, second)
    assert value("datediff(year, '2023-12-31 23:59:59.999', '2024-01-01')") == 1
    assert value("datediff(week, '2024-01-06', '2024-01-07')") == 1
    assert value("datediff(hour, '1950-01-01 00:59', '1950-01-01 01:00')") == 1


def test_dateadd_moves_whole_units_and_stays_within_the_month():
    db = sqlite3.connect(":memory:")
    units = (*BOUNDARY, "dayofyear", "weekday")
    queries = {unit: translate(f"select dateadd({unit}, ?1, ?2)") for unit in units}
    for first, _, chance in moments(2, 300):
        count = chance.randrange(-20, 20)
        for unit in units:
            wanted = text_of(moved(first, unit, count))
            assert db.execute(queries[unit], (count, text_of(first))).fetchone()[0] == wanted
            assert db.execute(translate(f"select dateadd({unit}, {count}, '{text_of(first)}')")).fetchone()[0] == wanted
    assert value("dateadd(month, 1, '2024-01-31 10:00')") == "2024-02-29 10:00:00.000"
    assert value("dateadd(year, -1, '2024-02-29')") == "2023-02-28 00:00:00.000"
    assert value("dateadd(day, 1.9, '2024-01-01')") == "2024-01-02 00:00:00.000"
