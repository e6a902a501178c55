"""Files of option values: `--preset-file` reads them, `bench-cli tune` writes them.

TOML without tables, one option per line, named as on the command line. Neighbours: `option.py` validates each
value, `options.py` applies the command line over them.
"""

from __future__ import annotations

import codecs
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from resnet_bench.config.option import coerce, find_option
from resnet_bench.errors import ConfigError


def read(path: str | Path) -> dict[str, Any]:
    """Option names and typed values. `ConfigError` names the file and the error."""
    where = f"--preset-file {path}"
    found: dict[str, Any] = {}
    for name, value in content(Path(path), where).items():
        if isinstance(value, dict):
            raise ConfigError(f"{where}: [{name}] is a table.", "Write one option per line: batch_size = 32.")
        option = find_option(name, where)
        if option.name == "preset_file":
            raise ConfigError(f"{where} names another preset file.", "Merge both files.")
        if option.name in found:
            raise ConfigError(f"{where} names {option.name} twice.", "Leave one of them out.")
        try:
            found[option.name] = coerce(option, value)
        except ConfigError as error:
            raise ConfigError(f"{where}: {error.message}", error.remedy) from error
    return found


def content(path: Path, where: str) -> dict[str, Any]:
    """What a TOML file holds; `where` names it in a refusal."""
    try:
        found = path.read_bytes()
        if found.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise ConfigError(f"{where} is UTF-16 text; TOML is UTF-8.", "Convert it: iconv -f UTF-16 -t UTF-8.")
        return tomllib.loads(found.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        byte = f"byte {error.start} (0x{error.object[error.start]:02x})"
        raise ConfigError(
            f"{where} is not TOML: {byte} is not UTF-8.", "If it is Latin-1: iconv -f LATIN1 -t UTF-8."
        ) from error
    except OSError as error:
        raise ConfigError(f"{where} cannot be read: {error.strerror or error}.") from error
    except RecursionError as error:
        raise ConfigError(f"{where} is nested too deeply.", "Write one option per line: batch_size = 32.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where} is not TOML: {error}.", "Write one option per line: batch_size = 32.") from error


def write(values: Mapping[str, Any], comments: tuple[str, ...] = ()) -> bytes:
    """The file's content for these values; None, which TOML cannot express, is left out. Inverse of `read`."""
    lines = [f"# {line}" for comment in comments for line in comment.splitlines()]
    lines += [f"{name} = {_toml(value)}" for name, value in values.items() if value is not None]
    return "\n".join(lines).encode("utf-8", "surrogateescape") + b"\n"


def _toml(value: Any) -> str:
    """JSON's text, numbers, switches and lists are TOML's too, but for one control character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
