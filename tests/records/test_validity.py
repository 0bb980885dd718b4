"""Dates of certificates."""

import base64
import subprocess
from datetime import datetime, timezone

import pytest

from formats.mutate import mutations
from mizu.records.validity import validities, validity


def element(tag, contents):
    size = len(contents)
    if size < 0x80:
        return bytes([tag, size]) + contents
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + contents


def certificate(begins=(0x17, b"250131120000Z"), ends=(0x17, b"260131120000Z"), version=True, issuer=b""):
    tbs = element(0xA0, element(2, b"\x02")) if version else b""
    tbs += element(2, b"\x05") + element(0x30, b"\x06\x01\x2a") + element(0x30, issuer)
    tbs += element(0x30, element(*begins) + element(*ends)) + element(0x30, b"subject")
    return element(0x30, element(0x30, tbs) + element(0x30, b"") + element(3, b"\0signature"))


def pem(der):
    return f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(der).decode()}-----END CERTIFICATE-----\n"


def unix(*parts):
    return datetime(*parts, tzinfo=timezone.utc).timestamp()


def test_both_kinds_of_dates_with_and_without_a_version():
    assert validity(certificate()) == (unix(2025, 1, 31, 12), unix(2026, 1, 31, 12))
    assert validity(certificate((0x17, b"500101000000Z"), (0x18, b"20500101000001Z"), False, bytes(300))) == (
        unix(1950, 1, 1), unix(2050, 1, 1, 0, 0, 1))
    assert validity(certificate(ends=(0x18, b"99991231235959Z")))[1] == unix(9999, 12, 31, 23, 59, 59)


def test_a_chain_has_the_dates_of_all():
    text = "key\n" + pem(certificate()) + "comment\n" + pem(certificate(ends=(0x17, b"270131120000Z")))
    assert [ends for _, ends in validities(text)] == [unix(2026, 1, 31, 12), unix(2027, 1, 31, 12)]
    assert validities("nothing") == validities("") == []


@pytest.mark.parametrize("der", [
    b"", b"\x30", b"\x30\x80", b"\x31\x00", certificate()[:-1], certificate()[:40],
    certificate((0x16, b"250131120000Z")),
    certificate((0x17, b"250231120000Z")), certificate((0x17, b"2501311200Z")), certificate((0x18, b"250131120000Z")),
    b"\x30\xff" + bytes(200)])
def test_what_is_no_certificate_is_refused(der):
    with pytest.raises(ValueError):
        validity(der)
    with pytest.raises(ValueError):
        validities(pem(der) if der else "-----BEGIN CERTIFICATE-----\n=\n-----END CERTIFICATE-----")


def test_a_certificate_of_openssl(tmp_path):
    try:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "2", "-subj", "/CN=localhost", "-out", tmp_path / "c", "-keyout", tmp_path / "k"],
                       check=True, capture_output=True, timeout=30)
    except FileNotFoundError:
        pytest.skip("there is no openssl to make a certificate")
    (begins, ends), = validities((tmp_path / "c").read_text())
    assert ends - begins == 2 * 86400
    told = subprocess.run(["openssl", "x509", "-in", tmp_path / "c", "-noout", "-enddate"], capture_output=True,
                          text=True)
    assert datetime.strptime(told.stdout.strip(), "notAfter=%b %d %H:%M:%S %Y GMT").replace(
        tzinfo=timezone.utc).timestamp() == ends


def plain(der):
    """The same by recursion over whole elements; None for what is refused."""
    def split(data):
        found = []
        while data and (not found or len(found) < 6):
            if len(data) < 2:
                return found + [None]
            tag, size, data = data[0], data[1], data[2:]
            if size == 0x80:
                return found + [None]
            if size > 0x80:
                count = size - 0x80
                if count > len(data):
                    return found + [None]
                size, data = int.from_bytes(data[:count], "big"), data[count:]
            if size > len(data):
                return found + [None]
            found.append((tag, data[:size]))
            data = data[size:]
        return found

    def only(elements, *tags):
        assert len(elements) >= len(tags)
        for each, tag in zip(elements, tags):
            assert each is not None and each[0] == tag
        return [contents for _, contents in elements[:len(tags)]]

    def moment(each):
        tag, text = each
        text = text.decode("ascii")
        assert tag in (0x17, 0x18) and len(text) == (13 if tag == 0x17 else 15) and text[-1] == "Z"
        assert all(c in "0123456789" for c in text[:-1])
        if tag == 0x17:
            text = ("19" if text[:2] >= "50" else "20") + text
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()

    try:
        tbs, = only(split(only(split(der), 0x30)[0]), 0x30)
        parts = split(tbs)
        if parts and parts[0] is not None and parts[0][0] == 0xA0:
            parts = parts[1:]
        dates = only(parts, 2, 0x30, 0x30, 0x30)[3]
        begins, ends = split(dates)[:2]
        return moment(begins), moment(ends)
    except (AssertionError, ValueError, TypeError, IndexError, UnicodeDecodeError):
        return None


@pytest.mark.slow
def test_mutated_certificates_are_read_as_a_plain_reader_reads_them_or_refused():
    seeds = [certificate(), certificate(issuer=bytes(200)), certificate(version=False, issuer=b"CN"),
             certificate((0x18, b"20250131120000Z"), (0x18, b"20350131120000Z"))]
    accepted = 0
    for der in mutations(seeds, 20_000, [b"\x30", b"\x80", b"\x81", b"\x17\x0d", b"2", b"Z", b"\x84\xff\xff\xff\xff"]):
        try:
            read = validity(der)
        except ValueError:
            read = None
        assert read == plain(der), der
        accepted += read is not None
    assert 3000 < accepted < 19_000
