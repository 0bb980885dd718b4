"""Which answers leave after which sync; the real disk is not asked."""

import errno
import os

import pytest

from mizu.base.clock import Clock
from mizu.base.errors import ApiError
from mizu.base.task import spawn
from mizu.store.db import Database
from mizu.store.sync import LOOK, PACE, RELEASED, LogSync


class Loop:
    """A reactor that keeps what threads hand it until turn(), and its timers until pass_time()."""

    def __init__(self):
        self.now = 100.0
        self.calls = []
        self.timers = []
        self.from_thread = self.calls.append
        self.soon = self.calls.append       # for the next turn

    def later(self, seconds, callback):
        self.timers.append((self.now + seconds, callback))

    def pass_time(self, seconds):
        self.now += seconds
        due = [timer for timer in self.timers if timer[0] <= self.now]
        self.timers = [timer for timer in self.timers if timer[0] > self.now]
        for _, callback in due:
            callback()

    def turn(self):
        for _ in range(len(self.calls)):
            self.calls.pop(0)()


class Thread:
    """A thread that runs when the test says so."""

    def __init__(self, turn):
        self.turn = turn
        self.signals = 0

    def signal(self):
        self.signals += 1

    def stop(self, timeout):
        pass


class Disk:
    """Syncs that note their descriptors' files, commit in the middle, or fail."""

    def __init__(self):
        self.synced = []
        self.during = None
        self.error = None

    def __call__(self, fd):
        if self.error:
            raise self.error
        self.synced.append(os.fstat(fd).st_ino)
        if self.during:
            self.during()


@pytest.fixture
def bench(tmp_path):
    log = tmp_path / "mizud.db-wal"
    log.write_bytes(b"log")
    loop, disk, failures = Loop(), Disk(), []
    sync = LogSync(str(log), loop, Thread, failures.append, disk)
    yield sync, loop, disk, failures, log
    sync.close(0)


def test_an_answer_leaves_only_after_the_sync_that_began_after_its_commit(bench):
    sync, loop, disk, _, _ = bench
    sync.committed = 1
    first = sync.wait()
    late = []

    def commit_in_the_middle():
        disk.during = None
        sync.committed = 2
        late.append(sync.wait())
    disk.during = commit_in_the_middle
    sync.turn()
    loop.turn()
    assert first.done and not late[0].done and sync.durable == 1
    sync.turn()
    loop.turn()
    assert late[0].done and sync.durable == 2 and len(disk.synced) == 2


def test_a_group_shares_one_sync_and_what_is_durable_waits_for_none(bench):
    sync, loop, disk, _, _ = bench
    waiting = []
    for sync.committed in range(1, 101):
        waiting.append(sync.wait())
    assert sync.wait() is waiting[-1]
    sync.turn()
    while loop.calls:
        loop.turn()
    assert all(future.done for future in waiting) and len(disk.synced) == 1
    assert sync.wait().done
    sync.turn()
    assert len(disk.synced) == 1


def test_a_turn_of_the_loop_releases_a_bounded_number_in_their_order(bench):
    sync, loop, _, _, _ = bench
    waiting = []
    for sync.committed in range(1, 2 * RELEASED + 10):
        waiting.append(sync.wait())
    sync.turn()
    for released in (RELEASED, 2 * RELEASED, len(waiting)):
        loop.turn()
        assert [future.done for future in waiting] == [number < released for number in range(len(waiting))]
    assert not loop.calls


def test_futures_are_released_in_the_order_of_the_commits(bench):
    sync, loop, disk, _, _ = bench
    order = []
    for sync.committed in (1, 2, 3):
        sync.wait().then(lambda _, number=sync.committed: order.append(number))
    sync.turn()
    loop.turn()
    assert order == [1, 2, 3]


def test_an_error_is_final_and_no_later_sync_makes_it_good(bench):
    sync, loop, disk, failures, _ = bench
    sync.committed = 1
    future = sync.wait()
    disk.error = OSError(errno.EIO, "Input/output error")
    sync.turn()
    loop.turn()
    with pytest.raises(ApiError, match="Input/output error"):
        future.result()
    assert len(failures) == 1
    disk.error = None
    sync.committed = 2
    for _ in range(2):
        with pytest.raises(ApiError):
            sync.wait().result()
        sync.turn()
        loop.turn()
    assert disk.synced == [] and len(failures) == 1


def test_a_sync_that_ended_before_another_failed_releases_nobody_afterwards(bench):
    sync, loop, disk, failures, _ = bench
    sync.committed = 1
    first = sync.wait()
    sync.turn()
    sync.committed = 2
    second = sync.wait()
    disk.error = OSError(errno.EIO, "gone")
    sync.turn()
    loop.turn()
    assert first.done and second.done and len(failures) == 1
    with pytest.raises(ApiError):
        second.result()


def test_the_descriptor_is_opened_again_when_the_log_is_another_file(bench):
    sync, loop, disk, _, log = bench
    for sync.committed in (1, 2):
        sync.wait()
        sync.turn()
    log.rename(log.with_name("old"))
    log.write_bytes(b"new")
    loop.pass_time(LOOK)
    sync.committed = 3
    sync.wait()
    sync.turn()
    assert disk.synced[0] == disk.synced[1] != disk.synced[2] == log.stat().st_ino


def test_a_log_that_is_gone_is_an_error_of_the_sync(bench):
    sync, loop, _, failures, log = bench
    log.unlink()
    sync.committed = 1
    future = sync.wait()
    sync.turn()
    loop.turn()
    assert isinstance(failures[0], FileNotFoundError) and future.done


def test_closing_syncs_for_those_who_still_wait(bench):
    sync, loop, disk, _, _ = bench
    sync.committed = 1
    future = sync.wait()
    sync.close(0)
    assert future.done and len(disk.synced) == 1


def test_a_durable_commit_on_a_turning_loop(live):
    with live.db.unit() as unit:
        unit.run("INSERT INTO tb_users (username) VALUES ('ada')")
    future = live.db.durable()
    assert not future.done
    live.done(future)
    assert live.db._sync.durable == live.db.commits == 1


def test_after_a_failed_sync_the_database_takes_no_writes_and_says_so_to_the_process(live, monkeypatch):
    fatal = []
    live.db.on_fatal = fatal.append

    def broken(fd):
        raise OSError(errno.EIO, "no disk")
    live.db._sync._sync = broken
    with live.db.unit() as unit:
        unit.run("INSERT INTO tb_users (username) VALUES ('ada')")
    with pytest.raises(ApiError, match="no disk"):
        live.done(live.db.durable())
    assert len(fatal) == 1
    for refused in (lambda: spawn(live.db.gate()).result(), lambda: live.db.unit().__enter__(),
                    lambda: live.db.execute("DELETE FROM tb_users").result()):
        with pytest.raises(ApiError) as error:
            refused()
        assert error.value.code == 503


def test_without_a_reactor_everything_is_done_at_once(path):
    db = Database(path, Clock())
    db.open()
    assert db.durable().done and spawn(db.gate()).done
    db.close()


def test_commits_in_quick_succession_share_the_next_sync(bench):
    sync, loop, _, _, _ = bench
    thread = sync._thread
    sync.committed = 1
    sync.wait()
    assert thread.signals == 1, "after a quiet moment at once"
    sync.committed = 2
    sync.wait()
    sync.committed = 3
    sync.wait()
    assert thread.signals == 1 and len(loop.timers) == 1
    loop.pass_time(PACE)
    assert thread.signals == 2 and not loop.timers
