"""A batch: an array of requests that are carried out together or not at all, and answered in one array.

All of them run in one transaction and one turn of the loop: their writes join it, what they do to memory is
taken back with it.  So a command that has to wait for something else than the disk has no place in a batch.
"""

from ..base.message import Answer
from ..base.task import Future, spawn


def submit_batch(dispatcher, requests, session):
    """[Request] -> a Future of the list of their Answers."""
    return spawn(_run(dispatcher, requests, session))


class _TakenBack(Exception):
    """Leaves the transaction when one of the batch failed."""


async def _run(dispatcher, requests, session):
    db = dispatcher.server.db
    answers = []
    await db.gate()
    try:
        with db.unit():
            for request in requests:
                answers.append(await _answer(dispatcher.submit(request, session), request))
                if answers[-1].code >= 400:
                    raise _TakenBack
    except _TakenBack:
        answers = _with_the_rest(answers, requests)
    else:
        await db.durable()
    return answers


async def _answer(outcome, request):
    """The Answer, which must be there already: the transaction cannot wait."""
    if outcome.__class__ is not Future:
        return outcome
    if outcome.done:
        return outcome.result()
    return Answer(f"ERROR: {request.entry} has to wait and cannot be part of a batch", code=400, entry=request.entry)


def _with_the_rest(answers, requests):
    """What succeeded before the failure was taken back, and what came behind it was not tried."""
    for answer in answers[:-1]:
        answer.code, answer.data = 422, None
        answer.message = "ERROR: taken back, another request of the batch failed"
    rest = [Answer("ERROR: not tried, another request of the batch failed", code=422, entry=request.entry)
            for request in requests[len(answers):]]
    return answers + rest
