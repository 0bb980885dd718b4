"""The smallest mail server and web server that tell a test what they were sent."""

import socketserver
import threading


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def __exit__(self, *args):
        self.shutdown()
        self.server_close()


class SmtpServer(_Server):
    """mails   [(sender, [recipients], text of the message)]
    answers  {verb: reply} in place of the usual one, as {"RCPT": "550 no such mailbox"}
    """

    def __init__(self, **answers):
        self.mails, self.lines, self.answers = [], [], answers
        super().__init__(_Smtp)


class _Smtp(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        server = self.server
        self.say("220 test ESMTP")
        sender, recipients = "", []
        while line := self.rfile.readline().decode().strip():
            server.lines.append(line)
            verb = line.split()[0].upper()
            if verb == "MAIL":
                sender, recipients = line.partition("<")[2].partition(">")[0], []
            elif verb == "RCPT":
                recipients.append(line.partition("<")[2].partition(">")[0])
            if verb in server.answers:
                self.say(server.answers[verb])
            elif verb == "DATA":
                self.say("354 go on")
                lines = [line.removeprefix(b".") for line in iter(self.rfile.readline, b".\r\n")]
                text = b"".join(lines).decode()
                server.mails.append((sender, recipients, text.replace("\r\n", "\n")))
                self.say(server.answers.get("END", "250 taken"))
            elif verb == "EHLO":
                self.say("250-test\r\n250 AUTH PLAIN LOGIN")
            elif verb == "AUTH":
                self.say("235 welcome")
            else:
                self.say("221 bye" if verb == "QUIT" else "250 ok")
            if verb == "QUIT":
                return


class WebServer(_Server):
    """requests  [(request line, {header in lower case: value}, body)]
    reply     the bytes that answer each of them
    """

    def __init__(self, reply=b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nID: 42", late=0):
        self.requests, self.reply, self.late = [], reply, late
        super().__init__(_Web)


class _Web(socketserver.StreamRequestHandler):
    def handle(self):
        first = self.rfile.readline().decode().strip()
        headers = {}
        while line := self.rfile.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = self.rfile.read(int(headers.get("content-length", 0)))
        self.server.requests.append((first, headers, body))
        threading.Event().wait(self.server.late)
        self.wfile.write(self.server.reply)
