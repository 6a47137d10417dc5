"""Edits of the JSON files in a run directory."""

import json
from pathlib import Path


def edit(path: Path, **changes: object) -> None:
    content = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps(content), encoding="utf-8")


def edit_config(path: Path, **changes: object) -> None:
    manifest = json.loads((path / "config.json").read_text())
    edit(path / "config.json", config=manifest["config"] | changes)
