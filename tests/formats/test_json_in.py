"""JSON requests against the standard library's own reading."""

import json
import math

import pytest
from mizu.base.errors import ApiError
from mizu.formats.json_in import MAX_BATCH, parse_json

from .mutate import mutations


def refused(text):
    with pytest.raises(ApiError) as caught:
        parse_json(text)
    assert caught.value.code == 400
    return caught.value.message


def test_values_become_the_text_that_a_client_means():
    assert parse_json('{"Apientry": "rating", "a": 007e0 }'.replace("007e0", "12345678901234567890123")) == {
        "apientry": "rating", "a": "12345678901234567890123"}
    assert parse_json('{"a": 1.50, "b": true, "c": false, "d": null, "e": -0.0, "f": 1e400}') == {
        "a": "1.50", "b": "true", "c": "false", "d": "", "e": "-0.0", "f": "1e400"}


def test_nested_values_keep_their_json():
    assert parse_json('{"a": {"x": [1, 2.50, "é\\n", null, true]}, "b": [ ]}') == {
        "a": '{"x":[1,2.50,"é\\n",null,true]}', "b": "[]"}


def test_a_lone_wrapper_is_taken_off():
    assert parse_json('{"mvapireq": {"apientry": "x", "a": 1}}') == {"apientry": "x", "a": "1"}
    assert parse_json('{"apientry": "x", "params": {"a": 1}}') == {"apientry": "x", "a": "1"}
    assert parse_json('{"apientry": "x", "params": {"a": 1}, "b": 2}')["params"] == '{"a":1}'
    assert parse_json('{"apientry": "x", "params": {"apientry": "y"}}')["params"] == '{"apientry":"y"}'


def test_an_array_is_a_batch():
    assert parse_json('[{"a": 1}, {"B": "x"}]') == [{"a": "1"}, {"b": "x"}]
    assert len(parse_json("[" + ",".join(["{}"] * MAX_BATCH) + "]")) == MAX_BATCH


NO_REQUESTS = [
    ('{"a": 1, "a": 2}', "twice"), ('{"a": 1, "A": 2}', "twice"), ('{"x": {"a": 1, "a": 2}}', "twice"),
    ('{"a": NaN}', "NaN"), ('{"a": -Infinity}', "Infinity"), ("[]", "1 to 100"), ("5", "object"), ('"x"', "object"),
    ("[5]", "object"), ("[" + ",".join(["{}"] * 101) + "]", "1 to 100"), ('{"a": 1', "line 1"), ("", "not valid JSON"),
    ('{"a": "\\ud800"}', "surrogate"), ('{"\\udfff": 1}', "surrogate"), ('{"a": ["\\ud800"]}', "surrogate"),
    ("[" * 100_000, "deeper"), ('{"a":' + "[" * 40 + "]" * 40 + "}", "deeper"), ('{"a":' * 100_000, "deeper"),
    ("{" + ",".join(f'"{i}": 1' for i in range(1001)) + "}", "1000"),
    ('{"a": 1} x', "Extra data"), ('{"a": 01}', "JSON"),
    ('{"a": [' + "1," * 10_000 + "1]}", "10000 values"),
]


@pytest.mark.parametrize("text, reason", NO_REQUESTS, ids=range(len(NO_REQUESTS)))
def test_what_is_no_request_is_refused_with_a_reason(text, reason):
    assert reason in refused(text)


SEEDS = [b'{"apientry":"balance","authid":"1111","n":-1.50e+3,"t":true,"f":false,"z":null,"b":9007199254740993}',
         b'[{"apientry":"a"},{"x":{"y":[1,{"z":"\\u00e9\\n"}],"w":{}}}]',
         b'{"mvapireq":{"apientry":"x","a":[[],{},""]}}', b'{"apientry":"y","params":{"a":1}}',
         b' {\n "A\\u0041" : "\\ud83d\\ude00" ,\t"c":"\\"\\\\\\/" }\r\n']
SPLINTERS = [b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\u", b"\\ud800", b"NaN", b"1e5", b"null", b"\xc3\xa9", b"-"]


def oracle(text):
    """A second, plain reading by json.loads: None if the text is no request."""
    def once(pairs):
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    def constant(name):
        raise ValueError(name)

    value = json.loads(text, object_pairs_hook=once, parse_constant=constant)
    for item in value if isinstance(value, list) else [value]:
        assert isinstance(item, dict)
    assert value != []
    return value


def same(params, members):
    for wrapper in ("mvapireq", "params"):
        inner = members.get(wrapper)
        if isinstance(inner, dict) and not set(members) - {wrapper, "apientry"}:
            if "apientry" not in members or all(name.lower() != "apientry" for name in inner):
                members = {name: value for name, value in members.items() if name != wrapper} | inner
                break
    assert sorted(params) == sorted(name.lower() for name in members)
    for name, value in members.items():
        text = params[name.lower()]
        if isinstance(value, str):
            assert text == value
        elif value is None:
            assert text == ""
        elif isinstance(value, float) and math.isinf(value):
            assert math.isinf(float(text))
        else:
            assert json.loads(text) == value and type(json.loads(text)) is type(value)


def test_20000_mutants_are_read_as_json_loads_reads_them_or_refused():
    accepted = 0
    for data in mutations(SEEDS, 20_000, SPLINTERS):
        text = data.decode("latin-1")
        try:
            result = parse_json(text)
        except ApiError as error:
            assert error.code == 400
            result = None
        try:
            expected = oracle(text)
            json.dumps(expected, ensure_ascii=False).encode()
            for item in expected if isinstance(expected, list) else [expected]:
                if result is not None:
                    continue
                assert len({name.lower() for name in item}) == len(item)
                for inner in item.values():     # a wrapper's members ignore case as well
                    assert not isinstance(inner, dict) or len({name.lower() for name in inner}) == len(inner)
        except (ValueError, AssertionError):
            expected = None
        assert (result is None) == (expected is None), text
        if result is not None:
            accepted += 1
            for params, members in zip(*[x if isinstance(x, list) else [x] for x in (result, expected)], strict=True):
                same(params, members)
    assert 2_000 < accepted < 15_000


def test_the_place_of_a_fault_is_told_once():
    with pytest.raises(ApiError) as refusal:
        parse_json('{"a": "b')
    assert refusal.value.message == "not valid JSON: Unterminated string starting at line 1 column 7"
