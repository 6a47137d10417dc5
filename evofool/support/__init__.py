"""What every room stands on: errors, files, compiling, several hosts, downloads, progress.

A `UserError` is a mistake of the user, reported in one line that says what to do. A file is
*replaced*: written beside its place and renamed, so that it is complete or absent. `Progress`
saves the arrays of long work, which resumes from them. Importing this room does not load JAX:
the command line's help and its error messages appear at once.
"""

from evofool.support import multihost
from evofool.support.addresses import SCHEMES, Address, parse_address, with_backend
from evofool.support.arrays import read_array, read_arrays, write_arrays
from evofool.support.compiling import Compiled, jit, jit_lightly
from evofool.support.downloading import download
from evofool.support.errors import (
    DamagedFileError,
    DamagedFileWarning,
    MissingPackageError,
    ModelWarning,
    StoppedEarlyError,
    UserError,
    unknown_name,
)
from evofool.support.files import (
    flush,
    is_temporary,
    make_folder,
    read_json,
    remove,
    replacing,
    sha256_of,
    write_error,
    write_json,
)
from evofool.support.formats import (
    as_percentage,
    duration,
    gigabytes,
    percent,
    rounded_percent,
)
from evofool.support.hooks import PLUGINS, Registry
from evofool.support.kept_programs import keep_programs_in, kept
from evofool.support.lock import is_of_lock, locked, locked_folder, writer_of
from evofool.support.loose import AnyArray, Foreign, JsonValue, Setting, Tree
from evofool.support.memory import check_program, check_room, forget_programs
from evofool.support.multihost import Job, is_first, start
from evofool.support.needing import needing
from evofool.support.platforms import peak_memory, platform_facts, user_cache
from evofool.support.printable import (
    csv_cell,
    from_csv_cell,
    in_markdown,
    printable,
    shortened,
)
from evofool.support.progress import Progress
from evofool.support.reading import (
    MOST_JSON,
    check_file,
    gunzipped,
    parse_json,
    parse_toml,
    read_bytes,
    read_text,
)
from evofool.support.records import as_record, check_schema, check_version
from evofool.support.remote import local_copy
from evofool.support.settings import (
    build,
    check_counts,
    check_positive,
    check_rates,
    flattened,
    merged,
    nested,
)
from evofool.support.starting import configure
from evofool.support.trust import (
    check_trust,
    is_python_file,
    is_service,
    names_code,
    split_code,
    with_full_path,
)
from evofool.support.urls import full_path, url_of

__all__ = [
    "MOST_JSON",
    "PLUGINS",
    "SCHEMES",
    "Address",
    "AnyArray",
    "Compiled",
    "DamagedFileError",
    "DamagedFileWarning",
    "Foreign",
    "Job",
    "JsonValue",
    "MissingPackageError",
    "ModelWarning",
    "Progress",
    "Registry",
    "Setting",
    "StoppedEarlyError",
    "Tree",
    "UserError",
    "as_percentage",
    "as_record",
    "build",
    "check_counts",
    "check_file",
    "check_positive",
    "check_program",
    "check_rates",
    "check_room",
    "check_schema",
    "check_trust",
    "check_version",
    "configure",
    "csv_cell",
    "download",
    "duration",
    "flattened",
    "flush",
    "forget_programs",
    "from_csv_cell",
    "full_path",
    "gigabytes",
    "gunzipped",
    "in_markdown",
    "is_first",
    "is_of_lock",
    "is_python_file",
    "is_service",
    "is_temporary",
    "jit",
    "jit_lightly",
    "keep_programs_in",
    "kept",
    "local_copy",
    "locked",
    "locked_folder",
    "make_folder",
    "merged",
    "multihost",
    "names_code",
    "needing",
    "nested",
    "parse_address",
    "parse_json",
    "parse_toml",
    "peak_memory",
    "percent",
    "platform_facts",
    "printable",
    "read_array",
    "read_arrays",
    "read_bytes",
    "read_json",
    "read_text",
    "remove",
    "replacing",
    "rounded_percent",
    "sha256_of",
    "shortened",
    "split_code",
    "start",
    "unknown_name",
    "url_of",
    "user_cache",
    "with_backend",
    "with_full_path",
    "write_arrays",
    "write_error",
    "write_json",
    "writer_of",
]
