"""A second, plain reader of requests, slow and line by line: what test_http1 compares the first one with."""

import re

TCHAR = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
LINE = re.compile(rb"(" + TCHAR + rb"+) ([!-~\x80-\xff]+) HTTP/(\d)\.(\d)", re.ASCII)
FIELD = re.compile(rb"(" + TCHAR + rb"+):[ \t]*((?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?)[ \t]*")
AUTHORITY = re.compile(r"(?:\[[0-9a-fA-F:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[\da-fA-F]{2})*)(?::\d{0,5})?", re.ASCII)


class Refused(Exception):
    pass


class More(Exception):
    pass


def plain_text(octets):
    text = ""
    while octets:
        for size in (1, 2, 3, 4):
            try:
                text += octets[:size].decode()
                break
            except UnicodeDecodeError:
                pass
        else:
            size = 1
            text += chr(octets[0])
        octets = octets[size:]
    return text


def plain_lines(data, pos):
    """Lines with their ends from `pos` on."""
    while (end := data.find(b"\n", pos)) >= 0:
        yield data[pos:end + 1], end + 1
        pos = end + 1


def plain_head(data, pos, max_target):
    """(lines of the head, position behind it, ends with CRLF); line by line."""
    lines, good, end_of_line = [], True, None
    for line, after in plain_lines(data, pos):
        if not lines:
            if len(line) - 1 > max_target + 64:
                raise Refused(414)
            end_of_line = b"\r\n" if line.endswith(b"\r\n") else b"\n"
        elif line in (b"\n", b"\r\n"):
            if line != end_of_line or not lines[-1].endswith(end_of_line):
                good = False
            return lines, after, good, end_of_line
        lines.append(line)
        if end_of_line == b"\n" and b"\r" in line and len(lines) > 1:
            return lines, after, False, end_of_line
    rest = data[pos + sum(map(len, lines)):]
    if not lines and len(rest) > max_target + 64:
        raise Refused(414)
    if lines and end_of_line == b"\n" and b"\r" in rest:
        return lines, len(data), False, end_of_line
    if lines:
        return lines, None, True, end_of_line
    raise More


def plain_request_line(line, max_target):
    match = LINE.fullmatch(line)
    three = line.split(b" ")
    if len(three) != 3 or not re.fullmatch(TCHAR + rb"+", three[0]) or not re.fullmatch(rb"[!-~\x80-\xff]+", three[1]):
        raise Refused(400)
    if len(plain_text(three[1])) > max_target:
        raise Refused(414)
    if not match:
        raise Refused(400)
    if match[3] != b"1":
        raise Refused(505)
    method, target = match[1].decode(), plain_text(match[2])
    authority = None
    if method == "CONNECT":
        if not AUTHORITY.fullmatch(target) or not re.fullmatch(r".+:\d+", target):
            raise Refused(400)
    elif not (target.startswith("/") or (method, target) == ("OPTIONS", "*")):
        if target[:7].lower() != "http://" and target[:8].lower() != "https://":
            raise Refused(400)
        rest = target.split("://", 1)[1]
        cut = min([rest.find(mark) for mark in "/?" if mark in rest], default=len(rest))
        authority, target = rest[:cut], rest[cut:]
        if not authority:
            raise Refused(400)
        target = target or ("*" if method == "OPTIONS" else "/")
        target = "/" + target if target[0] == "?" else target
    return method, target, 10 if match[4] == b"0" else 11, authority


def plain_fields(lines, end_of_line):
    for line in lines:
        if not line.endswith(end_of_line) or re.search(rb"[\0-\x08\n-\x1f\x7f]", line[:-len(end_of_line)]):
            raise Refused(400)
    if len(lines) > 100:
        raise Refused(431)
    values = {}
    for line in lines:
        match = FIELD.fullmatch(line[:-len(end_of_line)])
        if not match:
            raise Refused(400)
        name, value = match[1].decode().lower(), match[2].decode("latin-1")
        if name in values and name in ("host", "content-length", "content-type", "authorization", "origin", "referer",
                                       "sec-websocket-key", "sec-websocket-version"):
            raise Refused(400)
        glue = "; " if name == "cookie" else ", "
        values[name] = values[name] + glue + value if name in values else value
    return values


def plain_chunks(data, pos, max_body):
    body = b""
    while True:
        end = data.find(b"\r\n", pos)
        if end < 0 or end - pos > 256:
            raise Refused(400) if len(data) - pos >= 258 or end >= 0 else More
        match = re.fullmatch(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[\t -~\x80-\xff]*)?", data[pos:end])
        if not match:
            raise Refused(400)
        size, pos = int(match[1], 16), end + 2
        if size == 0:
            break
        if len(body) + size > max_body:
            raise Refused(413)
        if len(data) - pos < size:
            raise More
        body += data[pos:pos + size]
        pos += size
        if not b"\r\n".startswith(data[pos:pos + 2]):
            raise Refused(400)
        if len(data) - pos < 2:
            raise More
        pos += 2
    end = data.find(b"\r\n\r\n", pos - 2)
    if end < 0:
        raise More
    plain_fields([line + b"\r\n" for line in data[pos:end].split(b"\r\n")] if end > pos else [], b"\r\n")
    return body, end + 4


def plain_message(data, pos, first, max_target, max_body):
    newline = data.find(b"\n", pos)
    line = data[pos:newline]
    versionless = line.startswith(b"GET /") and not re.search(rb" HTTP/", line, re.IGNORECASE)
    if first and versionless and 0 <= newline <= pos + max_target + 64:
        raise Refused("versionless 400")
    lines, after, good, end_of_line = plain_head(data, pos, max_target)
    if after is None:
        raise More
    method, target, version, authority = plain_request_line(lines[0][:-len(end_of_line)], max_target)
    if not good:
        raise Refused(400)
    values = plain_fields(lines[1:], end_of_line)
    for host in (values.get("host", "" if version == 10 else None), authority or ""):
        if host is None or not AUTHORITY.fullmatch(host):
            raise Refused(400)
    coding, length, expect = (values.get(name) for name in ("transfer-encoding", "content-length", "expect"))
    if coding is not None:
        if version == 10 or length is not None or not re.search(r"(^|,)[ \t]*chunked$", coding.lower()):
            raise Refused(400)
        if coding.lower() != "chunked":
            raise Refused(400 if re.search(r"(^|,)[ \t]*chunked[ \t]*,", coding.lower()) else 501)
    if length is not None and not re.fullmatch("[0-9]+", length):
        raise Refused(400)
    if length is not None and len(length) > 19:
        raise Refused(413)
    if version == 11 and expect is not None and expect.lower() != "100-continue":
        raise Refused(417)
    if coding is not None and end_of_line == b"\n":
        raise Refused(400)
    options = [option.strip(" \t") for option in values.get("connection", "").lower().split(",")]
    keep = "close" not in options and (version == 11 or "keep-alive" in options) and end_of_line == b"\r\n"
    if int(length or 0) > max_body:
        raise Refused(413)
    if coding is not None:
        body, after = plain_chunks(data, after, max_body)
    else:
        body, after = data[after:after + int(length or 0)], after + int(length or 0)
        if after > len(data):
            raise More
    host = values.get("host", "") if authority is None else authority
    if authority is not None:
        values["host"] = authority
    return (method, target, version, host, keep, values, body), after


def plain_run(data, max_target, max_body):
    seen, pos = [], 0
    while True:
        empty = re.compile(rb"(?:\r?\n)*").match(data, pos)
        if empty[0].count(b"\n") > 4:
            return seen + [400]
        pos = empty.end()
        if pos == len(data):
            return seen
        try:
            message, pos = plain_message(data, pos, not seen, max_target, max_body)
        except Refused as refused:
            return seen + [refused.args[0]]
        except More:
            return seen + ["more"]
        seen.append(message)
        if not message[4]:
            return seen
