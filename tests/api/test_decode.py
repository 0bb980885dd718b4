"""What a request says: its command, its parameters, the format of its answer."""

import json

import pytest

from mizu.api.decode import MAX_BATCH, Decoder
from mizu.base.clock import FakeClock
from mizu.base.errors import ApiError
from mizu.base.message import Peer
from mizu.formats.request import Parsed, read_body, read_text
from mizu.store.options import BY_NAME, parse
from mizu.store.settings import Settings
from mizu.wire.obfuscate import encode

PEER = Peer("tcp", "203.0.113.9", 5)


def decoder(**given):
    settings = Settings()
    for name, text in given.items():
        setattr(settings, name, parse(BY_NAME[name], text))
    return Decoder(settings, FakeClock())


def read(text, accept="", **settings):
    return decoder(**settings).request(read_text(text), PEER, True, accept)


# -- the command -----------------------------------------------------------------------------------

@pytest.mark.parametrize("text", [
    "/mvapireq/?apientry=balance&authid=j", "mvapireq?apientry=balance&authid=j", "apientry=BALANCE&authid=j",
    "http://server/mvapireq/?apientry=balance&authid=j", "/mvapireq/balance?authid=j", "/mvapireq/Balance/?authid=j",
    "/mvapi/v2/balance?authid=j", "GET /mvapireq/balance?authid=j HTTP/1.1", '{"apientry": "balance", "authid": "j"}',
    "<a><apientry>balance</apientry><authid>j</authid></a>", "apientry=balance\nauthid=j"])
def test_the_command_is_named_by_apientry_or_by_the_path(text):
    request = read(text)
    assert request.entry == "balance" and request.params["authid"] == "j"


def test_apientry_goes_before_the_path_and_the_path_before_param1():
    assert read("/mvapireq/balance?apientry=credit").entry == "credit"
    assert read("/mvapireq/balance?param1=credit").entry == "balance"


def test_a_request_carries_who_what_when(monkeypatch):
    made = decoder()
    first = made.request(read_text("apientry=x"), PEER, False)
    second = made.request(read_text("apientry=x"), PEER, True)
    assert (first.serial, second.serial) == (1, 2) and (first.direct, second.direct) == (False, True)
    assert first.peer is PEER and first.received == 1_700_000_000.0 and first.syntax == "url"


# -- positions -------------------------------------------------------------------------------------

def test_without_apientry_the_order_is_command_key_user_password_and_the_commands_own():
    """Manual, Parameters: "functionname, apikey, username, password, function parameters"."""
    request = read("/mvapireq/?param1=sms&param2=KEY&param3=john&param4=pass&param5=111&param6=222&param7=hello")
    assert request.entry == "sms"
    assert request.params == {"apientry": "sms", "authkey": "KEY", "authid": "john", "authpwd": "pass",
                              "param1": "111", "param2": "222", "param3": "hello"}


@pytest.mark.parametrize("text", ["/mvapireq/?apientry=sms&param1=111&param2=222",
                                  "/mvapireq/sms?param1=111&param2=222"])
def test_with_a_command_they_are_its_own(text):
    params = read(text).params
    assert params["param1"] == "111" and params["param2"] == "222" and "authkey" not in params


def test_what_is_named_goes_before_its_position():
    params = read("/mvapireq/?authid=jim&param1=sms&param3=john&param5=1&x=y").params
    assert params["authid"] == "jim" and params["param1"] == "1" and params["x"] == "y"
    assert read("/mvapireq/?param1=sms&paramx=1").params["paramx"] == "1"


def test_both_ways_reach_the_command(house):
    for text in ("/mvapireq/?param1=balance&param2=thekey&param3=john&param4=johnpass",
                 f"/mvapireq/?param1=balance&param2=thekey&param3=root&param4=rootpass&param5={house.john}",
                 f"/mvapireq/balance?authkey=thekey&authid=root&authpwd=rootpass&param1=john"):
        assert house.text(text)[1].message == "Your credit is $12.34 USD"


# -- XOR and Base64 --------------------------------------------------------------------------------

XOR = "xorkey"


def test_mcrfs_holds_the_whole_query_or_its_authentication():
    coded = encode("apientry=balance&authkey=KEY&authid=john", XOR)
    request = read(f"/mvapireq/?mcrfs={coded}&format=json", httpapiencryptkey=XOR)
    assert request.entry == "balance" and request.format == "json"
    assert request.params == {"apientry": "balance", "authkey": "KEY", "authid": "john", "format": "json"}
    auth = encode("authkey=KEY&authid=john", XOR)
    assert read(f"/mvapireq/balance?mcrfs={auth}", httpapiencryptkey=XOR).params["authid"] == "john"


def test_mcrfs_may_hold_a_path_and_positions():
    path = encode("/mvapireq/balance?authid=j", XOR)
    assert read(f"/mvapireq/?mcrfs={path}", httpapiencryptkey=XOR).entry == "balance"
    request = read(f"/mvapireq/?mcrfs={encode('param1=balance&param2=KEY', XOR)}", httpapiencryptkey=XOR)
    assert request.entry == "balance" and request.params["authkey"] == "KEY"


def test_oenc1_marks_a_value():
    request = read(f"/mvapireq/?apientry=balance&authpwd=oenc1_{encode('secret', XOR)}", httpapiencryptkey=XOR)
    assert request.params["authpwd"] == "secret"


@pytest.mark.parametrize("query", ["mcrfs=%%%", "mcrfs=AAAB-", "mcrfs=x", "authpwd=oenc1_???"])
def test_what_does_not_decode_gets_400_without_a_hint(query):
    with pytest.raises(ApiError) as refusal:
        read("/mvapireq/?apientry=balance&" + query, httpapiencryptkey=XOR)
    assert refusal.value.code == 400 and refusal.value.message == "the encoded request cannot be read"


def test_without_a_key_mcrfs_is_disabled_and_the_setting_named():
    with pytest.raises(ApiError) as refusal:
        read("/mvapireq/?mcrfs=AAAA")
    assert refusal.value.code == 501 and "httpapiencryptkey" in refusal.value.message


# -- the answer's format ---------------------------------------------------------------------------

@pytest.mark.parametrize("query, accept, settings, format", [
    ("", "", {}, "text"),
    ("&format=json", "text/xml", {"forcehttpcontenttype": "html"}, "json"),
    ("", "text/xml", {"forcehttpcontenttype": "html"}, "html"),
    ("", "text/xml", {}, "xml"), ("", "text/html,application/json;q=0.9", {}, "html"), ("", "*/*", {}, "text"),
    ("", "", {"defhttpcontenttype": "json"}, "json"), ("", "", {"defhttpcontenttype": ""}, "text"),
    ("&format=application/json", "", {}, "json"), ("&format=CSV", "", {}, "csv"),
])
def test_the_format_is_chosen_in_the_manuals_four_steps(query, accept, settings, format):
    assert read("/mvapireq/?apientry=x" + query, accept, **settings).format == format


def test_a_request_in_a_format_expects_it_back():
    assert read('{"apientry":"x"}').format == "json" and read("<a><apientry>x</apientry></a>").format == "xml"
    assert read('{"apientry":"x","format":"text"}').format == "text"


def test_an_unknown_format_is_refused_with_the_known_ones():
    with pytest.raises(ApiError) as refusal:
        read("apientry=x&format=yaml")
    assert refusal.value.code == 400 and "json, xml, text" in refusal.value.message


def test_jsonp_is_501_until_enablejsonp():
    with pytest.raises(ApiError) as refusal:
        read("apientry=x&format=jsonp&callback=f")
    assert (refusal.value.code, refusal.value.message) == (501, "format=jsonp is disabled: set enablejsonp")
    assert read("apientry=x&format=jsonp&callback=f", enablejsonp="1").format == "jsonp"


def test_a_setting_cannot_switch_jsonp_on_by_the_back_door():
    assert read("apientry=x", forcehttpcontenttype="jsonp", defhttpcontenttype="jsonp").format == "text"
    assert read("apientry=x", forcehttpcontenttype="jsonp", enablejsonp="1").format == "jsonp"


@pytest.mark.parametrize("number", "1234")
def test_voicerecdownload_keeps_format_for_its_files(number):
    request = read(f"apientry=voicerecdownload&format={number}")
    assert request.format == "text" and request.params["format"] == number
    with pytest.raises(ApiError):
        read(f"apientry=balance&format={number}")


def test_a_blank_request_has_a_serial_and_a_format_for_its_refusal():
    made = decoder()
    request = made.blank(PEER, "text/xml", "json")
    assert (request.entry, request.serial, request.format) == ("", 1, "xml")
    assert made.blank(PEER, "", "json").format == "json" and made.blank(PEER).format == "text"


# -- batches ---------------------------------------------------------------------------------------

def test_an_array_of_objects_is_a_batch_in_its_order():
    made = decoder()
    body = b'[{"apientry":"a"},{"param1":"b","param2":"K"}]'
    requests = made.request(read_body("application/json", body), PEER, True)
    assert [(r.entry, r.serial, r.format) for r in requests] == [("a", 1, "json"), ("b", 2, "json")]
    assert requests[1].params["authkey"] == "K"


def test_a_batch_has_a_bound():
    parsed = Parsed("json", "", [{"apientry": "a"}] * (MAX_BATCH + 1))
    with pytest.raises(ApiError) as refusal:
        decoder().request(parsed, PEER, True)
    assert refusal.value.code == 400 and str(MAX_BATCH) in refusal.value.message
    with pytest.raises(ApiError):
        read_body("application/json", json.dumps([{"a": "b"}] * (MAX_BATCH + 1)).encode())
