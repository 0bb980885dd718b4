"""Programs are started without a shell, end in time, and say no more than is kept."""

import sys
import time

import pytest

from mizu.base.errors import ApiError
from mizu.net.process import run_program


def python(code, *args, **more):
    return run_program([sys.executable, "-c", code, *args], **more)


def test_what_a_program_says_on_both_streams_and_how_it_ends():
    assert python("import sys; print('one', flush=True); print('two', file=sys.stderr); sys.exit(3)") == \
        (3, "one\ntwo\n")


def test_words_are_arguments_and_no_shell_reads_them():
    code, output = python("import sys; print(sys.argv[1:])", "$(id)", "a b", ";ls", "é")
    assert (code, output) == (0, "['$(id)', 'a b', ';ls', 'é']\n")


def test_it_reads_nothing_and_sees_no_secret_of_ours(monkeypatch):
    monkeypatch.setenv("MIZUD_ADMIN_PASSWORD", "s3cret")
    assert python("import os, sys; print(sys.stdin.read(), 'MIZUD_ADMIN_PASSWORD' in os.environ)") == (0, " False\n")


def test_output_is_kept_up_to_the_limit_and_the_program_still_ends():
    code, output = python("print('x' * 300000)", limit=1000)
    assert code == 0 and output == "x" * 1000


@pytest.mark.parametrize("code", [
    "import time; time.sleep(60)", "import os, time; os.close(1); os.close(2); time.sleep(60)",
    "while True: print('x' * 99999)",
    "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"])
def test_a_program_that_goes_on_is_ended_with_all_it_started(code):
    begun = time.monotonic()
    with pytest.raises(ApiError) as error:
        python(code, seconds=0.3)
    assert error.value.code == 504 and time.monotonic() - begun < 10


@pytest.mark.parametrize("argv", [["/no/such/program"], ["/etc/passwd"], ["ls", "a\0b"]])
def test_what_cannot_be_started_is_told(argv):
    with pytest.raises(ApiError) as error:
        run_program(argv)
    assert error.value.code == 422 and "cannot be started" in error.value.message
