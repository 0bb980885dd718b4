"""A batch: an array of requests that are carried out together or not at all, and answered in one array.

All of them run in one transaction and one turn of the loop: their writes join it, what they do to memory is
taken back with it.  So a command that has to wait for something else than the disk, or that has an effect beside
the database, has no place in a batch.
"""

from ..base.message import Answer
from ..base.task import spawn
from .command import OPEN


def submit_batch(dispatcher, requests, session):
    """[Request] -> a Future of the list of their Answers."""
    return spawn(_run(dispatcher, requests, session))


class _TakenBack(Exception):
    """Leaves the transaction when one of the batch failed."""


async def _run(dispatcher, requests, session):
    db = dispatcher.server.db
    answers = _refused(dispatcher, requests)
    if answers is not None:
        return answers
    answers = []
    await db.gate()
    before = session.user, session.role, session.nonce
    try:
        with db.unit():
            _submit(dispatcher, requests, session, answers)
    except _TakenBack:
        session.user, session.role, session.nonce = before
        _take_back(dispatcher, answers, requests)
    else:
        await db.durable()
    for request, answer in zip(requests, answers):
        dispatcher.audit(request, answer.code)
    if any([answer.code == 401 for answer in answers]):
        held = dispatcher.hold_back(answers)
        return answers if held is answers else await held
    return answers


def _refused(dispatcher, requests):
    """The answers to a batch of which one could not be taken back, None where all can."""
    for index, request in enumerate(requests):
        access = dispatcher.table.get(request.entry)
        if access is not None and (access.action or not access.custom and access.command.alone):
            message = f"ERROR: {request.entry} cannot be taken back and cannot be part of a batch"
            answers = [_not_tried(each) for each in requests]
            answers[index] = Answer(message, code=400, entry=request.entry)
            dispatcher.failures += 1
            return answers
    return None


def _submit(dispatcher, requests, session, answers):
    """Carry out one after another, up to the first that fails."""
    dispatcher.joined = True
    try:
        for request in requests:
            answers.append(dispatcher.submit(request, session))
            if answers[-1].code >= 400:
                raise _TakenBack
    finally:
        dispatcher.joined = False


def _take_back(dispatcher, answers, requests):
    """What was written before the failure was taken back, what was read may be none of what is there, and what came
    behind was not tried."""
    for index, request in enumerate(requests[:len(answers) - 1]):
        command = dispatcher.table[request.entry].command
        word = "not valid" if command is not None and (command.reads or command.access == OPEN) else "taken back"
        answers[index] = Answer(f"ERROR: {word}, another request of the batch failed", code=422, entry=request.entry)
    answers += [_not_tried(request) for request in requests[len(answers):]]


def _not_tried(request):
    return Answer("ERROR: not tried, another request of the batch failed", code=422, entry=request.entry)
