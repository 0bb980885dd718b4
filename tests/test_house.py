"""The house keeps its floors: who may import whom, who owns what, and how large a file may grow."""

import ast
import re
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / "mizu").rglob("*.py"))
NAMES = [str(file.relative_to(ROOT)) for file in FILES]

# Who may import whom; a room may always import itself.
MAY_IMPORT = {
    "base": "",
    "wire": "base",
    "formats": "base wire",
    "net": "base wire",
    "sip": "base",
    "store": "base net",
    "records": "base store",
    "calls": "base store records",
    "api": "base wire formats store records",
    "ua": "base sip store records calls",
    "commands": "base records calls api",
    "serve": "base wire formats sip net records api",
    "top": "base wire formats sip net store records calls api ua commands serve",
}
TOP = ("mizu/__init__.py", "mizu/server.py", "mizu/switch.py", "mizu/daemon.py", "mizu/firststart.py",
       "mizu/importer.py", "mizu/doctor.py")

# Modules of the standard library that have owners: the files (or rooms) that may import them.
OWNERS = {
    "socket": ("mizu/net/", "mizu/serve/consoleclient.py"),
    "select": ("mizu/net/", "mizu/serve/consoleclient.py", "mizu/base/log.py"),
    "selectors": ("mizu/net/",),
    "threading": ("mizu/net/",),
    "queue": ("mizu/net/",),
    "time": ("mizu/base/clock.py",),
    "secrets": ("mizu/base/entropy.py",),
    "random": (),
    "sqlite3": ("mizu/store/",),
    "signal": ("mizu/daemon.py",),
    "fcntl": ("mizu/firststart.py", "mizu/store/sync.py"),
    "subprocess": ("mizu/net/process.py",),
    "multiprocessing": (),
    "concurrent": (),
}
BANNED = "asyncio asyncore asynchat smtpd telnetlib cgi crypt audioop imp distutils logging pickle shelve ctypes".split()
LAZY = ("ssl", "xml", "email", "smtplib", "readline", "decimal")    # small hosts pack them apart


@cache
def tree(name):
    return ast.parse((ROOT / name).read_text())


def room(name):
    return "top" if name in TOP else name.split("/")[1]


def module_file(module):
    """`mizu.base.log` -> `mizu/base/log.py`, or None."""
    path = module.replace(".", "/")
    return next((name for name in (path + ".py", path + "/__init__.py") if (ROOT / name).is_file()), None)


@cache
def imports(name):
    """[(module, at module level)] of a file; names taken from a package count as its modules where they are."""
    found = []
    parents = {child: node for node in ast.walk(tree(name)) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = name[:-3].split("/")[:-node.level] if node.level else []
            base = ".".join(package + (node.module.split(".") if node.module else []))
            modules = [f"{base}.{alias.name}" if module_file(f"{base}.{alias.name}") else base for alias in node.names]
        else:
            continue
        above = parents.get(node)
        while above is not None and not isinstance(above, (ast.FunctionDef, ast.AsyncFunctionDef)):
            above = parents.get(above)
        found += [(module, above is None) for module in modules]
    return found


def files_used(name):
    return {file for module, _ in imports(name) if module.split(".")[0] == "mizu" and (file := module_file(module))}


@pytest.mark.parametrize("name", NAMES + ["mizud.py"])
def test_a_file_imports_only_the_standard_library_and_downwards(name):
    allowed = MAY_IMPORT["top" if name == "mizud.py" else room(name)].split()
    for module, at_top in imports(name):
        root = module.split(".")[0]
        assert root == "mizu" or root in sys.stdlib_module_names, f"{module} is not the standard library's"
        assert root not in BANNED, f"{module} is banned"
        assert not at_top or root not in LAZY, f"{module} is imported where it is used: small hosts lack it"
    for file in files_used(name) - {"mizu/__init__.py"}:
        assert room(file) in allowed or room(file) == (room(name) if name != "mizud.py" else "top"), \
            f"{file} is not below {name}"


@pytest.mark.parametrize("name", NAMES)
def test_a_file_leaves_alone_what_others_own(name):
    for module, _ in imports(name):
        owners = OWNERS.get(module.split(".")[0])
        assert owners is None or name.startswith(owners or ("nobody",)), f"{module} belongs to {owners}"


def test_there_is_no_cycle():
    done, path = set(), []

    def visit(name):
        assert name not in path, " -> ".join(path[path.index(name):] + [name])
        if name in done:
            return
        path.append(name)
        for used in sorted(files_used(name) - {name}):
            visit(used)
        done.add(path.pop())
    for name in NAMES:
        visit(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_short_and_says_what_it_is(name):
    lines = (ROOT / name).read_text().split("\n")
    assert len(lines) <= 600
    assert not tree(name).body or ast.get_docstring(tree(name)), "a file opens with what it is"
    wide = [number for number, line in enumerate(lines, 1) if len(line) > 120]
    assert not wide, f"lines over 120 columns: {wide}"


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left_for_later(name):
    text = (ROOT / name).read_text()
    assert not re.search(r"\b(TODO|FIXME|XXX)\b|NotImplementedError|breakpoint\(|pdb", text)


@pytest.mark.parametrize("name", NAMES)
def test_nobody_forks_evaluates_or_shells_out(name):
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Call):
            call = ast.unparse(node.func)
            assert call not in ("eval", "exec", "os.system", "os.popen", "os.fork", "os.forkpty", "__import__"), \
                f"{call} at line {node.lineno}"


def test_nothing_opens_the_database_but_sqlite():
    """Closing any descriptor of the file would drop this process's locks on it."""
    openers = re.compile(r"(^|\.)(open|fdopen|copy|copy2|copyfile|copytree|make_archive|read_bytes|read_text|mmap)$")
    for name in NAMES:
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.Call) and openers.search(ast.unparse(node.func)):
                arguments = " ".join(map(ast.unparse, node.args))
                assert not re.search(r"mizud\.db(?!-wal)|-shm|\bdb_?(path|file)\b", arguments), \
                    f"{name}:{node.lineno} {ast.unparse(node)[:80]}"


def test_every_room_is_in_the_table():
    assert {room(name) for name in NAMES} <= set(MAY_IMPORT)
