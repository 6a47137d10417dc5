"""What every room stands on: errors, files, compiling, several hosts, downloads, cached results.

`UserError` is a mistake of the user, told in one line that says what to do. A file is *replaced*:
it is written beside its place and renamed, so that it is whole or not there. A *kept* result is
computed once and read again when the same is asked for. Nothing here loads JAX when it is
imported: the command line's help and its refusals answer at once.
"""

from evofool.support import multihost
from evofool.support.compiling import jit, jit_lightly
from evofool.support.downloading import download
from evofool.support.errors import UserError, unknown_name
from evofool.support.files import read_json, replacing, user_cache, write_error, write_json
from evofool.support.formats import (
    as_percentage,
    duration,
    gigabytes,
    percent,
    rounded_percent,
)
from evofool.support.kept import Progress
from evofool.support.lock import locked
from evofool.support.multihost import Job, is_first, start
from evofool.support.platforms import platform_facts

__all__ = [
    "Job",
    "Progress",
    "UserError",
    "as_percentage",
    "download",
    "duration",
    "gigabytes",
    "is_first",
    "jit",
    "jit_lightly",
    "locked",
    "multihost",
    "percent",
    "platform_facts",
    "read_json",
    "replacing",
    "rounded_percent",
    "start",
    "unknown_name",
    "user_cache",
    "write_error",
    "write_json",
]
