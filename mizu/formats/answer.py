"""Answer -> bytes in any format of the manual: one row a format.  Knows no HTTP but the value of Content-Type."""

import re

from ..base.errors import ApiError
from .csv_out import render_csv
from .html_out import render_html
from .json_out import render_json, render_jsonp
from .text_out import render_line, render_text, render_url
from .xml_out import render_soap, render_xml

CONTENT_TYPE = {
    "json": "application/json",             # always UTF-8 (RFC 8259 8.1), a parameter would mean nothing
    "xml": "text/xml; charset=utf-8",
    "text": "text/plain; charset=utf-8",
    "line": "text/plain; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "url": "application/x-www-form-urlencoded",
    "soap": "application/soap+xml; charset=utf-8",
    "jsonp": "application/javascript; charset=utf-8",
    "cleartext": "text/plain; charset=utf-8",
    "csv": "text/csv; charset=utf-8; header=present",
    "pcap": "text/plain; charset=utf-8",    # the capture itself is a Blob; this is for what else is said
}

RENDER = {
    "json": render_json, "xml": render_xml, "text": render_text, "line": render_line, "html": render_html,
    "url": render_url, "soap": render_soap, "cleartext": render_text, "csv": render_csv,
    "pcap": render_text,
}

_CALLBACK = re.compile(r"[\w.$]{1,64}", re.ASCII)


def render(answer, format, callback="", csvsafe=False):
    """The whole body.  `callback` is for jsonp, `csvsafe` for csv; ApiError 400 if a callback is missing or no name."""
    if format == "jsonp":
        judge_callback(callback)
        return render_jsonp(answer, callback)
    if csvsafe and format == "csv":
        return render_csv(answer, True)
    return RENDER[format](answer)


def judge_callback(name):
    """ApiError 400 if jsonp cannot call a function of that name."""
    if not _CALLBACK.fullmatch(name):
        raise ApiError(400, "jsonp needs the parameter callback: 1 to 64 letters, digits, _ . $")


def render_batch(answers):
    """The answers of a batch as a JSON array, in the order of its requests."""
    return b"[\n" + b",\n".join([render_json(answer) for answer in answers]) + b"\n]"
