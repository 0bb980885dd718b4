"""The manual's transports as the plainest clients of them: each sends one request and gives the answer's text."""

import base64
import os
import socket
import ssl
import struct
import subprocess
from hashlib import md5, sha1

import pytest

from .harness import Response

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def certificate(folder):
    """Paths of a self-signed certificate for localhost and its key, made by openssl; None without it."""
    paths = folder / "cert.pem", folder / "key.pem"
    try:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
                        "-out", str(paths[0]), "-keyout", str(paths[1])], check=True, capture_output=True, timeout=30)
    except FileNotFoundError:
        return None
    return paths


def connect(server, secure=False, source="127.0.0.1", port=None):
    """A TCP connection, to the main port unless told, with TLS if `secure`, verified; from any loopback address."""
    sock = socket.create_connection(("127.0.0.1", port or server.port), timeout=10, source_address=(source, 0))
    if not secure:
        return sock
    if server.certificate is None:
        pytest.skip("there is no openssl to make a certificate")
    return ssl.create_default_context(cafile=server.certificate).wrap_socket(sock, server_hostname="localhost")


def http(server, target, secure=False, method="GET", body=None, headers={}, source="127.0.0.1", port=None):
    """A Response to a request over HTTP/1.1."""
    import http.client
    with connect(server, secure, source, port) as sock:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = sock
        connection.request(method, target, body, headers)
        return Response(connection.getresponse())


def line(server, request, secure=False, source="127.0.0.1", lines=1):
    """The first `lines` of the answer to a raw line."""
    with connect(server, secure, source) as sock, sock.makefile("rb") as answers:
        sock.sendall(request.encode() + b"\r\n")
        return b"".join([answers.readline() for _ in range(lines)]).decode().rstrip("\r\n")


def datagram(server, request, source="127.0.0.1"):
    """The datagram that comes back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.bind((source, 0))
        sock.connect(("127.0.0.1", server.port))
        sock.send(request.encode())
        return sock.recv(65536).decode()


class WebSocket:
    """RFC 6455 from the client's side: ask() sends a text message and gives the one that comes back."""

    def __init__(self, server, secure=False, path="/mvstwebsocket/", headers=""):
        self.sock = connect(server, secure)
        self.file = self.sock.makefile("rb")
        key = base64.b64encode(os.urandom(16))
        self.sock.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\n"
                          f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key.decode()}\r\n"
                          f"{headers}\r\n".encode())
        self.status = self.file.readline()
        head = {}
        while (row := self.file.readline().strip()):
            name, _, value = row.partition(b":")
            head[name.lower()] = value.strip()
        assert self.status.startswith(b"HTTP/1.1 101 "), self.status
        assert head[b"sec-websocket-accept"] == base64.b64encode(sha1(key + GUID).digest())

    def ask(self, text):
        data, mask = text.encode(), os.urandom(4)
        size = bytes([0x80 | len(data)]) if len(data) < 126 else struct.pack(">BH", 0x80 | 126, len(data))
        self.sock.sendall(b"\x81" + size + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data)))
        opcode, size = self.file.read(2)
        if size == 126:
            size, = struct.unpack(">H", self.file.read(2))
        assert opcode == 0x81, opcode
        return self.file.read(size).decode()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()
        self.sock.close()


def websocket(server, request, secure=False):
    """The answer to one request in a WebSocket of its own."""
    with WebSocket(server, secure) as socket:
        return socket.ask(request)


def on_console(server, user, word, *commands):
    """The console's answers to commands after a login, the login's own left out where it succeeded."""
    with socket.create_connection(("127.0.0.1", server.console), timeout=10) as sock, sock.makefile("rb") as file:
        sock.sendall("".join([f"{each}\r\n" for each in (f"login,{user},{word}", *commands)]).encode())
        sock.shutdown(socket.SHUT_WR)
        answers = file.read().decode().split("\r\n\r\n")[:-1]
    return answers[1:] if answers[0].startswith("OK: logged in") else answers


def password(server, user):
    """That of the accounts the manual's tests make, and the administrator's."""
    return server.admin_password if user == "admin" else user + "-pw"


def digest(server, user, salt="", nonce="", id=None, secret=None):
    """The simplified authmd5."""
    return md5(f"ck5Gp{id or user}{secret or password(server, user)}{server.salt}{salt}{nonce}".encode()).hexdigest()


def digest_v3(server, user, salt1="", salt2="", nonce="", id=None):
    """The documented authmd5."""
    inner = md5(f"tU29m{id or user}{password(server, user)}{salt1}".encode()).hexdigest()
    return "authv3_" + md5((inner + salt2 + server.salt + nonce).encode()).hexdigest()
