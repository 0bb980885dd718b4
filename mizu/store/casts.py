"""CAST and CONVERT of T-SQL (Microsoft's "CAST and CONVERT", with its table of date styles) in SQLite's few types."""

import re

from mizu.base.errors import ApiError
from mizu.store.operands import (DATE_FORMATS, DAY, EPOCH, TIME, date, fill, is_brackets, is_word, plain, reordered,
                                 type_of)
from mizu.store.tokens import DATE, NUMBER

FAMILIES = {
    "integer": "int integer bigint smallint tinyint",
    "real": "float real double",
    "money": "money smallmoney",
    "decimal": "decimal numeric dec",
    "bit": "bit",
    "text": "varchar nvarchar char nchar text ntext character sysname uniqueidentifier",
    "time": "datetime datetime2 datetimeoffset",
    "minute": "smalldatetime",
    "day": "date",
    "clock": "time",
    "blob": "varbinary binary image blob",
}
FAMILY = {name: family for family, names in FAMILIES.items() for name in names.split()}
DATES = {"time": f"strftime('{TIME}',?1)", "minute": "strftime('%Y-%m-%d %H:%M:00.000',?1,'30 seconds')",
         "day": f"strftime('{DAY}',?1)", "clock": "strftime('%H:%M:%f',?1)"}
NUMBERS = {
    "money": "round(cast(?1 as real),4)",
    "bit": "(case lower(?1) when 'true' then 1 when 'false' then 0 else cast(?1 as real)<>0 end)",
    "real": "cast(?1 as real)",
    "integer": "cast(?1 as integer)",
}
STYLES = {101: "%m/%d/%Y", 102: "%Y.%m.%d", 103: "%d/%m/%Y", 104: "%d.%m.%Y", 105: "%d-%m-%Y", 108: "%H:%M:%S",
          110: "%m-%d-%Y", 111: "%Y/%m/%d", 112: "%Y%m%d", 120: "%Y-%m-%d %H:%M:%S", 121: TIME,
          126: "%Y-%m-%dT%H:%M:%f", 8: "%H:%M:%S", 20: "%Y-%m-%d %H:%M:%S", 21: TIME, 23: DAY, 24: "%H:%M:%S", 25: TIME}


def convert(arguments, name):
    if len(arguments) not in (2, 3) or not all(arguments):
        raise ApiError(400, "convert() takes a type, a value and a style")
    style = None
    if len(arguments) == 3:
        text = plain(arguments[2])
        style = STYLES.get(int(text)) if re.fullmatch("[0-9]{1,3}", text) else None
        if style is None:
            raise ApiError(400, f"convert() knows no style {text[:20]}: {', '.join(map(str, sorted(STYLES)))}")
    return _to(arguments[0], arguments[1], style)


def cast(arguments, name):
    items = arguments[0] if len(arguments) == 1 else []
    at = [place for place, node in enumerate(items) if is_word(node, "as")]
    if not at or at[-1] in (0, len(items) - 1):
        raise ApiError(400, "cast() takes a value AS a type")
    return _to(items[at[-1] + 1:], items[:at[-1]])


def _to(kind, value, style=None):
    """`kind` as written (varchar(20), [int], decimal(10,2)); `style` is the strftime form of a date as text."""
    name = kind[0].word if kind[0].kind in ("name", "quoted") else plain(kind[:1])
    family = FAMILY.get(name)
    sizes = plain(kind[1].items).split(",") if is_brackets(kind, 1) else []
    if family is None or len(kind) > 1 + bool(sizes) and plain(kind) != "doubleprecision" \
            or not all(size.isdigit() or size == "max" for size in sizes):
        raise ApiError(400, f"cannot convert to {plain(kind)[:30]}")
    if family in DATES:
        return fill(DATES[family], _styled(value, style))
    if family == "text":
        return _as_text(value, style, sizes)
    if family == "blob":
        return fill("cast(?1 as blob)", value)
    if type_of(value) == DATE:
        value = fill(f"(julianday(?1)-{EPOCH})", value)
        value = fill("round(?1)", value) if family == "integer" else value
    if family == "decimal":
        places = sizes[1] if len(sizes) == 2 and sizes[1].isdigit() else "0"
        return fill(f"round(cast(?1 as real),{places})", value)
    return fill(NUMBERS[family], value)


def _styled(value, style):
    if style is None or type_of(value) in (DATE, NUMBER) or style.startswith("%Y-"):
        return date(value)
    if "%Y" not in style:
        raise ApiError(400, "convert() cannot read a time of day as a date")
    return reordered(value, style)


def _as_text(value, style, sizes):
    kind = type_of(value)
    if style is not None and kind in (DATE, ""):
        text = fill(f"strftime('{style}',?1)", value)
        text = fill("cast(?1 as text)", text) if style in DATE_FORMATS else text
    elif style is not None and kind == NUMBER:
        raise ApiError(400, "convert() knows no style of numbers")
    else:
        text = fill("cast(?1 as text)", value)
    return fill(f"substr(?1,1,{sizes[0]})", text) if sizes and sizes[0].isdigit() else text
