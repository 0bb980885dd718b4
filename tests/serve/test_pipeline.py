"""Answers leave in the order of the requests, in one send a read, and never more than there is room for."""

import pytest

from mizu.base.clock import FakeClock
from mizu.base.task import Future
from mizu.serve.pieces import PIECE, Pieces
from mizu.serve.pipeline import HIGH_WATER, LARGE, MOST, Pipeline

from .talk import FakeReactor
from .web import FakeWorkers, WebStream


@pytest.fixture
def stream():
    return WebStream(FakeReactor(FakeClock()))


@pytest.fixture
def line(stream):
    stream.resumed = 0

    def resume():
        stream.resumed += 1
    made = Pipeline(stream, resume)
    stream.protocol = made
    return made


def put(line, count):
    futures = [Future() for _ in range(count)]
    for number, future in enumerate(futures):
        line.wait(future, lambda answer, number=number: b"%d:%s;" % (number, answer))
    return futures


def test_ready_answers_leave_with_one_send(stream, line):
    line.add(b"a")
    line.add(b"b")
    assert stream.sends == 0 and not line.idle
    line.flush()
    assert (stream.sent, stream.sends, line.idle) == (b"ab", 1, True)


def test_an_answer_to_come_holds_back_those_behind_it(stream, line):
    first, second = put(line, 2)
    line.add(b"ready")
    line.flush()
    second.set(b"B")
    assert stream.sent == b"" and not line.idle
    first.set(b"A")
    assert (stream.sent, stream.sends) == (b"0:A;1:B;ready", 1) and line.idle


def test_a_future_that_is_done_takes_no_slot(stream, line):
    future = Future()
    future.set(b"x")
    line.wait(future, lambda answer: answer)
    line.flush()
    assert stream.sent == b"x"


def test_a_full_pipeline_holds_until_one_has_left(stream, line):
    futures = put(line, MOST)
    assert line.held
    futures[1].set(b"")
    assert line.held and stream.resumed == 0
    futures[0].set(b"")
    assert not line.held and stream.resumed == 1


def test_answers_behind_a_late_one_count_as_under_way(line):
    put(line, 1)
    for _ in range(MOST - 1):
        line.add(b"x")
    assert line.held


def test_a_slow_reader_holds_until_he_has_read(stream, line):
    stream.full = True
    line.add(bytes(HIGH_WATER + 1))
    assert line.held
    line.drained()
    assert line.held and stream.resumed == 0
    stream.pending = 0
    line.drained()
    assert not line.held and stream.resumed == 1


def test_large_answers_are_not_collected(stream, line):
    line.add(b"small")
    line.add(bytes(LARGE))
    assert len(stream.sent) == LARGE + 5


def test_later_goes_on_in_another_turn(stream, line):
    line.later()
    assert line.held and stream.resumed == 0
    stream.reactor.turn()
    assert not line.held and stream.resumed == 1


def test_closing_waits_for_the_last_answer(stream, line):
    future, = put(line, 1)
    line.closing = True
    line.flush()
    assert stream.open
    future.set(b"x")
    assert not stream.open and stream.sent == b"0:x;"


def test_closing_an_idle_pipeline_closes_at_the_next_flush(stream, line):
    line.closing = True
    line.flush()
    assert not stream.open


def test_a_lost_stream_forgets_its_answers(stream, line):
    rendered = []
    future = Future()
    line.wait(future, rendered.append)
    line.drop()
    future.set(b"late")
    assert rendered == [] and stream.sent == b"" and line.held and stream.resumed == 0


def test_one_that_wants_to_be_alone_holds_all_others(stream, line):
    future = Future()
    line.wait(future, lambda answer: answer, alone=True)
    assert line.held
    future.set(b"x")
    assert not line.held and stream.sent == b"x"
    put(line, 1)
    assert not line.held


class Disk:
    """An open file of `length` bytes."""

    def __init__(self, length):
        self.left = length
        self.closed = False

    def read(self, size):
        size = min(size, self.left)
        self.left -= size
        return b"x" * size

    def close(self):
        self.closed = True


def begin(line, on_disk, promised):
    disk, workers, future = Disk(on_disk), FakeWorkers(), Future()
    line.wait(future, lambda answer: answer, alone=True)
    future.set(Pieces(b"head", disk, promised, workers))
    return disk, workers


def test_a_file_leaves_in_pieces_and_the_next_answer_behind_it(stream, line):
    disk, workers = begin(line, PIECE + 10, PIECE + 10)
    line.add(b"next")
    assert stream.sent == b"head" and line.held
    workers.work()
    assert len(stream.sent) == 4 + PIECE and not disk.closed
    workers.work()
    assert stream.sent.endswith(b"xnext") and len(stream.sent) == 4 + PIECE + 10 + 4
    assert disk.closed and not line.held and line.idle


def test_pieces_are_read_as_fast_as_the_peer_reads(stream, line):
    disk, workers = begin(line, 10 * PIECE, 10 * PIECE)
    stream.full = True
    for _ in range(10):
        workers.work()
    assert stream.pending <= HIGH_WATER + PIECE
    for _ in range(10):
        stream.read()
        workers.work()
    assert len(stream.sent) == 4 + 10 * PIECE and disk.closed


def test_a_file_that_became_shorter_breaks_the_connection(stream, line):
    disk, workers = begin(line, 10, 20)
    workers.work()
    workers.work()
    assert stream.aborted and disk.closed


def test_a_lost_stream_closes_its_file_once_no_worker_has_it(stream, line):
    disk, workers = begin(line, 10 * PIECE, 10 * PIECE)
    line.drop()
    assert not disk.closed
    workers.work()
    assert disk.closed and stream.sent == b"head"
