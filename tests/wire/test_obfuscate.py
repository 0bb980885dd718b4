"""XOR and Base64 as the manual has them, and nothing that only looks like it."""

import base64
import random

import pytest

from mizu.base.errors import ApiError
from mizu.wire.obfuscate import decode, encode, reveal

KEY = "secret"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_."


def plain_encode(text, key):
    """The manual's sentence, a byte at a time."""
    mixed = bytes((ord(char) ^ key[at % len(key)]) % 128 for at, char in enumerate(text))
    return base64.b64encode(mixed).decode().replace("=", "-").replace("+", "_").replace("/", ".")


def plain_decode(text, key):
    """A second reader: bits by hand; None for what is refused."""
    body = text.rstrip("-")
    if len(text) % 4 or len(text) - len(body) > 2 or any(char not in ALPHABET for char in body):
        return None
    bits = "".join(format(ALPHABET.index(char), "06b") for char in body)
    used = len(bits) // 8 * 8
    if "1" in bits[used:] or len(bits) - used >= 6:
        return None
    mixed = [int(bits[at:at + 8], 2) for at in range(0, used, 8)]
    chars = [chr((byte ^ key[at % len(key)]) % 128) for at, byte in enumerate(mixed)]
    good = all(byte < 128 for byte in mixed) and all(" " <= char <= "~" or char in "\t\r\n" for char in chars)
    return "".join(chars) if good else None


def test_the_encoding_is_the_manuals():
    assert encode("apientry=balance", "key") == plain_encode("apientry=balance", b"key")
    assert encode("A", "\x01") == "QA--"
    assert encode("\x7f\x7f?", "\x01") == base64.b64encode(b"~~>").decode().replace("+", "_")
    assert encode("", KEY) == "" and decode("", KEY) == ""


def test_a_key_may_hold_any_bytes_and_counts_mod_128():
    assert encode("abc", b"\x81\xff\x00") == encode("abc", b"\x01\x7f\x00")
    assert decode(encode("abc", "ключ"), "ключ".encode()) == "abc"
    assert decode(encode("abc", "\udcff"), b"\xff") == "abc"


def test_text_that_would_not_survive_is_not_encoded():
    with pytest.raises(ValueError):
        encode("é", KEY)


@pytest.mark.parametrize("text", [
    "a", "ab", "abc", "QA==", "Q+--", "QA-", "QB--", "Q---", "----", "QA--QA--", "QA-A", "Q A-", "QA--\n", "é===",
    "\ud800", "\0\0\0\0", base64.b64encode(b"\xc1").decode().replace("=", "-"),
])
def test_what_encode_cannot_have_made_is_refused_in_one_wording(text):
    with pytest.raises(ApiError) as fault:
        decode(text, b"\x01")
    assert (fault.value.code, fault.value.message) == (400, "the encoded request cannot be read")


def test_control_characters_but_tab_and_line_breaks_are_refused_like_a_wrong_key():
    assert decode(encode("a\tb\r\n", KEY), KEY) == "a\tb\r\n"
    for bad in ("\0", "\x1b", "\x7f"):
        with pytest.raises(ApiError) as fault:
            decode(encode("ab" + bad, KEY), KEY)
        assert fault.value.message == "the encoded request cannot be read"


def test_without_a_key_the_setting_is_named():
    for params in ({"mcrfs": "QA--"}, {"a": "oenc1_QA--"}, {"mcrfs": ""}):
        with pytest.raises(ApiError) as fault:
            reveal(params, "")
        assert (fault.value.code, fault.value.message) == (501, "encryption is disabled: set httpapiencryptkey")


def test_parameters_in_clear_pass_without_a_key():
    params = {"apientry": "balance", "txt": "an oenc1_ inside"}
    assert reveal(params, "") is params


@pytest.mark.parametrize("text", [
    "apientry=sms&authkey=k&txt=a%20b", "/mvapireq/?apientry=sms&authkey=k&txt=a+b", "/mvapireq/sms?authkey=k&txt=a+b",
    "http://10.2.2.2/mvapireq/?apientry=sms&authkey=k&txt=a+b", "mvapireq?apientry=sms&authkey=k&txt=a+b",
])
def test_mcrfs_replaces_the_whole_query(text):
    assert reveal({"mcrfs": encode(text, KEY)}, KEY) == {"apientry": "sms", "authkey": "k", "txt": "a b"}


def test_a_question_mark_in_a_value_begins_no_query():
    assert reveal({"mcrfs": encode("txt=why?&a=1", KEY)}, KEY) == {"txt": "why?", "a": "1"}


def test_mcrfs_replaces_the_authentication_part_and_counts_first():
    params = {"apientry": "balance", "authid": "mallory", "mcrfs": encode("authid=alice&authpwd=p", KEY)}
    assert reveal(params, KEY) == {"apientry": "balance", "authid": "alice", "authpwd": "p"}


def test_a_value_is_opened_and_not_split():
    params = {"txt": "oenc1_" + encode("a=1&b=%20", KEY), "bnum": "123", "empty": "oenc1_"}
    assert reveal(params, KEY) == {"txt": "a=1&b=%20", "bnum": "123", "empty": ""}


def test_values_inside_mcrfs_are_opened_and_nothing_twice():
    inner = encode("oenc1_QA--", KEY)
    text = f"authpwd=oenc1_{inner}&mcrfs=x"
    assert reveal({"mcrfs": encode(text, KEY)}, KEY) == {"authpwd": "oenc1_QA--"}


def test_mutated_texts_are_read_as_by_a_second_reader_and_written_back_the_same():
    rng = random.Random(12)
    accepted = refused = 0
    for _ in range(20_000):
        key = rng.randbytes(rng.randrange(1, 9))
        plain = "".join(chr(rng.choice((9, 10, 13, *range(32, 127)))) for _ in range(rng.randrange(20)))
        text = encode(plain, key)
        assert text == plain_encode(plain, key)
        assert decode(text, key) == plain
        for _ in range(rng.randrange(3)):
            at = rng.randrange(len(text) + 1)
            text = text[:at] + rng.choice([*"AQz09_.-=+/ \n", "é", "", "QUJD"]) + text[at + rng.randrange(2):]
        try:
            read = decode(text, key)
        except ApiError as error:
            assert error.code == 400
            read = None
        assert read == plain_decode(text, key), (text, key)
        if read is None:
            refused += 1
        else:
            assert encode(read, key) == text
            accepted += 1
    assert accepted > 5000 and refused > 3000


def test_a_long_text_takes_one_pass():
    text = "x" * 1_000_000
    assert decode(encode(text, KEY), KEY) == text
