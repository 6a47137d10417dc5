"""Runs commands in this process."""

import pytest

from evofool.cli import main


def output_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Runs a command that must succeed; returns what it prints."""
    assert main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out
