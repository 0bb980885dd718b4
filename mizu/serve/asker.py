"""From a parsed request to its rendered answer: the part that every transport shares.

ask() takes what formats/ read and gives an Answer (a list of them for a batch) or a Future of one, which never
fails: a fault of ours is logged with the request's serial and answered with 500.
"""

from ..api.batch import submit_batch
from ..base.errors import ApiError
from ..base.log import where
from ..base.message import Answer, RowStream, Rows
from ..base.task import Future, spawn
from ..formats.answer import RENDER, render, render_batch
from ..formats.streamed import STREAMED, thinned


MOST_GATHERED = 10_000
"""Rows of a long table where it has to be one piece: 10 MB, 50 ms to render."""


class Asker:
    """decoder, dispatcher: of the api room."""

    def __init__(self, decoder, dispatcher):
        self.decoder = decoder
        self.dispatcher = dispatcher

    def ask(self, parsed, peer, session, direct, accept="", streams=False):
        """(Request, Answer or Future); the Request is the first of a batch.

        streams     the transport takes a RowStream; for others, and in formats that cannot, it becomes Rows
        """
        try:
            request = self.decoder.request(parsed, peer, direct, accept)
        except ApiError as error:
            asked = parsed.params.get("format") if parsed.params.__class__ is dict else ""
            return self.refused(error, peer, accept, parsed.syntax, asked)
        if request.__class__ is list:
            return request[0], self._batch(request, session)
        answer = self.dispatcher.submit(request, session)
        if answer.__class__ is Future and not (streams and request.format in STREAMED):
            answer = self._gathered(request, answer)
        return request, answer

    def refused(self, error, peer, accept="", syntax="url", asked=""):
        """(Request, Answer) for what could not be decoded; `asked` is its `format`, as far as it could be read."""
        request = self.decoder.blank(peer, accept, syntax, asked)
        self.dispatcher.failures += 1
        return request, Answer("ERROR: " + error.message, code=error.code, control=error.control)

    def body(self, request, answer):
        """The bytes of an Answer, or of a batch's list of them, in the format the request asks for."""
        try:
            if answer.__class__ is list:
                return render_batch(answer)
            plain = RENDER.get(request.format)
            return plain(answer) if plain else render(answer, request.format, request.params.get("callback", ""))
        except ApiError as error:
            return self._instead(request, answer, error.code, error.message)
        except Exception as error:
            return self._instead(request, answer, 500, self._bug(request, error))

    def _batch(self, requests, session):
        answer = Future()
        submit_batch(self.dispatcher, requests, session).then(lambda done: answer.set(self._settled(requests, done)))
        return answer

    def _settled(self, requests, done):
        """What a batch came to; the database may refuse it as a whole."""
        try:
            return done.result()
        except ApiError as error:
            code, message = error.code, error.message
        except Exception as error:
            code, message = 500, self._bug(requests[0], error)
        return [Answer("ERROR: " + message, code=code, entry=request.entry) for request in requests]

    def _gathered(self, request, future):
        """A Future of the same Answer, with Rows in place of a RowStream."""
        gathered = Future()

        def arrived(done):
            answer = done.result()
            if answer.data.__class__ is not RowStream:
                return gathered.set(answer)
            spawn(self._gather(request, answer)).then(lambda done: gathered.set(done.result()))
        future.then(arrived)
        return gathered

    async def _gather(self, request, answer):
        """The Answer with as many rows as it may hold, and a warning where there are more."""
        stream, rows = answer.data, []
        try:
            while len(rows) <= MOST_GATHERED and (more := await stream.more()):
                rows += more
        except ApiError as error:
            return Answer("ERROR: " + error.message, code=error.code, entry=answer.entry)
        except Exception as error:
            return Answer("ERROR: " + self._bug(request, error), code=500, entry=answer.entry)
        if len(rows) > MOST_GATHERED:
            answer.warning = f"only the first {MOST_GATHERED} rows: use limit, or HTTP and one of csv json xml text"
        rows = Rows(stream.columns, rows[:MOST_GATHERED], len(rows) > MOST_GATHERED)
        answer.data = [thinned(row) for row in rows.dicts()] if stream.thin else rows
        return answer

    def _instead(self, request, answer, code, message):
        """The body of an answer that could not be rendered; the Answer takes the code."""
        if answer.__class__ is not list:
            answer.code = code
        request.format = "json" if request.format == "json" or answer.__class__ is list else "text"
        return render(Answer("ERROR: " + message, code=code, entry=request.entry), request.format)

    def _bug(self, request, error):
        self.dispatcher.failures += 1
        self.dispatcher.server.log.error(f"{request.entry} failed: {where(error)}", serial=request.serial)
        return f"internal error, see the server's log, request {request.serial}"


def code_of(answer):
    """The code that stands for an Answer, or for a batch: that of its first failure."""
    if answer.__class__ is list:
        return next((each.code for each in answer if each.code >= 400), 200)
    return answer.code
