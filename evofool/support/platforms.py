"""The kind of machine: results are bit-exact on one kind, nearly equal on others."""

import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path


def platform_facts() -> dict[str, str]:
    """Returns what the last bits of a result depend on, for `config.json`."""
    import jax

    return {
        "processor": _processor(),
        "backend": jax.default_backend(),
        "device": jax.devices()[0].device_kind,
        "jax": version("jax"),
        "jaxlib": version("jaxlib"),
    }


@cache
def _processor() -> str:
    """Returns the model name of the processor, or its architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
