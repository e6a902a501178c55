"""Keep README.md's generated parts in step with the code: `python tools/readme.py` rewrites them.

The options table comes from `config/`, the list of commands from `bench-cli`. `tests/test_readme.py`
fails where they differ.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from resnet_bench.cli import COMMANDS  # noqa: E402
from resnet_bench.config.options import Option, options, show_default  # noqa: E402

README = ROOT / "README.md"


def options_table() -> str:
    """One Markdown table per section of the configuration."""
    parts = []
    for title in dict.fromkeys(option.owner.title for option in options()):
        rows = [_row(option) for option in options() if option.owner.title == title]
        parts.append("\n".join([f"**{title}**", "", "| option | default | what it does |", "|---|---|---|", *rows]))
    return "\n\n".join(parts)


def _row(option: Option) -> str:
    flag = f"`{option.flag}`"
    if not option.is_switch:
        flag += f" {option.values}"
    default = "off" if option.is_switch and not option.default else show_default(option)
    return f"| {_cell(flag)} | {_cell(default)} | {_cell(option.help)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def commands_table() -> str:
    """The commands of `bench-cli`."""
    rows = [f"| `bench-cli {name}` | {words} |" for name, (_, words) in COMMANDS.items()]
    return "\n".join(["| command | what it does |", "|---|---|", *rows])


def updated(text: str) -> str:
    """README's text with every generated part replaced."""
    for name, content in (("options", options_table()), ("commands", commands_table())):
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        escaped = content.replace("\\", "\\\\")
        text, found = pattern.subn(rf"\g<1>{escaped}\n\g<2>", text)
        if found != 1:
            raise ValueError(f"README.md needs one part marked {name}")
    return text


if __name__ == "__main__":
    README.write_text(updated(README.read_text()))
