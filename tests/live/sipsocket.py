"""A SIP client of a few lines over a real socket: sends one request, answers the challenge, gives the final answer."""

import socket
from itertools import count

from mizu.sip.digest import authorize
from mizu.sip.headers import parse_challenge
from mizu.sip.message import Message
from mizu.sip.parser import parse

_numbers = count(1)


class SipSocket:
    """Over UDP to a port of this host."""

    def __init__(self, port, user="", password=""):
        self.port, self.user, self.password = port, user, password
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(5)
        self.socket.bind(("127.0.0.1", 0))
        self.host, self.own = self.socket.getsockname()
        self.target = ("127.0.0.1", port)

    def __enter__(self):
        return self

    def __exit__(self, *fault):
        self.socket.close()

    def request(self, method, to="", call_id="", cseq=1, fields=(), body=b"", tag=""):
        """A Message ready to be sent."""
        number = next(_numbers)
        request = Message.request(method, f"sip:{to}@127.0.0.1" if to else "sip:127.0.0.1")
        request.add("Via", f"SIP/2.0/UDP {self.host}:{self.own};rport;branch=z9hG4bK{self.own}-{number}")
        request.add("Max-Forwards", "70")
        request.add("From", f"<sip:{self.user or 'nobody'}@127.0.0.1>;tag=f{self.own}")
        request.add("To", f"<sip:{to or self.user}@127.0.0.1>" + (f";tag={tag}" if tag else ""))
        request.add("Call-ID", call_id or f"c{self.own}-{number}")
        request.add("CSeq", f"{cseq} {method}")
        if "Contact" not in dict(fields):
            request.add("Contact", f"<sip:{self.user or 'nobody'}@{self.host}:{self.own}>")
        for name, value in fields:
            request.add(name, value)
        request.body = body
        return request

    def send(self, message):
        self.socket.sendto(message.render(), self.target)

    def receive(self):
        return parse(self.socket.recv(65535))

    def final(self, request):
        """Send a request; the final response."""
        self.send(request)
        while True:
            response = self.receive()
            if response.status >= 200 and response.cseq == request.cseq:
                return response

    def ask(self, method, to="", **more):
        """The final response of a request, with a digest where it is asked for."""
        request = self.request(method, to, **more)
        response = self.final(request)
        if response.status not in (401, 407):
            return response
        return self.final(self.proved(request, response))

    def proved(self, request, response):
        """The same request once more, with what its challenge asks for."""
        method = request.method
        asked, answered = (("WWW-Authenticate", "Authorization") if response.status == 401 else
                           ("Proxy-Authenticate", "Proxy-Authorization"))
        challenge = parse_challenge(response.get(asked))[1]
        again = request.copy()
        again.set("Via", f"{request.get('Via')}a")
        again.set("CSeq", f"{request.cseq[0] + 1} {method}")
        again.add(answered, authorize(challenge, method, again.uri, self.user, self.password, "0a4f113b"))
        return again
