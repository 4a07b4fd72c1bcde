"""libforgepool for Python: the identity of a contract, and the offline check of an artifact bundle.

    import forgepool
    forgepool.contract_digest('{"op": …, "args": …}')         # 'sha256:…'
    report = forgepool.verify_bundle(bundle_bytes, root_bytes)  # a dict; raises forgepool.Error if anything does not hold

Uses nothing but the C interface (forgepool.h, where the meaning of everything is written down) and the standard library. The shared
library is the one that $FORGEPOOL_LIBRARY names, or else the one that the system's loader finds. All functions may be called from any
thread; the interpreter's lock is not held while the library works.
"""

import ctypes
import enum
import json
import os

__all__ = ["Error", "Status", "contract_digest", "library_version", "verify_bundle"]

_SONAME = "libforgepool.so.0.1"


class Status(enum.IntEnum):
    """What the caller can do about an error; the numbers are those of forgepool.h."""

    OK = 0
    INVALID_INPUT = 1
    NOT_FOUND = 2
    CONFLICT = 3
    UNAUTHENTICATED = 4
    DENIED = 5
    TOO_LARGE = 6
    UNAVAILABLE = 7
    UNSUPPORTED = 8
    CORRUPT = 9
    INTERNAL = 10


class Error(Exception):
    """A refusal by the library. `status` says what can be done about it, `message` what was wrong and where."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status
        self.message = message


# Texts out are declared as void pointers: as c_char_p, ctypes would turn them into bytes and lose what has to be freed.
_TEXT_IN = [ctypes.c_char_p, ctypes.c_size_t]
_TEXT_OUT = ctypes.POINTER(ctypes.c_void_p)


def _load():
    path = os.environ.get("FORGEPOOL_LIBRARY", _SONAME)
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(
            f"cannot load {path}: {error}. Install libforgepool where the loader looks, or set FORGEPOOL_LIBRARY to the file."
        ) from error
    library.forgepool_version.restype = ctypes.c_char_p
    library.forgepool_version.argtypes = []
    library.forgepool_string_free.restype = None
    library.forgepool_string_free.argtypes = [ctypes.c_void_p]
    library.forgepool_contract_digest.restype = ctypes.c_int
    library.forgepool_contract_digest.argtypes = _TEXT_IN + [_TEXT_OUT, _TEXT_OUT]
    library.forgepool_verify_bundle.restype = ctypes.c_int
    library.forgepool_verify_bundle.argtypes = _TEXT_IN + _TEXT_IN + [_TEXT_OUT, _TEXT_OUT]
    return library


_library = _load()


def _to_bytes(text, name):
    if isinstance(text, str):
        return text.encode("utf-8")
    if isinstance(text, (bytes, bytearray, memoryview)):
        return bytes(text)
    raise TypeError(f"{name}: expected str or bytes, got {type(text).__name__}")


def _take(pointer):
    """The text behind an out-parameter, which is freed."""
    if not pointer.value:
        return None
    try:
        return ctypes.string_at(pointer).decode("utf-8", errors="replace")
    finally:
        _library.forgepool_string_free(pointer)


def _call(function, *texts):
    arguments = []
    for text in texts:
        arguments += [text, len(text)]
    out, error = ctypes.c_void_p(), ctypes.c_void_p()
    number = function(*arguments, ctypes.byref(out), ctypes.byref(error))
    answer, message = _take(out), _take(error)
    if number == Status.OK:
        return answer
    try:
        status = Status(number)
    except ValueError:  # A newer library.
        status = Status.INTERNAL
    raise Error(status, message or "the library failed without a message (out of memory?)")


def library_version():
    """The version of the shared library: '0.1.0'."""
    return _library.forgepool_version().decode("ascii")


def contract_digest(contract):
    """The digest of a contract (JSON text): 'sha256:<hex>'. Raises Error with the JSON pointer of whatever is wrong with it."""
    return _call(_library.forgepool_contract_digest, _to_bytes(contract, "contract"))


def verify_bundle(bundle, trusted_root):
    """Checks every byte of a bundle and returns the report as a dict (see forgepool.h). Raises Error: Status.CORRUPT for the first
    thing that does not hold, INVALID_INPUT or TOO_LARGE for something that is no bundle or no trusted root."""
    report = _call(_library.forgepool_verify_bundle, _to_bytes(bundle, "bundle"), _to_bytes(trusted_root, "trusted_root"))
    return json.loads(report)
