"""The commands that get weights: weights convert, weights fetch."""

from pathlib import Path
from typing import Annotated

import tyro

from evofool.cli.startup import start_jax
from evofool.support import UserError, read_json


def weights_convert(
    file: Annotated[Path, tyro.conf.Positional],
    *,
    family: str,
    out: Path,
    name: str | None = None,
    labels: Path | None = None,
    card: Path | None = None,
) -> None:
    """Converts a network trained with PyTorch: a state dict of torchvision or timm.

    Reads .safetensors, and .pth and .pt where PyTorch is installed (its weights-only loader runs
    no code). Folds batch norm, checks every tensor, tries the network, and writes
    NAME.safetensors with its card NAME.json.

      evofool weights convert resnet18.pth --family resnet18 --out weights
      evofool weights convert pets.safetensors --family resnet50 --out weights --labels pets.txt
      evofool classify cat.jpg --classifier pets --weights weights

    The card says how torchvision's weights are fed (Caffe's, for caffenet). Where yours differ,
    --card names a JSON file with the fields that do, such as {"interpolation": "bicubic"}.

    Args:
        file: the state dict.
        family: alexnet, caffenet, googlenet, mobilenet_v2, resnet18, resnet50,
            squeezenet_v1.0_torchvision or squeezenet_v1.1.
        out: folder to write into.
        name: of the classifier; that of the file unless given.
        labels: text file with the name of a class in every line; ImageNet's unless given.
        card: JSON file with fields of the card that differ.
    """
    start_jax()
    from evofool.classifiers import convert_weights

    fields = {} if card is None else read_json(card)
    if not isinstance(fields, dict):
        raise UserError(f"{card}: expected a JSON object, found {type(fields).__name__}")
    written = convert_weights(
        file,
        family=family,
        out=out,
        name=name,
        labels=None if labels is None else _lines(labels),
        fields=fields,
    )
    print(f"{out / written.name}.safetensors: {written.family}, {written.classes} classes")
    print(f"use it with --classifier {written.name} --weights {out}")


def weights_fetch(
    name: Annotated[str, tyro.conf.Positional],
    *,
    out: Path | None = None,
    url: str | None = None,
    quiet: bool = False,
) -> None:
    """Downloads weights that torchvision publishes, checks them and converts them.

    The published files are pickles, which only PyTorch reads safely; it has to be installed
    (pip install "evofool[compare]").

      evofool weights fetch resnet18 --out weights
      evofool evolve --classifier resnet18 --weights weights

    Args:
        name: alexnet, googlenet, mobilenet_v2, resnet18, resnet50, squeezenet1_0 or
            squeezenet1_1.
        out: folder to write into; one in the user cache unless given.
        url: address of a folder with the published files, instead of torchvision's.
        quiet: no progress.
    """
    start_jax()
    from evofool.classifiers import fetch_weights

    def report(line: str) -> None:
        if not quiet:
            print(line, flush=True)

    folder = fetch_weights(name, out=out, url=url, report=report)
    print(f"use it with --classifier {name} --weights {folder}")


def _lines(path: Path) -> list[str]:
    """Reads a text file's lines, without those that are empty at its end."""
    try:
        return path.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except OSError as error:
        raise UserError(f"cannot read labels {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"labels {path} are not UTF-8 text: {error}") from error
