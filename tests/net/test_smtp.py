"""Mails are handed over as RFC 5321 and RFC 5322 want them; a refusal says whether it is for good."""

import email
import email.policy
import socket

import pytest

from mizu.base.errors import ApiError
from mizu.net.smtp import send_mail
from mizu.records.mail import Gateway, Mail

from .gateways import SmtpServer

MAIL = Mail("pbx@example.com", ("a@example.org", "b@example.org"), "Új jelszó", "Első sor\n.\nlast", "7.20240101")


def gateway(server, user="", tls="none"):
    return Gateway("127.0.0.1", server.port, tls, user, "s3cret")


def test_a_mail_arrives_as_it_was_written():
    with SmtpServer() as server:
        send_mail(gateway(server), MAIL)
    (sender, recipients, text), = server.mails
    assert (sender, recipients) == ("pbx@example.com", ["a@example.org", "b@example.org"])
    message = email.message_from_string(text, policy=email.policy.default)
    assert message["From"] == "pbx@example.com" and message["To"] == "a@example.org, b@example.org"
    assert message["Subject"] == "Új jelszó" and message.get_content() == "Első sor\n.\nlast\n"
    assert message["Message-ID"] == "<7.20240101@example.com>" and message["Date"].endswith("-0000")
    assert message["Auto-Submitted"] == "auto-generated"


def test_it_logs_in_where_there_is_a_user():
    with SmtpServer() as server:
        send_mail(gateway(server, user="pbx"), MAIL)
    assert len(server.mails) == 1 and any(line.startswith("AUTH PLAIN") for line in server.lines)


@pytest.mark.parametrize("answers, code", [
    ({"RCPT": "550 no such mailbox"}, 422), ({"RCPT": "451 greylisted"}, 503), ({"MAIL": "553 not from you"}, 422),
    ({"MAIL": "421 busy"}, 503), ({"END": "554 spam"}, 422), ({"END": "452 full"}, 503),
    ({"AUTH": "535 wrong password"}, 503), ({"EHLO": "500 what", "HELO": "500 what"}, 503)])
def test_a_refusal_is_told_and_whether_it_is_for_good(answers, code):
    with SmtpServer(**answers) as server, pytest.raises(ApiError) as error:
        send_mail(gateway(server, user="pbx"), MAIL)
    assert error.value.code == code and "s3cret" not in error.value.message


def test_without_a_server_or_without_starttls_it_may_go_later():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(ApiError) as error:
            send_mail(Gateway("127.0.0.1", closed.getsockname()[1], "none", "", ""), MAIL)
    assert error.value.code == 503
    with SmtpServer() as server, pytest.raises(ApiError) as error:
        send_mail(gateway(server, tls="starttls"), MAIL)
    assert error.value.code == 503 and server.mails == []
