"""Mails to the configured mail server: message submission (RFC 6409) over SMTP (RFC 5321), as RFC 5322 messages.

For worker threads: send_mail() blocks.  With STARTTLS or TLS the server's certificate is verified.  Knows no queue.
"""

from ..base.clock import Clock
from ..base.errors import ApiError

SECONDS = 30.0
"""For each step of the conversation."""


def send_mail(gateway, mail, seconds=SECONDS):
    """Hand over one mail, records.mail's Gateway and Mail; ApiError 422 when it is refused for good, any other
    exception when it may go later."""
    try:
        import smtplib
    except ImportError:
        raise ApiError(501, "mail needs Python's smtplib module, which is missing here") from None
    message = _message(mail)
    try:
        with _connected(smtplib, gateway, seconds) as smtp:
            smtp.send_message(message, mail.sender, mail.recipients)
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()))
        raise ApiError(422 if code >= 500 else 503, _told(code, text)) from None
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        raise ApiError(422 if error.smtp_code >= 500 else 503, _told(error.smtp_code, error.smtp_error)) from None
    except smtplib.SMTPResponseException as error:
        raise ApiError(503, _told(error.smtp_code, error.smtp_error)) from None
    except (smtplib.SMTPException, OSError) as error:
        raise ApiError(503, f"{gateway.host}: {type(error).__name__} {str(error)[:100]}") from None


def _connected(smtplib, gateway, seconds):
    """An SMTP session that is ready for a mail."""
    if gateway.tls == "none":
        smtp = smtplib.SMTP(gateway.host, gateway.port, timeout=seconds)
    else:
        context = _tls_context()
        if gateway.tls == "tls":
            smtp = smtplib.SMTP_SSL(gateway.host, gateway.port, timeout=seconds, context=context)
        else:
            smtp = smtplib.SMTP(gateway.host, gateway.port, timeout=seconds)
    try:
        if gateway.tls == "starttls":
            smtp.starttls(context=context)
        if gateway.user:
            smtp.login(gateway.user, gateway.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _tls_context():
    try:
        import ssl
    except ImportError:
        raise ApiError(501, "smtptls needs Python's ssl module, which is missing here; or set smtptls=none") from None
    return ssl.create_default_context()


def _message(mail):
    """The mail of RFC 5322; a line end in a header is refused by the module, and has been taken out before."""
    from email.message import EmailMessage
    from email.utils import formatdate
    message = EmailMessage()
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.recipients)
    message["Subject"] = mail.subject
    message["Date"] = formatdate(Clock.now())
    message["Message-ID"] = f"<{mail.id}@{mail.sender.rpartition('@')[2] or 'mizud'}>"
    message["Auto-Submitted"] = "auto-generated"            # RFC 3834 5.1: no vacation answers to this
    message.set_content(mail.text, cte="quoted-printable")  # any server takes that, lines of any length
    return message


def _told(code, text):
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return f"the mail server says {code} {' '.join(text.split())[:200]}"
