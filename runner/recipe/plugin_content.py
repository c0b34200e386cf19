"""SHA-256 of the code of plugins, which decides about results as much as a recipe does."""

import ast
import hashlib
import importlib.util
import platform
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, ModuleSpec
from pathlib import Path
from types import ModuleType

from runner.process.errors import UserError

_SUFFIXES = (*SOURCE_SUFFIXES, *EXTENSION_SUFFIXES, ".pyc")
# Installed packages are identified by their version; the runner's own is recorded beside this everywhere.
_INSTALLED = {"site-packages", "dist-packages"}
_OWN = __name__.partition(".")[0]


def plugin_content(modules: Iterable[str]) -> dict[str, str]:
    """Returns the SHA-256, in hex, of the code of each plugin, by its name.

    Of one that `imported_as_hashed` saw imported it is that of the code which was imported: what has become
    of its files since does not run in this process.

    The code of a module is its file, that of a package every Python file and compiled module in it; with it
    counts what these import from the folder that holds the plugin, unless it is installed.

    Args:
        modules: Their names, as in `plugins`. What is imported already is not imported again.

    Raises:
        UserError: A module is not there or its files cannot be read.
    """
    return {module: _known(module) or _sha256(module) for module in modules}


@contextmanager
def imported_as_hashed(modules: Iterable[str]) -> Iterator[None]:
    """Fixes, for the rest of the process, what `plugin_content` says of modules that the block imports.

    Raises:
        UserError: A module is not there, its files cannot be read, or they were changed meanwhile.
    """
    before = {module: _sha256(module) for module in modules if _known(module) is None}
    yield
    for module, sha256 in before.items():
        if _sha256(module) != sha256:
            raise UserError(f"plugins: '{module}' was changed while it was imported. Start again.")
        _IMPORTED[module] = (sys.modules[module], sha256)


_IMPORTED: dict[str, tuple[ModuleType, str]] = {}
"""The modules as they were imported, and the SHA-256 of what was imported then."""


def _known(module: str) -> str | None:
    found, sha256 = _IMPORTED.get(module, (None, None))
    # One that was taken out of `sys.modules` is imported anew.
    return sha256 if found is not None and sys.modules.get(module) is found else None


def _sha256(module: str) -> str:
    spec = _spec(module)
    digest = hashlib.sha256()
    try:
        if not spec.has_location and not spec.submodule_search_locations:
            digest.update(f"{module} of Python {platform.python_version()}".encode())
        root, files = _root(spec), _files(spec)
        for path in sorted(_with_imports(root, files)):
            content = path.read_bytes()
            named = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
            digest.update(f"{named.as_posix()} {len(content)}\n".encode())
            digest.update(content)
    except OSError as error:
        raise UserError(f"plugins: cannot read the files of '{module}': {error}") from error
    return digest.hexdigest()


def _spec(module: str) -> ModuleSpec:
    loaded = getattr(sys.modules.get(module), "__spec__", None)
    try:
        spec = loaded or importlib.util.find_spec(module)
    except (ImportError, ValueError) as error:
        raise UserError(f"plugins: cannot import '{module}': {error}") from error
    if spec is None:
        raise UserError(f"plugins: cannot import '{module}': No module named '{module}'")
    return spec


def _files(spec: ModuleSpec) -> set[Path]:
    """Lists the module's own files."""
    if not spec.submodule_search_locations:
        return {Path(spec.origin).absolute()} if spec.has_location and spec.origin else set()
    return {path for folder in spec.submodule_search_locations for path in _modules_in(Path(folder))}


def _modules_in(folder: Path) -> Iterator[Path]:
    for path in folder.absolute().rglob("*"):
        if path.name.endswith(_SUFFIXES) and "__pycache__" not in path.parts and path.is_file():
            yield path


def _root(spec: ModuleSpec) -> Path:
    """Returns the folder on Python's path that the module is found from."""
    if spec.submodule_search_locations:
        own = Path(next(iter(spec.submodule_search_locations)))
    else:
        own = Path(spec.origin or ".")
    return own.absolute().parents[spec.name.count(".")]


def _with_imports(root: Path, files: set[Path]) -> set[Path]:
    """Adds the files below `root` that the given ones import, and those that these import in turn."""
    found, todo = set(files), list(files)
    follows = not _INSTALLED & set(root.parts)
    while todo:
        path = todo.pop()
        if follows and path.suffix == ".py":
            new = {file for name in _imported(path, root) for file in _located(root, name)} - found
            found |= new
            todo += new
    return found


def _imported(path: Path, root: Path) -> Iterator[tuple[str, ...]]:
    """Names what a file imports, by the parts of the dotted name; `from a import b` may mean a module `b`."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # Python says so where the file is imported, if it ever is.
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            here = path.relative_to(root).parent.parts
            base = here[: len(here) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            yield from ((*base, alias.name) for alias in node.names)


def _located(root: Path, name: tuple[str, ...]) -> Iterator[Path]:
    """Finds the files of a module, and of the packages above it, that importing it runs."""
    if name[0] == _OWN:
        return
    for length in range(1, len(name) + 1):
        place = root.joinpath(*name[:length])
        candidates = [place / "__init__.py", *(place.with_name(place.name + end) for end in _SUFFIXES)]
        yield from (path for path in candidates if path.is_file())
