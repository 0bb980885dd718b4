"""The two kinds of fault that are not ours; all else is a bug and answered with 500."""


class ApiError(Exception):
    """The asker is told: code as in Answer, message without the leading "ERROR: "."""

    def __init__(self, code, message, control="", data=None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.control = control
        self.data = data


class NotReached(ApiError):
    """No connection came about: what the far end was to be asked, it has not been asked."""


class RemoteProtocolError(Exception):
    """The peer broke the RFC: `status` is the HTTP status or the WebSocket close code to leave with."""

    def __init__(self, status, reason):
        super().__init__(reason)
        self.status = status
        self.reason = reason


class ConfigError(Exception):
    """The configuration cannot be used: exit code 78, the text names line, setting and what it takes."""
