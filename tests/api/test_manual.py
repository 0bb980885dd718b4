"""Help, OpenAPI 3.1 and the man page, all read from the rows of the table."""

import json
import re
import shutil
import subprocess

import pytest

from mizu import commands
from mizu.api import manual
from mizu.api.samples import HARMFUL, SAMPLES
from mizu.api.command import ADMIN, GROUPS, OPEN, SENSITIVE, TABLE, USER
from mizu.store.options import OPTIONS

if not TABLE:
    commands.load()
ROWS = list({id(row): row for row in TABLE.values()}.values())


# -- help ------------------------------------------------------------------------------------------

def test_every_row_is_listed_once_in_the_order_of_the_groups():
    rows = manual.commands()
    assert len(rows) == len(ROWS) and {id(row) for row in rows} == {id(row) for row in ROWS}
    order = [list(GROUPS).index(row.group) for row in rows]
    assert order == sorted(order)


def test_users_see_what_users_may_send():
    shown = {name for names, *_ in manual.overview(False).rows for name in names.split(", ")}
    assert {"balance", "apitest1", "newuseru"} <= shown and not {"db", "newuseri", "quickstat"} & shown
    assert len(manual.overview(True)) == len(ROWS)


def test_a_signature_marks_what_may_be_left_out():
    assert manual.signature(TABLE["search"]) == "[txt, limit?]"
    assert manual.signature(TABLE["version"]) == "" and manual.signature(TABLE["setuser"]).endswith("u_…]")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_description_holds_the_whole_declaration(row):
    text = manual.describe(row)
    assert row.summary in text and GROUPS[row.group] in text and all(name in text for name in row.names)
    for param in row.params:
        assert re.search(rf"^  {param.name} +(required|optional): {re.escape(param.help)}; takes ", text, re.M)
        assert all(alias in text for alias in param.aliases)
    assert row.name != "balance" or "(also userid)" in text
    assert text.splitlines()[-1].startswith(f"Example: /mvapireq/?apientry={row.name}")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_an_example_carries_what_the_command_needs_and_no_more(row):
    from mizu.formats.request import read_text
    params = read_text(manual.example(row, "KEY", "john", "authmd5=M&authsalt=S")).params
    assert params["apientry"] == row.name
    assert ("authkey" in params) == (row.access not in ("open", "anybody"))
    assert ("authmd5" in params) == (row.access in (USER, ADMIN, SENSITIVE))
    for param in row.params:
        useful = param.name in SAMPLES.get(row.name, ()) or row.either and param.name == "u_username"
        assert (param.name in params) == bool(row.required(param) or useful)
        if param.name in params:
            param.value(params[param.name])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_is_typed_on_the_console_is_read_there_as_the_same_request(row):
    from mizu.formats.console import read_console
    params = read_console(manual.typed(row)).params
    assert params == {"apientry": row.name, **manual.samples(row)}


def test_samples_are_of_commands_and_parameters_that_there_are():
    for name, values in SAMPLES.items():
        names = [param.name for param in TABLE[name].params]
        assert all([each in names or TABLE[name].fields and each.startswith("u_") for each in values]), name
    assert all([name in TABLE for name in HARMFUL])


# -- OpenAPI ---------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def document():
    return json.loads(manual.openapi())


@pytest.mark.slow
def test_openapi_is_valid_against_the_schema_of_3_1(document):
    validator = pytest.importorskip("openapi_spec_validator", reason="openapi-spec-validator is not installed")
    validator.validate(document)


def test_openapi_holds_every_command_with_its_parameters(document):
    assert document["openapi"] == "3.1.0" and set(document["paths"]) == {f"/mvapireq/{row.name}" for row in ROWS}
    for row in ROWS:
        path = document["paths"][f"/mvapireq/{row.name}"]
        own = [each for each in path["get"]["parameters"] if "name" in each]
        assert [each["name"] for each in own] == [param.name for param in row.params]
        assert [each["required"] for each in own] == [row.required(param) for param in row.params]
        body = path["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert set(body["properties"]) == {param.name for param in row.params}
        assert path["get"]["summary"] == row.summary and path["get"]["tags"] == [row.group]
        if row.access == OPEN:
            assert path["get"]["security"] == []


def test_openapi_refers_to_nothing_that_is_not_there(document):
    def look(value):
        if isinstance(value, dict):
            if "$ref" in value:
                at = document
                for part in value["$ref"].removeprefix("#/").split("/"):
                    at = at[part]
            for each in value.values():
                look(each)
        elif isinstance(value, list):
            for each in value:
                look(each)
    look(document)
    schemes = set(document["components"]["securitySchemes"])
    ids = []
    for path in document["paths"].values():
        for operation in path.values():
            ids.append(operation["operationId"])
            assert all(set(need) <= schemes for need in operation["security"])
    assert len(ids) == len(set(ids))


def test_the_answers_of_the_server_fit_the_documents_schema(document, house):
    from mizu.formats.answer import render
    schema = document["components"]["schemas"]["Answer"]
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    for entry in ("apitest1", "balance", "nosuch", "help"):
        jsonschema.validate(json.loads(render(house.ask(entry), "json")), schema)


# -- the man page ----------------------------------------------------------------------------------

def test_the_man_page_holds_every_command_and_every_setting():
    page = manual.man_page()
    for row in ROWS:
        assert f"\\fB{manual._roff(', '.join(row.names))}\\fR" in page and manual._roff(row.summary) in page
    for option in OPTIONS:
        assert f"\\fB{option.name}\\fR" in page


def test_the_man_page_is_plain_roff():
    page = manual.man_page()
    assert page.startswith(".TH MIZUD 8 ") and page.isascii() is not None
    for line in page.splitlines():
        assert line and (line[0] != "'" and (line[0] != "." or re.match(r"\.(TH|SH|SS|TP|B|br)\b", line))), line
        assert re.fullmatch(r"(?:[^\\]|\\(?:f[BR]|-|e|&))*", line), line


def test_man_shows_it_without_a_warning(tmp_path):
    if not shutil.which("man") or not shutil.which("groff"):
        pytest.skip("man and groff are not installed")
    path = tmp_path / "mizud.8"
    path.write_text(manual.man_page())
    shown = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", str(path)], capture_output=True, text=True,
                           env={"PATH": "/usr/bin:/bin", "MANWIDTH": "100", "MANPAGER": "cat", "LC_ALL": "C.UTF-8"})
    assert shown.returncode == 0 and shown.stderr == ""
    assert "EXIT STATUS" in shown.stdout and "balance, credit" in shown.stdout


def test_mandoc_finds_nothing_wrong(tmp_path):
    if not shutil.which("mandoc"):
        pytest.skip("mandoc is not installed")
    path = tmp_path / "mizud.8"
    path.write_text(manual.man_page())
    told = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(path)], capture_output=True, text=True)
    assert told.returncode == 0, told.stdout
