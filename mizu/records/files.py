"""Files that come and go over the API: in folders that they cannot leave, whole or not at all, and within a quota.

A file is written under a hidden name beside its place, synced, then given its name; a crash leaves the old one or
the new one.  No link is followed, and nothing but regular files is touched.  What blocks on the disk runs in
workers; what is counted is counted on the loop.  Knows no request and no right.
"""

import os
import stat

from ..base.errors import ApiError
from ..base.paths import file_parts, is_link, open_folder

FILES, PUBLIC, RECORDINGS, LOGS = "files", "public", "recordings", "logs"

MOST = 16 << 20
"""Bytes of a file that is read or written in one piece; a request's body has its own limit, `maxbody`."""

LEAST_FREE = 100 << 20
"""Bytes that stay free on the disk, for the database."""

BLOCK = 4096
"""Bytes that a file takes at least: a million empty ones fill a disk, too."""

RECOUNT = 60.0
"""Seconds between two counts of a folder that seems to be full: somebody may have made room beside us."""

STALE = 3600.0
"""Seconds after which a half-written file is what a crash has left."""

_PART = ".part"


class _Area:
    """A folder: its root, the bytes in it (None: not counted yet), those on their way, and when it was counted."""
    __slots__ = ("root", "used", "coming", "counted")

    def __init__(self, root):
        self.root = root
        self.used = None
        self.coming = 0
        self.counted = 0.0


class Files:
    """folders (those of the server), settings (filequota), clock, workers, entropy."""

    def __init__(self, folders, settings, clock, workers, entropy):
        self.settings = settings
        self.clock = clock
        self.workers = workers
        self.entropy = entropy
        self.kept = [folders.database + end for end in ("", "-wal", "-shm")]
        self.areas = {FILES: _Area(folders.files), PUBLIC: _Area(os.path.join(folders.mvweb, "filestorage")),
                      RECORDINGS: _Area(os.path.join(folders.recordings, "uploaded")), LOGS: _Area(folders.log)}

    async def put(self, area, name, data, replace=True):
        """Write a file; its size.  ApiError 403 for a name, 422 for one that is taken (unless `replace`, or it holds
        the same) and where there is no room."""
        parts, area = file_parts(name), self.areas[area]
        if len(data) > MOST:
            raise ApiError(422, f"a file has at most {MOST >> 20} MiB")
        size = _rounded(len(data))
        await self._make_room(area, size)
        area.coming += size
        try:
            before = await self._work(write, area.root, parts, data, replace, self.entropy.hex(8))
            area.used += size - before
        finally:
            area.coming -= size
        return len(data)

    async def get(self, area, name):
        """The bytes of a file, MOST at most; ApiError 403, 404, 422."""
        return await self._work(read, self.areas[area].root, file_parts(name), self.kept)

    async def open(self, area, name):
        """(file open for reading, size); ApiError 403, 404."""
        return await self._work(opened, self.areas[area].root, file_parts(name), self.kept)

    async def _make_room(self, area, size):
        """ApiError 422 if the quota is used up."""
        quota = self.settings.filequota << 20
        full = quota and area.used is not None and area.used + area.coming + size > quota
        if area.used is None or full and self.clock.monotonic() - area.counted > RECOUNT:
            area.counted = self.clock.monotonic()
            area.used = await self._work(count, area.root, self.clock.now() - STALE)
        if quota and area.used + area.coming + size > quota:
            raise ApiError(422, f"the file storage is full (setting filequota, {self.settings.filequota} MiB)")

    async def _work(self, function, *args):
        try:
            return await self.workers.run(function, *args)
        except (FileNotFoundError, NotADirectoryError):
            raise ApiError(404, "no such file") from None
        except OSError as error:
            raise ApiError(500, f"the file could not be used: {error.strerror}") from None


def cleaned(name):
    """A name that a user has chosen as it is stored: each character outside 0-9 A-Z a-z _ . - becomes `_`."""
    return "".join([c if c.isascii() and (c.isalnum() or c in "_.-") else "_" for c in name])


# -- in a worker

def write(root, parts, data, replace, token):
    """Write a file below `root`; returns the bytes that the one before took."""
    os.makedirs(root, 0o700, exist_ok=True)
    usage = os.statvfs(root)
    if usage.f_bavail * usage.f_frsize < LEAST_FREE + len(data):
        raise ApiError(422, "the disk is nearly full")
    folder = open_folder(root, parts[:-1], make=True)
    try:
        before = _regular(folder, parts[-1])
        if before is not None and not replace:
            return _same(folder, parts[-1], before, data)
        part = f".{parts[-1]}.{token}{_PART}"
        try:
            _write_part(folder, part, data)
            if replace:
                os.replace(part, parts[-1], src_dir_fd=folder, dst_dir_fd=folder)
            else:
                os.link(part, parts[-1], src_dir_fd=folder, dst_dir_fd=folder)      # fails if it has come meanwhile
                os.unlink(part, dir_fd=folder)
        except BaseException as error:
            _remove(folder, part)
            if isinstance(error, FileExistsError):
                raise _taken() from None
            raise
        os.fsync(folder)
        return 0 if before is None else _rounded(before.st_size)
    finally:
        os.close(folder)


def read(root, parts, kept):
    """All bytes of a file."""
    file, size = opened(root, parts, kept)
    with file:
        if size > MOST:
            raise ApiError(422, f"the file has {size} bytes, more than {MOST}: use `file` over HTTP")
        return file.read(MOST)


def opened(root, parts, kept):
    """(file, size); never one of `kept`: closing any descriptor of the database would drop SQLite's locks."""
    folder = open_folder(root, parts[:-1])
    try:
        about = _regular(folder, parts[-1])
        if about is None:
            raise FileNotFoundError
        if any(os.path.samestat(about, os.stat(path)) for path in kept if os.path.exists(path)):
            raise ApiError(403, "the database is copied by dbbackup")
        fd = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)
    return open(fd, "rb", buffering=0), os.fstat(fd).st_size


def count(root, before):
    """The bytes that the files below `root` take; what a crash before that time left half-written goes."""
    total = 0
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            try:
                about = os.lstat(path)
                if name[:1] == "." and name.endswith(_PART) and about.st_mtime < before:
                    os.unlink(path)
                else:
                    total += _rounded(about.st_size)
            except FileNotFoundError:
                continue
    return total


def _regular(folder, name):
    """The status of a file, None if there is none; ApiError 403 if it is anything but a regular file."""
    try:
        about = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(about.st_mode):
        raise ApiError(403, "this name is not allowed" if is_link(folder, name) else "this is not a file")
    return about


def _write_part(folder, part, data):
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(fd, rest):]
        os.fsync(fd)
    finally:
        os.close(fd)


def _same(folder, name, about, data):
    """What is there is as good as written: the answer to the first attempt was lost, say."""
    if about.st_size == len(data):
        with open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder), "rb") as file:
            if file.read(len(data) + 1) == data:
                return _rounded(about.st_size)
    raise _taken()


def _remove(folder, name):
    try:
        os.unlink(name, dir_fd=folder)
    except OSError:
        pass


def _taken():
    return ApiError(422, "there is a file of this name already: choose another one")


def _rounded(size):
    return max(-(-size // BLOCK) * BLOCK, BLOCK)
