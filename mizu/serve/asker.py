"""From a parsed request to its rendered answer: the part that every transport shares.

ask() takes what formats/ read and gives an Answer (a list of them for a batch) or a Future of one.
"""

from ..api.batch import submit_batch
from ..base.errors import ApiError
from ..base.message import Answer
from ..formats.answer import render, render_batch


class Asker:
    """decoder, dispatcher: of the api room."""

    def __init__(self, decoder, dispatcher):
        self.decoder = decoder
        self.dispatcher = dispatcher

    def ask(self, parsed, peer, session, direct, accept=""):
        """(Request, Answer or Future); the Request is the first of a batch."""
        try:
            request = self.decoder.request(parsed, peer, direct, accept)
        except ApiError as error:
            return self.refused(error, peer, accept, parsed.syntax)
        if request.__class__ is list:
            return request[0], submit_batch(self.dispatcher, request, session)
        return request, self.dispatcher.submit(request, session)

    def refused(self, error, peer, accept="", syntax="url"):
        """(Request, Answer) for what could not be decoded."""
        request = self.decoder.blank(peer, accept, syntax)
        self.dispatcher.failures += 1
        return request, Answer("ERROR: " + error.message, code=error.code, control=error.control)


def body_of(request, answer):
    """The bytes of an Answer, or of a batch's list of them, in the format the request asks for."""
    if answer.__class__ is list:
        return render_batch(answer)
    try:
        return render(answer, request.format, request.params.get("callback", ""))
    except ApiError as error:
        request.format = "text"
        return render(Answer("ERROR: " + error.message, code=error.code, entry=request.entry), "text")


def code_of(answer):
    """The code that stands for an Answer, or for a batch: that of its first failure."""
    if answer.__class__ is list:
        return next((each.code for each in answer if each.code >= 400), 200)
    return answer.code
