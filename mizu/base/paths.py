"""Names of files that others send, and the folders that they must not leave.

Names are judged before the file system is asked.  Two ways in: safe_path() for folders that are only read, where a
link may lead within; open_folder() walks from descriptor to descriptor (openat(2)) and follows no link at all.
"""

import os
import re
import stat

from .errors import ApiError

DEPTH = 16
"""Folders below each other that a name may have."""

LONGEST = 200
"""Bytes of one part of a name: file systems take 255, and ours add a few while they write."""

_FOREIGN = re.compile(r"[\x00-\x1f\x7f:\\]")
"""Control characters, which a log or a header would take for its own, and what means a drive or a folder elsewhere."""

_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE | re.DOTALL)
"""No files on Windows, where the data folder may be copied to."""


def parts_of(name):
    """The parts of a name, or ApiError 403: no `..`, no drive, no NUL or other control character, no hidden file."""
    parts = name.split("/")
    if _FOREIGN.search(name) or any(part[:1] == "." for part in parts):
        raise ApiError(403, "this name is not allowed")
    return [part for part in parts if part]


def safe_path(root, name):
    """The real path of a name under `root` (both texts), which may begin with `/`; ApiError 403 also where a link
    leads out."""
    parts = parts_of(name)
    root = os.path.realpath(root)
    path = os.path.realpath(os.path.join(root, *parts))
    if path != root and not path.startswith(root + os.sep):
        raise ApiError(403, "this name leads out of the folder")
    return path


def file_parts(name):
    """The parts of a file's name, which is relative; ApiError 403, 400."""
    parts = parts_of(name)
    if name[:1] == "/" or name[-1:] == "/" or not parts or any(_DEVICE.fullmatch(part) for part in parts):
        raise ApiError(403, "this name is not allowed")
    if len(parts) > DEPTH or any(len(os.fsencode(part)) > LONGEST for part in parts):
        raise ApiError(400, f"a file's name has up to {DEPTH} parts of up to {LONGEST} bytes")
    return parts


def open_folder(root, parts, make=False):
    """A descriptor of the folder `parts` below `root`, made where it is missing if `make`; the caller closes it.
    OSError; ApiError 403 where a link is in the way."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            if make:
                _make(folder, part)
            below = _step(folder, part)
            os.close(folder)
            folder = below
    except BaseException:
        os.close(folder)
        raise
    return folder


def _step(folder, part):
    try:
        return os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        if is_link(folder, part):
            raise ApiError(403, "this name is not allowed") from None
        raise


def is_link(folder, part):
    """Whether a name in a folder (a descriptor) is a symbolic link."""
    try:
        return stat.S_ISLNK(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _make(folder, part):
    try:
        os.mkdir(part, 0o700, dir_fd=folder)
    except FileExistsError:
        return
    os.fsync(folder)
