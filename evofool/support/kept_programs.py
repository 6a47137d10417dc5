"""Compiled programs that are found again without being traced: half of a command's start.

JAX keeps compiled programs as well, but knows them by their text, which tracing and lowering make
(.8 of 2.1 seconds for the loop of the digits). Here a program is known by what its text is made
from: the settings, this package's code, JAX, and the processor. What is loaded is what was
compiled, byte for byte, so that no result depends on it.
"""

import contextlib
import hashlib
import os
import pickle
import platform
import threading
import time
import zlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

from evofool.support.compiling import Compiled
from evofool.support.files import replacing
from evofool.support.loose import Foreign, Tree

_PACKAGES = ("evofool", "cppn", "archive")
_SHA256_BYTES = 32
_STARTED = time.time()
_MOST_HELD = 2
_folder: Path | None = None

held: dict[Path, Compiled] = {}
"""The latest programs, for the next run of the same kind in this process."""


def keep_programs_in(folder: Path) -> None:
    """Lets `kept` read and write programs in a folder, which only this user should write to."""
    global _folder
    _folder = folder


def kept(program: Compiled, arguments: tuple[Tree, ...], *, known_by: str | None) -> Compiled:
    """Compiles a program, or finds it as it was compiled in another process.

    Args:
        program: from `jit`.
        arguments: that it will be called with.
        known_by: says all that the program is made from beside the arguments' shapes and the code
            of this package; None if that cannot be said, as where functions of the user's are part
            of it. Then the program is traced.
    """
    path = None if known_by is None else _path(arguments, known_by)
    if path is None:
        return program.lower(*arguments).compile()
    compiled = held.pop(path, None) or _read(path, arguments)
    if compiled is None:
        with _jax_keeping_nothing():
            compiled = program.lower(*arguments).compile()
        threading.Thread(target=_write, args=(path, compiled)).start()
    while len(held) >= _MOST_HELD:
        del held[next(iter(held))]
    held[path] = compiled
    return compiled


@contextlib.contextmanager
def _jax_keeping_nothing() -> Iterator[None]:
    """Stops JAX from taking a program out of its own cache: one from there cannot be kept again."""
    import jax
    from jax.experimental.compilation_cache.compilation_cache import reset_cache

    was_on = jax.config.values["jax_enable_compilation_cache"]
    jax.config.update("jax_enable_compilation_cache", False)
    reset_cache()
    try:
        yield
    finally:
        jax.config.update("jax_enable_compilation_cache", was_on)
        reset_cache()


def _path(arguments: tuple[Tree, ...], known_by: str) -> Path | None:
    """Returns where a program is kept.

    None where none are: on GPUs, by several processes, and where the package was just changed.
    """
    import jax

    if _folder is None or jax.default_backend() != "cpu" or jax.process_count() > 1:
        return None
    code = _code_and_machine()
    if code is None:
        return None
    leaves, structure = jax.tree.flatten(arguments)
    facts = [known_by, structure, os.environ.get("XLA_FLAGS"), sorted(jax.config.values.items())]
    facts += [(leaf.shape, leaf.dtype, getattr(leaf, "sharding", None)) for leaf in leaves]
    facts += [jax.devices(), code]
    return _folder / hashlib.sha256(repr(facts).encode()).hexdigest()


@cache
def _code_and_machine() -> str | None:
    """Returns what a program depends on and that stays as it is while a process runs.

    None if a file of this package changed since: this process may run what was in it before.
    """
    digest, root = hashlib.sha256(), Path(__file__).parents[2]
    for path in sorted(path for name in _PACKAGES for path in (root / name).rglob("*.py")):
        if path.stat().st_mtime > _STARTED:
            return None
        digest.update(path.read_bytes())
    versions = [version(package) for package in ("jax", "jaxlib", "flax")]
    return repr([digest.hexdigest(), *versions, platform.machine(), *_instructions()])


def _instructions() -> list[str]:
    """Returns what Linux says of the processor: a program may use all that it can do."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return [platform.processor()]
    return sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})


def _read(path: Path, arguments: tuple[Tree, ...]) -> Compiled | None:
    """Loads a program; returns None if there is none, or none that can be used."""
    import jax
    from jax.experimental import serialize_executable

    try:
        content = path.read_bytes()
    except OSError:
        return None
    sha256, packed = content[:_SHA256_BYTES], content[_SHA256_BYTES:]
    if hashlib.sha256(packed).digest() == sha256:
        with contextlib.suppress(Exception):  # of another version of JAX than its number says
            program, results = pickle.loads(zlib.decompress(packed))
            given = jax.tree.structure((arguments, {}))
            return serialize_executable.deserialize_and_load(
                program, given, results, execution_devices=_devices_of(arguments)
            )
    with contextlib.suppress(OSError):
        path.unlink()
    return None


def _devices_of(arguments: tuple[Tree, ...]) -> list[Foreign]:
    """Returns the devices that a program runs on: those that its arguments are on."""
    import jax

    placed = [leaf for leaf in jax.tree.leaves(arguments) if isinstance(leaf, jax.Array)]
    devices = {device for leaf in placed for device in leaf.sharding.device_set}
    return sorted(devices, key=lambda device: device.id) or jax.devices()[:1]


def _write(path: Path, compiled: Compiled) -> None:
    """Keeps a program; where that is impossible it will be compiled again."""
    from jax.experimental import serialize_executable

    with contextlib.suppress(Exception):
        program, _, results = serialize_executable.serialize(compiled)
        packed = zlib.compress(pickle.dumps((program, results)), level=1)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(hashlib.sha256(packed).digest() + packed)
