"""STUN against the RFCs' vectors, our own, and a second parser."""

import json
import random
from pathlib import Path

import pytest

from mizu.base.errors import RemoteProtocolError
from mizu.wire import stun
from mizu.wire.stun import (BINDING, ERROR, ERROR_CODE, FINGERPRINT, INDICATION, MESSAGE_INTEGRITY,
                            MESSAGE_INTEGRITY_SHA256, NONCE, REALM, REQUEST, SOFTWARE, SUCCESS, UNKNOWN_ATTRIBUTES,
                            USERHASH, USERNAME, XOR_MAPPED_ADDRESS, error_code, long_term_key, mapped, parse,
                            read_error_code, read_mapped, read_xor_mapped, render, short_term_key,
                            unknown_attributes, userhash, xor_mapped)

from .plain_stun import read

FILE = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "rfc5769.json"
PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt"
MATRIX = "\u30de\u30c8\u30ea\u30c3\u30af\u30b9"
ID = bytes(range(1, 13))
PLAIN = bytes.fromhex("000100002112a4420102030405060708090a0b0c")

OURS = [        # what a Binding is and is answered, octet by octet
    (PLAIN, (REQUEST, BINDING, ID)),
    ("001100002112a4420102030405060708090a0b0c", (INDICATION, BINDING, ID)),
    ("0101000c2112a4420102030405060708090a0b0c" "00200008 0001 3214 e112a643",
     (SUCCESS, BINDING, ID, [(XOR_MAPPED_ADDRESS, xor_mapped("192.0.2.1", 4870, ID))])),
    ("010100182112a4420102030405060708090a0b0c" "00200014 0002 3214 0113a9fa 01020304 05060708 090a0b0d",
     (SUCCESS, BINDING, ID, [(XOR_MAPPED_ADDRESS, xor_mapped("2001:db8::1", 4870, ID))])),
    ("011100102112a4420102030405060708090a0b0c" "00090004 00000414" "000a0002 0003 0000",
     (ERROR, BINDING, ID, [(ERROR_CODE, error_code(420)), (UNKNOWN_ATTRIBUTES, unknown_attributes([3]))])),
    ("3eef00002112a4420102030405060708090a0b0c", (REQUEST, 0xFFF, ID)),
]


@pytest.fixture(scope="module")
def vectors():
    if not FILE.exists():
        pytest.skip(f"{FILE} is missing")
    return {name: bytes.fromhex(text) for name, text in json.loads(FILE.read_text()).items()}


# -- RFC 5769

def test_the_sample_request_is_proven_by_its_password_alone(vectors):
    request = parse(vectors["SAMPLE_REQUEST"])
    assert (request.kind, request.method) == (REQUEST, BINDING)
    assert request.get(SOFTWARE) == b"STUN test client" and request.get(USERNAME) == b"evtj:h6vY"
    assert request.proves(short_term_key(PASSWORD)) and not request.proves(b"another")
    assert request.unknown() == [0x0024]        # PRIORITY is ICE's


@pytest.mark.parametrize("name, host", [
    ("SAMPLE_IPV4_RESPONSE", "192.0.2.1"), ("SAMPLE_IPV6_RESPONSE", "2001:db8:1234:5678:11:2233:4455:6677")])
def test_the_sample_responses_tell_the_address(vectors, name, host):
    response = parse(vectors[name])
    value = response.get(XOR_MAPPED_ADDRESS)
    assert response.kind == SUCCESS and response.proves(short_term_key(PASSWORD))
    assert read_xor_mapped(value, response.id) == (host, 32853) and xor_mapped(host, 32853, response.id) == value


def test_long_term_credentials(vectors):
    request = parse(vectors["SAMPLE_REQUEST_LONG_TERM_AUTH"])
    assert request.get(USERNAME).decode() == MATRIX and request.get(REALM) == b"example.org"
    assert request.proves(long_term_key(MATRIX, "example.org", "TheMatrIX"))
    assert not request.proves(long_term_key(MATRIX, "example.org", "thematrix"))


def test_long_term_credentials_with_sha256_and_a_hidden_name(vectors):
    request = parse(vectors["SAMPLE_REQUEST_LONG_TERM_AUTH_SHA256"])
    key = long_term_key(MATRIX, "example.org", "TheMatrIX")
    assert request.proves(key, MESSAGE_INTEGRITY_SHA256) and not request.proves(key)
    assert request.get(USERHASH) == userhash(MATRIX, "example.org")


@pytest.mark.parametrize("name", ["SAMPLE_REQUEST_LONG_TERM_AUTH", "SAMPLE_REQUEST_LONG_TERM_AUTH_SHA256"])
def test_what_has_zeros_for_padding_is_made_octet_by_octet(vectors, name):
    message = parse(vectors[name])
    type = message.attributes[-1][0]
    assert render(REQUEST, BINDING, message.id, message.attributes[:-1],
                  long_term_key(MATRIX, "example.org", "TheMatrIX"), (type,)) == vectors[name]


def test_no_octet_of_a_vector_may_change(vectors):
    key = short_term_key(PASSWORD)
    for data in (vectors["SAMPLE_REQUEST"], vectors["SAMPLE_IPV6_RESPONSE"]):
        for place in range(len(data)):
            changed = data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1:]
            assert not _is_whole(changed, key), place


def _is_whole(data, key):
    try:
        message = parse(data)
    except RemoteProtocolError:
        return False
    return message.get(FINGERPRINT) is not None and message.proves(key)


# -- our own

@pytest.mark.parametrize("data, facts", OURS)
def test_a_message_is_these_octets_and_back(data, facts):
    data = data if isinstance(data, bytes) else bytes.fromhex(data)
    assert render(*facts) == data
    message = parse(data)
    assert (message.kind, message.method, message.id, message.attributes) == (*facts, [])[:4]


@pytest.mark.parametrize("data", [
    b"", PLAIN[:19], PLAIN + b"\0", b"\x40" + PLAIN[1:], PLAIN[:4] + b"\x21\x12\xa4\x43" + PLAIN[8:],
    PLAIN[:3] + b"\4" + PLAIN[4:], PLAIN[:3] + b"\4" + PLAIN[4:] + b"\0\6\0\1", PLAIN[:3] + b"\2" + PLAIN[4:] + b"\0\6",
    PLAIN[:3] + b"\x08" + PLAIN[4:] + b"\x80\x28\0\4abcd",
    render(REQUEST, BINDING, ID, fingerprint=True)[:-4] + bytes(4)])
def test_what_is_no_message_is_refused(data):
    with pytest.raises(RemoteProtocolError):
        parse(data)


def test_a_fingerprint_stands_last():
    data = render(REQUEST, BINDING, ID, fingerprint=True)
    assert len(data) == 28 and parse(data).get(FINGERPRINT)
    head = data[:3] + b"\x0c" + data[4:20]
    with pytest.raises(RemoteProtocolError):
        parse(head + b"\x80\x28\0\4" + stun._fingerprint(head) + b"\x80\x22\0\0")


@pytest.mark.parametrize("fingerprint", [False, True])
@pytest.mark.parametrize("types", [(MESSAGE_INTEGRITY,), (MESSAGE_INTEGRITY_SHA256,),
                                   (MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256)])
def test_an_integrity_is_proven_by_its_key_with_and_without_a_fingerprint(types, fingerprint):
    message = parse(render(REQUEST, 3, ID, [(USERNAME, b"john"), (NONCE, b"n")], b"key", types, fingerprint))
    assert [message.proves(b"key", type) for type in types] == [True] * len(types)
    assert not any([message.proves(b"kez", type) for type in types])
    assert (message.get(FINGERPRINT) is not None) == fingerprint


def test_what_follows_an_integrity_does_not_count():
    sealed = render(REQUEST, BINDING, ID, [(USERNAME, b"john")], b"key")
    data = sealed[:3] + bytes([len(sealed) - 20 + 8]) + sealed[4:] + b"\0\x14\0\4evil"
    message = parse(data)
    assert message.get(REALM) is None and message.proves(b"key")


@pytest.mark.parametrize("size", [0, 12, 18, 36])
def test_an_integrity_of_another_length_proves_nothing(size):
    message = parse(render(REQUEST, BINDING, ID, [(MESSAGE_INTEGRITY_SHA256, bytes(size))]))
    assert not message.proves(b"key", MESSAGE_INTEGRITY_SHA256)


def test_a_shortened_sha256_is_proven_too():
    whole = parse(render(REQUEST, BINDING, ID, (), b"key", (MESSAGE_INTEGRITY_SHA256,)))
    head = PLAIN[:3] + b"\x14" + PLAIN[4:]      # a length of its own belongs to each size
    value = stun._integrity(head, b"key", MESSAGE_INTEGRITY_SHA256, 16)
    assert value != whole.get(MESSAGE_INTEGRITY_SHA256)[:16]
    assert parse(head + b"\0\x1c\0\x10" + value).proves(b"key", MESSAGE_INTEGRITY_SHA256)


def test_unknown_attributes_are_named_once_and_optional_ones_passed_over():
    message = parse(render(REQUEST, BINDING, ID, [(0x24, b""), (0x7FFF, b"x"), (0x24, b"y"), (0x8000, b""), (6, b"u")]))
    assert message.unknown() == [0x24, 0x7FFF] and message.unknown({0x24, 6}) == [0x7FFF]


@pytest.mark.parametrize("host", ["192.0.2.1", "0.0.0.0", "255.255.255.255", "::1", "2001:db8::ff"])
def test_an_address_goes_there_and_back(host):
    assert read_mapped(mapped(host, 65535)) == (host, 65535)
    assert read_xor_mapped(xor_mapped(host, 0, ID), ID) == (host, 0)


def test_a_scope_is_left_off():
    assert mapped("fe80::1%eth0", 1) == mapped("fe80::1", 1)


@pytest.mark.parametrize("value", [b"", b"\0\1\0", b"\0\1\0\0abc", b"\0\2\0\0abcd", b"\0\3\0\0abcd", bytes(40)])
def test_a_broken_address_is_refused(value):
    for reader in (read_mapped, lambda value: read_xor_mapped(value, ID)):
        with pytest.raises(RemoteProtocolError):
            reader(value)


def test_an_error_is_a_number_and_a_reason():
    assert read_error_code(error_code(438, "Stale Nonce")) == (438, "Stale Nonce")
    for value in (b"", b"\0\0\2\0", b"\0\0\4\x64", b"\0\0\7\0"):
        with pytest.raises(RemoteProtocolError):
            read_error_code(value)


def test_keys_see_through_spelling_but_not_through_case():
    assert long_term_key("e\u0301", "r", "a\u00a0b") == long_term_key("\u00e9", "r", "a b")
    assert long_term_key("u", "r", "P") != long_term_key("u", "r", "p")
    assert long_term_key("user", "realm", "pass").hex() == "8493fbc53ba582fb4c044c456bdc40eb"
    assert len(long_term_key("u", "r", "p", "sha256")) == 32


# -- whatever comes

SEEDS = [render(*facts) for _, facts in OURS] + [
    render(REQUEST, BINDING, ID, [(USERNAME, b"evtj:h6vY"), (SOFTWARE, b"x" * 21)], b"key", fingerprint=True),
    render(REQUEST, BINDING, ID, [(USERNAME, b"u"), (NONCE, b"n" * 9)], b"key",
           (MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256)),
    render(REQUEST, 4, ID, [(USERHASH, bytes(32))], b"key", (MESSAGE_INTEGRITY_SHA256,), True),
    render(SUCCESS, BINDING, ID, [(0x8000 + each, bytes(each)) for each in range(9)], fingerprint=True)]


def mutated(dice):
    """A message with a few octets changed, attributes added behind; often with a length or fingerprint that fits."""
    data = bytearray(dice.choice(SEEDS))
    for _ in range(dice.randrange(4)):
        data[dice.randrange(len(data))] = dice.choice((0, 1, 4, 8, 0x14, 0x1C, 0x80, dice.randrange(256)))
    for _ in range(dice.choice((0, 0, 0, 1, 2))):
        value = bytes(dice.randrange(9))
        data += dice.choice((6, 8, 0x1C, 0x8022, 0x24)).to_bytes(2, "big") + len(value).to_bytes(2, "big") + value
        data += bytes(-len(value) % 4)
    if dice.random() < 0.1:
        del data[dice.randrange(len(data)):]
    if dice.random() < 0.6 and len(data) >= 20:
        data[2:4] = (len(data) - 20).to_bytes(2, "big")
        if dice.random() < 0.5:
            behind = dice.choice((b"", b"", b"\x80\x22\0\0"))
            data[2:4] = (len(data) - 12 + len(behind)).to_bytes(2, "big")
            data += b"\x80\x28\0\4" + stun._fingerprint(bytes(data)) + behind
    return bytes(data)


def test_two_parsers_agree_on_twenty_thousand_messages():
    dice, accepted, exact = random.Random(8489), 0, 0
    for _ in range(20_000):
        data = mutated(dice)
        try:
            message = parse(data)
            found = message.kind, message.method, message.id, message.attributes
        except RemoteProtocolError:
            found = None
        assert found == read(data), data.hex()
        if found is None:
            continue
        accepted += 1
        for type in (MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256):
            message.proves(b"key", type)
        marked = message.get(FINGERPRINT) is not None
        again = render(message.kind, message.method, message.id,
                       [each for each in message.attributes if each[0] != FINGERPRINT], fingerprint=marked)
        if len(again) == len(data):         # nothing was left out
            second = parse(again)
            kept = [each for each in message.attributes if each[0] != FINGERPRINT]
            assert kept == [each for each in second.attributes if each[0] != FINGERPRINT]
            exact += again == data
    assert 6000 < accepted < 16_000 and exact > 4000, (accepted, exact)
