"""SIP on the main port: a proper 501 (RFC 3261 8.2.6)."""

import random

import pytest

from mizu.serve.sipport import MAX_HEAD, SipRefused, refusal

INVITE = (b"INVITE sip:bob@h SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nv: SIP/2.0/TCP b\r\n ;branch=z9hG4bK2\r\n"
          b"Max-Forwards: 70\r\nf: <sip:alice@h>;tag=1\r\nTo: Bob <sip:bob@h;tag=no>\r\ni: 7@a\r\nCSeq: 1 INVITE\r\n"
          b"X-Secret: s\r\nContent-Length: 4")
ANSWER = (b"SIP/2.0 501 Not Implemented\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nVia: SIP/2.0/TCP b ;branch=z9hG4bK2\r\n"
          b"From: <sip:alice@h>;tag=1\r\nTo: Bob <sip:bob@h;tag=no>;tag=TAG\r\nCall-ID: 7@a\r\nCSeq: 1 INVITE\r\n"
          b"Content-Length: 0\r\n\r\n")


def test_the_answer_carries_what_the_request_must_be_known_by():
    assert refusal(INVITE, "TAG") == ANSWER


def test_a_to_with_a_tag_keeps_it():
    assert b"To: <sip:bob@h>;tag=2\r\n" in refusal(INVITE.replace(b"Bob <sip:bob@h;tag=no>", b"<sip:bob@h>;tag=2"), "TAG")


@pytest.mark.parametrize("head", [
    INVITE.replace(b"INVITE", b"ACK"), b"SIP/2.0 200 OK" + INVITE[24:], INVITE.replace(b"CSeq", b"Seq"),
    INVITE.replace(b"Via", b"X").replace(b"\nv:", b"\nx:"), INVITE + b"\r\nTo: <sip:c@d>", b"", b"\xff"])
def test_what_cannot_or_may_not_be_answered_is_not(head):
    assert refusal(head, "TAG") == b""


def test_over_a_stream_it_is_answered_once_and_closed(web):
    stream = web.connect()
    for byte in INVITE + b"\r\n\r\nbody":
        if stream.open:
            stream.say(bytes([byte]))
    assert stream.sent.startswith(b"SIP/2.0 501 ") and stream.sent.count(b"Call-ID: 7@a") == 1 and not stream.open


def test_a_head_without_an_end_is_dropped_at_its_limit_and_at_its_deadline(web):
    stream = web.connect()
    stream.say(INVITE + b"\r\nX: " + b"x" * MAX_HEAD)
    assert not stream.open and stream.sent == b""
    slow = web.connect()
    slow.say(INVITE)
    assert type(slow.protocol) is SipRefused
    slow.expire(5)
    assert slow.aborted


def test_mutations_give_an_answer_whose_lines_are_of_the_request_or_none():
    rng = random.Random(3261)
    answered = 0
    for _ in range(20_000):
        head = bytearray(INVITE)
        for _ in range(rng.randrange(4)):
            at = rng.randrange(len(head))
            head[at:at + rng.randrange(3)] = bytes(rng.randrange(256) for _ in range(rng.randrange(3)))
        answer = refusal(bytes(head), "TAG")
        if answer:
            answered += 1
            first, *lines, length, _, _ = answer.decode().split("\r\n")
            assert first == "SIP/2.0 501 Not Implemented" and length == "Content-Length: 0"
            assert {line.partition(":")[0] for line in lines} == {"Via", "From", "To", "Call-ID", "CSeq"}
            assert len(answer) < len(head) * 3 + 200
            said = "".join(head.decode("utf-8", "replace").split())
            assert all("".join(line.partition(":")[2].removesuffix(";tag=TAG").split()) in said for line in lines)
            assert not any(mark in line for line in lines for mark in "\r\n\0")
    assert 5_000 < answered < 19_000
