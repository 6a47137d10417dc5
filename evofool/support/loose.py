"""Values whose types nobody here knows, by what they are; each is looked at where it is used."""

from typing import Any

JsonValue = Any
"""What `json.loads` returns; whoever reads a file checks the values one by one."""

Setting = Any
"""The value of a setting, by name; the dataclass or function that takes it checks its type."""

Foreign = Any
"""A module or an object of a library that evofool does without, or that declares no types."""

Tree = Any
"""A pytree of arrays, whose structure the caller knows."""

AnyArray = Any
"""An array of NumPy or of JAX, and what comes of it is of the same kind."""
