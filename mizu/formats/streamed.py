"""Tables too long for the memory: the formats that can be written row by row, one row a format.

head + rows + tail are the bytes that rendering the whole table at once would give.  The other formats wrap their
rows in something whose length or encoding must be known first: for them the table is cut, see serve/asker.py.
"""

from ..base.message import Answer, Rows
from . import csv_out, html_out, json_out, text_out, xml_out

JSON_LINE = "\n    "
XML_LINE = "\n    "


class Layout:
    """head, tail  text around the rows
    rows        function(list of tuples) -> list of texts
    between     text between two of these
    """
    __slots__ = ("head", "rows", "between", "tail", "_first")

    def __init__(self, head, rows, between, tail):
        self.head = head
        self.rows = rows
        self.between = between
        self.tail = tail
        self._first = True

    def piece(self, rows):
        """The bytes of the next rows."""
        text = self.between.join(self.rows(rows))
        if self._first:
            self._first = False
        else:
            text = self.between + text
        return text.encode("utf-8", "replace")


def layout(answer, format):
    """Layout of an Answer whose data is a RowStream."""
    stream = answer.data
    empty = Answer(answer.message, Rows(stream.columns, []), answer.code, entry=answer.entry)
    return STREAMED[format](empty, stream.columns, stream.thin)


def _json(answer, columns, thin):
    head, tail = _around(json_out.render_json(answer), '"data": []')
    rows = _thinned(columns, lambda dicts: [json_out.row_object(each) for each in dicts]) if thin else \
        lambda rows: json_out.row_objects(columns, rows, ", ")
    return Layout(f'{head}"data": [{JSON_LINE}', rows, "," + JSON_LINE, "\n  ]" + tail)


def _xml(answer, columns, thin):
    head, tail = _around(xml_out.render_xml(answer), "<data/>")
    rows = (_thinned if thin else _dicts)(columns, lambda dicts: xml_out.row_elements(dicts, XML_LINE))
    return Layout(f"{head}<data>{XML_LINE}", rows, XML_LINE, f"\n  </data>{tail}")


def _html(answer, columns, thin):
    head, tail = _around(html_out.render_html(answer), "</table>")
    return Layout(head, html_out.row_lines, "", "</table>" + tail)


def _csv(answer, columns, thin):
    return Layout("".join(csv_out.row_lines([columns])), csv_out.row_lines, "", "")


def _text(answer, columns, thin):
    head = "\t".join(columns) + "\n" if len(columns) > 1 else ""
    return Layout(head, text_out.row_lines, "\n", "")


STREAMED = {"json": _json, "xml": _xml, "html": _html, "csv": _csv, "text": _text, "cleartext": _text}
"""Format -> function(Answer with the table but no rows, columns, thin) -> Layout."""


def _around(body, mark):
    head, _, tail = body.decode().partition(mark)
    return head, tail


def _dicts(columns, texts):
    return lambda rows: texts([dict(zip(columns, row)) for row in rows])


def _thinned(columns, texts):
    return lambda rows: texts([thinned(dict(zip(columns, row))) for row in rows])


def thinned(row):
    """A dict without what is null, empty or 0; its id stays."""
    return {name: value for name, value in row.items() if value not in (None, "", 0) or name == "id"}
