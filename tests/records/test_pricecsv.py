"""Price lists as CSV: what headers, cells and separators may be, what is refused and in which line, and back again."""

import io
import random
from decimal import Decimal

import pytest

from formats.mutate import mutations
from mizu.records import pricecsv
from mizu.records.pricecsv import FAULTS, NAMES, RULE_NAMES, FileFault, PriceReader, check_fixed, rule, write
from mizu.records.timetype import minutes, parse_days

DEFAULTS = ("list", 1, "", 1, 0, 0, 0, 0.0, 1, 0.0, 0, 0, 0, "", "")


def reader(text, fixed={}, known=lambda name: {}, name="list"):
    return PriceReader(io.StringIO(text, newline=""), fixed, known, name)


def prices(text, **more):
    """[(prefix, destination, price, …)] and the faults."""
    found = reader(text, **more)
    return [row[2:] for row in found], found.faults


def faults(text, **more):
    try:
        return prices(text, **more)[1]
    except FileFault as error:
        return error.faults


# -- columns, separators, cells

@pytest.mark.parametrize("text", [
    "prefix,destination,price\n36,Hungary,0.1\n",
    "Prefix;Destination;Price\r\n36;Hungary;0,1\r\n",
    "prefix\tdestination\tprice\r36\tHungary\t0.1\r",
    "price,prefix,destination\n0.1,36,Hungary",
    '"Dial code","Description","Rate / min"\n"36","Hungary","0,100000000"\n',
    "\n\n;;\nCode;Name;Cost\n\n+36 ; Hungary ;.1\n;;\n",
    "PREFIX,COUNTRY,PRICE,Comment\n36,Hungary,0.1,cheap\n",
    "prefix,destination,price\n36,Hungary,0.1,,\n",
])
def test_columns_have_many_names_any_order_and_three_separators(text):
    assert prices(text) == ([("36", "Hungary", 0.1, 10, "", "", "")], [])


def test_rules_make_an_entry_each():
    found = reader("prefix,price,connectfee,step,minimum,vat\n1,1,,60,,\n2,1,0.05,1,30,27\n3,1,,60,,\n")
    assert [row[1] for row in found] == [0, 1, 0]
    assert [dict(zip(RULE_NAMES, rules)) for rules in found.rules] == [
        dict(zip(RULE_NAMES, DEFAULTS)) | {"billingstep": 60},
        dict(zip(RULE_NAMES, DEFAULTS)) | {"connectfee": 0.05, "minammount": 30, "vatvalue": 27.0}]
    assert found.firsts == [2, 3]


def test_a_rule_is_the_fixed_one_else_the_files_else_the_lists_else_the_default():
    known = {"standard": {"billingstep": 60, "packetid": 7, "currency": "EUR", "vatvalue": 20.0}}
    found = reader("prefix,price,entry,currency,step\n1,1,Standard,USD,\n2,1,Other,,6\n", {"vatvalue": "5"},
                   lambda name: known.get(name.lower(), {}))
    list(found)
    first, second = [dict(zip(RULE_NAMES, rules)) for rules in found.rules]
    assert (first["currency"], first["billingstep"], first["packetid"], first["vatvalue"]) == ("USD", 60, 7, 5.0)
    assert (second["entry"], second["currency"], second["billingstep"], second["packetid"]) == ("Other", "", 6, 0)


def test_one_name_for_all_rows_replaces_that_of_the_file():
    found = reader("prefix,price,entry\n1,1,A\n2,1,B\n", {"entry": "C"})
    assert len(list(found)) == 2 and [rule(rules, "entry") for rules in found.rules] == ["C"]
    found = reader("prefix,price\n1,1\n", name="file")
    assert list(found) and rule(found.rules[0], "entry") == "file"


def test_times_and_days_of_a_row():
    assert prices("prefix,price,timetype,fromtime,totime,day\n1,1,1,8:00,18:00:00,1-5\n2,2,5,,,\n3,3,,,,12-24\n") == (
        [("1", "", 1.0, 1, "08:00", "18:00", "1-5"), ("2", "", 2.0, 5, "", "", ""), ("3", "", 3.0, 10, "", "", "12-24")],
        [])


def test_a_star_is_every_number_and_nothing_is_a_mistake():
    assert prices("prefix,price\n*,1\n*72,2\n")[0][0][0] == "" and prices("prefix,price\n*72,2\n")[0][0][0] == "*72"
    assert faults("prefix,price\n,1\n") == ["line 2: prefix takes up to 24 digits, * for every number, not ''"]


@pytest.mark.parametrize("column, cell", [
    ("prefix", "3.63E+10"), ("prefix", "36,37"), ("prefix", "3" * 25), ("prefix", "٣٦"), ("prefix", "+"),
    ("price", ""), ("price", "-1"), ("price", "free"), ("price", "0.1234567"), ("price", "1.234,5"), ("price", "1e3"),
    ("price", "nan"), ("price", "1234567890"), ("price", "$1"), ("price", "."), ("price", "١"),
    ("destination", "a\0b"), ("destination", "x" * 201), ("destination", "two\nlines"),
    ("timetype", "12"), ("timetype", "-1"), ("timetype", "peak"), ("fromtime", "25:00"), ("day", "someday"),
    ("billingstep", "0"), ("billingstep", "1.5"), ("billingstep", "86401"), ("connectfee", "-0.1"), ("type", "6"),
    ("type", "user price"), ("vatincluded", "2"), ("vatvalue", "27 %"), ("packetid", "-1"), ("validfrom", "31.12.2026"),
    ("validto", "2026-13-01"), ("validto", "2026-01-01 24:00"),
])
def test_a_cell_that_does_not_fit_is_named_with_its_line(column, cell):
    row = {"prefix": "36", "price": "1", column: cell}
    found = faults(";".join(row) + "\n" + ";".join('"' + value + '"' for value in row.values()) + "\n")
    assert len(found) == 1 and found[0].startswith(f"line 2: {column} takes ") and "not " in found[0]


@pytest.mark.parametrize("text, words", [
    ("", "line 1: no column prefix"), ("36,0.1\n", "line 1: no column prefix"), ("\n\nprefix,cots\n", "line 3: no column price"),
    ("prefix,price,rate\n1,1,1\n", "the column price is there twice"), ("prefix,price,code\n", "prefix is there twice"),
    ("prefix,price\n1\n", "line 2: 1 cells, the first line names 2"), ("prefix,price\n1,2,3\n", "line 2: 3 cells"),
    ('prefix,price\n"1,2\n3,4\n', "line 2: unexpected end of data"), ('prefix,price\n"1"x,2\n', "line 2: "),
    ('prefix,price\n1,1\n"' + "x" * 140_000 + '",1\n', "line 3: field larger"), ('"prefix,price', "line 1: unexpected"),
])
def test_a_file_that_is_no_price_list_is_refused(text, words):
    assert words in faults(text)[0]


def test_the_line_is_the_files_also_behind_empty_lines_and_quoted_line_ends():
    assert [fault.partition(":")[0] for fault in faults('\n;\nprefix;price;note\n1;1;"a\nb"\n\nx y!;1;\n2;y;"a"\n')] == [
        "line 7", "line 8"]


def test_twenty_faults_are_told_and_the_rest_is_not_looked_at():
    rows = []

    def lines():
        yield "prefix,price\n"
        for number in range(1000):
            rows.append(number)
            yield f"{number},x\n"
    found = PriceReader(lines(), {})
    assert list(found) == [] and len(found.faults) == FAULTS and len(rows) == FAULTS


def test_different_rules_are_bounded():
    text = "prefix,price,vat\n" + "".join([f"{n},1,{n / 100}\n" for n in range(1, 1100)])
    assert faults(text)[0] == "line 1002: more than 1000 different rules"


def test_unknown_columns_are_told_with_what_they_resemble():
    found = reader("prefix,price,conectfee,Ünknown,,country,destination\n")
    assert found.notes == ["the column 'conectfee' is not known and ignored (did you mean connectfee?)",
                           "the column 'Ünknown' is not known and ignored",
                           "the column 'destination' is ignored: there is a destination already"]


def test_prefixes_that_no_number_begins_with_are_told_once():
    found = reader("prefix,price\n36,1\n0044,1\n0045,1\n")
    assert [row[2] for row in found] == ["36", "0044", "0045"] and not found.faults
    assert found.notes == ["line 3: the prefix 0044 begins with 00: no number does unless normalizenumbers is 0"]


def test_rules_of_the_command_line_are_judged_at_once():
    check_fixed({"currency": "EUR", "vatvalue": "27", "packetid": "3", "type": "provider"})
    for name, value in (("price", "1"), ("nosuch", "1"), ("vatvalue", "x"), ("type", "9")):
        with pytest.raises(FileFault):
            check_fixed({name: value})


# -- there and back

def test_what_is_written_is_read_as_it_was():
    chance = random.Random(3)
    texts = ["", "Hungary", 'a "quoted", name', "semi;colon", " x".strip(), "Żółć", "=1+1", "'"]
    rows = []
    for number in range(500):
        rules = (chance.choice(texts), chance.randrange(1, 6), chance.choice(["", "EUR"]), chance.choice([1, 60]),
                 chance.choice([0, 30]), 0, 0, chance.choice([0.0, 0.05]), chance.randrange(2), chance.choice([0.0, 8.875]),
                 chance.randrange(3), 0, chance.randrange(2), chance.choice(["", "2026-01-01 12:00:00.5"]), "")
        rows.append(rules + (str(number), chance.choice(texts), chance.randrange(10**9) / 10**6, chance.randrange(12),
                             chance.choice(["", "08:00"]), "", chance.choice(["", "1-5"])))
    file = io.StringIO(newline="")
    assert write(file, rows) == 500
    found = reader(file.getvalue())
    assert [found.rules[row[1]] + row[2:] for row in found] == rows and not found.faults and not found.notes


# -- mutations, against a second reader that knows nothing but the rules above

SEEDS = [text.encode() for text in (
    "prefix,destination,price\n36,Hungary,0.1\n3630,Hungary mobile,0.25\n*,World,1\n",
    "Code;Name;Rate;Setup\r\n+36;Hungary;0,1;0,05\r\n49 30;\"Berlin; Germany\";,02;0\r\n",
    "prefix\tprice\ttimetype\tfromtime\ttotime\tday\n36\t1\t1\t8:00\t18:00\t1-5\n36\t2\t11\t\t\t\n",
    '"prefix","price","entry","currency"\n"36","0.1","A ""quoted"" one","EUR"\n"40","1.000000","",""\n',
    "\n;\nprefix;price;step;minimum;vat;vatincluded\n1;1;60;30;27;0\n\n2;2;1;0;0;yes\n;;;;;\n",
    ",".join(NAMES) + "\nA,2,EUR,60,30,5,600,0.05,0,27,1,2,3,2026-01-01,2026-12-31 10:00,36,Hungary,0.5,10,,,\n",
)]
SPLINTERS = [b'"', b'""', b",", b";", b"\t", b"\n", b"\r", b"\r\n", b"-1", b"0.1234567", b" ", b"\0", b"*", b"\xc3\xa9",
             b"price", b"vat", b"x", b"1e3", b'",', b"\n36,1\n", b"24:00", b"12-24", b"999999999"]


class Refused(Exception):
    pass


def plain_table(text, sign):
    """Rows of cells, character by character: [] for an empty line."""
    rows, row, cell, state = [], [], "", "start"        # start of a cell, bare, quoted, closed
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if state == "quoted":
            if char != '"':
                cell += char
            elif text[at:at + 1] == '"':
                cell, at = cell + '"', at + 1
            else:
                state = "closed"
        elif char in "\r\n":
            at += char == "\r" and text[at:at + 1] == "\n"
            rows.append(row + [cell] if row or cell or state == "closed" else [])
            row, cell, state = [], "", "start"
        elif char == sign:
            row, cell, state = row + [cell], "", "start"
        elif char == '"' and state == "start":
            state = "quoted"
        elif state == "closed":
            raise Refused
        else:
            cell, state = cell + char, "bare"
    if state == "quoted":
        raise Refused
    if row or cell or state == "closed":
        rows.append(row + [cell])
    return rows


def plain_prices(text):
    """[(rules, row)] by the plainest means."""
    while text:
        end = min([at + 1 for at in (text.find("\n"), text.find("\r")) if at >= 0], default=len(text))
        if text[:end].strip("; \t\r\n,"):
            break
        text = text[end:]
    first = text[:end] if text else ""
    known = pricecsv._BY_NAME

    def plain(cell):
        return "".join(char for char in cell.lower() if char in "abcdefghijklmnopqrstuvwxyz0123456789")
    sign = max([(sum(plain(cell) in known for cell in first.split(sign)), -order, sign)
                for order, sign in enumerate(";\t,")])[2]
    table = plain_table(text, sign)
    if not table:
        raise Refused
    header = [known[plain(cell)].name if plain(cell) in known else "" for cell in table[0]]
    if any(name and name != "destination" and header.count(name) > 1 for name in header):
        raise Refused
    if "prefix" not in header or "price" not in header:
        raise Refused
    found = []
    for cells in table[1:]:
        if not any(cells):
            continue
        if len(cells) < len(header) or any(cells[len(header):]):
            raise Refused
        given = {name: cell.strip() for name, cell in reversed(list(zip(header, cells))) if name}
        values = {name: PLAIN[name](given[name]) for name in given if given[name] or name in ("prefix", "price", "entry")}
        defaults = dict(zip(NAMES, DEFAULTS + (None, "", None, 10, "", "", "")))
        found.append(tuple(values.get(name, defaults[name]) for name in NAMES))
    return found


def need(condition):
    if not condition:
        raise Refused


DIGITS = set("0123456789")


def plain_prefix(text):
    allowed = DIGITS | set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ*#")
    if not (0 < len(text) < 25 and set(text) <= allowed):
        text = text.lstrip("+").replace(" ", "")
    need(0 < len(text) < 25 and set(text) <= allowed)
    return "" if text == "*" else text


def plain_amount(text):
    whole, point, part = text.replace(",", ".").partition(".")
    need(set(whole) <= DIGITS and set(part) <= DIGITS and len(whole) < 10 and len(part.rstrip("0")) < 7)
    need(whole or part)
    return float(Decimal(f"{whole or 0}.{part or 0}"))


def plain_whole(least, most):
    def parse(text):
        need(text and set(text) <= DIGITS and len(text) <= 10 and least <= int(text) <= most)
        return int(text)
    return parse


def plain_text(text):
    need(len(text) <= 200 and text.isprintable())
    return text


def plain_date(text):
    import datetime
    if not text:
        return ""
    text = text.removesuffix("Z") if len(text) > 10 else text
    need(text.isascii() and len(text) in (10, 16, 19, 21, 22, 23) and text[:4].isdigit() and text[10:11] in ("", "T", " "))
    need(set(text[5:10] + text[11:]) <= DIGITS | set("-:."))
    year_free = "2000" + text[4:10]         # 29 February needs a year, and a day 31 its month: neither is asked here
    need(year_free[4] == year_free[7] == "-" and 1 <= int(year_free[5:7]) <= 12 and 1 <= int(year_free[8:10]) <= 31)
    if text[10:]:
        time = text[11:]
        need(time[2] == ":" and (len(time) < 6 or time[5] == ":") and (len(time) < 9 or time[8] == "."))
        datetime.time(*map(int, time[:8].split(":")))
    return text[:10] + " " * (len(text) > 10) + text[11:]


def plain_time(text):
    at = minutes(text)
    need(at is not None)
    return f"{at // 60:02}:{at % 60:02}"


def plain_kind(text):
    names = {"1": 1, "2": 2, "3": 3, "4": 4, "5": 5, **pricecsv.KINDS}
    word = "".join(char for char in text.lower() if char not in " _-")
    need(word in names and (not word.isdigit() or word == text))
    return names[word]


def plain_flag(text):
    need(text.lower() in ("0", "1", "yes", "no", "true", "false"))
    return int(text.lower() in ("1", "yes", "true"))


def plain_day(text):
    need(parse_days(text) is not None)
    return text


PLAIN = {"prefix": plain_prefix, "price": plain_amount, "destination": plain_text, "timetype": plain_whole(0, 11),
         "fromtime": plain_time, "totime": plain_time, "day": plain_day, "entry": plain_text, "type": plain_kind,
         "currency": plain_text, "billingstep": plain_whole(1, 86_400), "minammount": plain_whole(0, 86_400),
         "freeammount": plain_whole(0, 86_400), "freeafter": plain_whole(0, 10**9), "connectfee": plain_amount,
         "vatincluded": plain_flag, "vatvalue": plain_amount, "packetid": plain_whole(0, 2**31),
         "userid": plain_whole(0, 2**31), "parentid": plain_whole(0, 2**31), "validfrom": plain_date,
         "validto": plain_date}


@pytest.mark.slow
def test_mutated_files_are_read_as_a_plain_reader_reads_them_or_refused():
    accepted = 0
    for data in mutations(SEEDS, 20_000, SPLINTERS):
        text = data.decode("utf-8", "replace")
        try:
            wanted = plain_prices(text)
        except (Refused, ValueError, IndexError):
            wanted = None
        try:
            found = reader(text)
            rows = [found.rules[row[1]] + row[2:] for row in found]
            seen = None if found.faults else rows
        except FileFault:
            seen = None
        assert seen == wanted, text
        if seen:
            accepted += 1
            file = io.StringIO(newline="")
            write(file, [row[:15] + (row[15] or "*",) + row[16:] for row in seen])
            again = reader(file.getvalue())
            assert [again.rules[row[1]] + row[2:] for row in again] == seen
    assert 2_000 < accepted < 18_000
