"""XML requests: plain, SOAP 1.1 and 1.2, RDF/XML.  Element names count without their namespace.

plain   the children of the root are the parameters; a root that is no general word names the command
SOAP    the first child of Body is the command, its children are the parameters
RDF     the properties of the first Description (as elements or, RDF/XML 2.5, as attributes) are the parameters

No DTD and so no entities, whatever the encoding hides: the parser's own events are refused, not their text.
"""

from ..base.errors import ApiError

MAX_DEPTH = 32          # an Envelope takes three
MAX_ELEMENTS = 10_000   # each costs some 300 bytes here
MAX_PARAMS = 1000       # as in every other format

ROOTS = frozenset(("request", "mvapireq", "xml", "root", "params", "parameters", "api"))
"""Names of a root that say nothing about the command."""

SOAP = frozenset(("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"))
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

_MARK = "\1"     # between namespace and local name in expat's names: no character of XML


class _Element:
    __slots__ = ("space", "name", "attributes", "texts", "children")

    def __init__(self, name, attributes):
        self.space, _, self.name = name.rpartition(_MARK)
        self.attributes = attributes
        self.texts = []         # of the element and all its descendants, in the order of the document
        self.children = []


def parse_xml(body, charset=None):
    """Bytes (or text) -> (syntax, {name in lower case: text}).  `charset` overrides the document's own declaration."""
    root = _tree(body, charset)
    if root.name == "Envelope" and root.space in SOAP:
        return "soap", _soap(root)
    if root.space == RDF:
        return "rdf", _rdf(root)
    return "xml", _named(root, root.name.lower() not in ROOTS)


def _named(element, names_command):
    """The children as parameters; the element's own name is the command where no child says it."""
    params = {}
    for child in element.children:
        params.setdefault(child.name.lower(), _text(child))
    if names_command:
        params.setdefault("apientry", element.name)
    return _bounded(params)


def _soap(envelope):
    body = next((child for child in envelope.children if child.name == "Body"), None)
    if body is None or not body.children:
        raise ApiError(400, "a SOAP request is Envelope, Body and in it one element named like the command")
    return _named(body.children[0], True)


def _rdf(root):
    """The root is RDF, or (RDF/XML 2.6) the one Description itself."""
    nodes = root.children if root.name == "RDF" else [root]
    if not nodes:
        raise ApiError(400, "an RDF request holds one Description with the parameters as its properties")
    node = nodes[0]
    params = {}
    for name, value in node.attributes.items():
        space, _, local = name.rpartition(_MARK)
        if space and space != RDF and not space.startswith("http://www.w3.org/XML/"):
            params.setdefault(local.lower(), value.strip())
    for child in node.children:
        params.setdefault(child.name.lower(), _text(child) or child.attributes.get(RDF + _MARK + "resource", ""))
    return _bounded(params)


def _text(element):
    return "".join(element.texts).strip()


def _bounded(params):
    if len(params) > MAX_PARAMS:
        raise ApiError(400, f"more than {MAX_PARAMS} parameters")
    return params


def _tree(body, charset):
    """The root element of a document."""
    try:
        from xml.parsers import expat
    except ImportError:
        raise ApiError(501, "XML requests need the Python package xml") from None
    builder = _Builder()
    try:
        parser = expat.ParserCreate(charset or ("utf-8" if isinstance(body, str) else None), _MARK)
        parser.buffer_text = True
        parser.StartElementHandler = builder.start
        parser.EndElementHandler = builder.end
        parser.CharacterDataHandler = builder.data
        parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = builder.refuse_dtd
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise ApiError(400, f"not valid XML: {error}") from None
    return builder.root


class _Builder:
    """Expat's events -> a tree of _Element."""
    __slots__ = ("root", "open", "count")

    def __init__(self):
        self.root = None
        self.open = []
        self.count = 0

    def start(self, name, attributes):
        element = _Element(name, attributes)
        self.count += 1
        if len(self.open) == MAX_DEPTH or self.count > MAX_ELEMENTS:
            raise ApiError(400, f"XML with more than {MAX_DEPTH} levels or {MAX_ELEMENTS} elements")
        if self.open:
            self.open[-1].children.append(element)
        else:
            self.root = element
        self.open.append(element)

    def end(self, name):
        element = self.open.pop()
        if self.open:
            self.open[-1].texts.append("".join(element.texts))

    def data(self, text):
        self.open[-1].texts.append(text)

    @staticmethod
    def refuse_dtd(*_):
        raise ApiError(400, "XML requests have no document type and no entities")
