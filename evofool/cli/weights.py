"""The commands that get weights: weights convert, weights fetch."""

import re
from pathlib import Path
from typing import Annotated

import tyro

from evofool.cli.lines import say
from evofool.cli.startup import start_jax
from evofool.support import UserError, read_json, read_text


def weights_convert(
    file: Annotated[Path, tyro.conf.Positional],
    *,
    family: str,
    out: Path,
    name: str | None = None,
    labels: Path | None = None,
    card: Path | None = None,
    prefix: str | None = None,
) -> None:
    """Converts a PyTorch state dict, of torchvision or timm.

    Reads .safetensors files and, if PyTorch is installed, what torch.save has written (.pth, .pt,
    .th, .ckpt, .tar, .bin) with its weights-only loader, which runs no code. The tensors may be
    under any prefix ("module.", "state_dict.model."). Folds batch normalisation into the layers,
    checks each tensor, runs the network once, and writes NAME.safetensors with its card NAME.json.

      evofool weights convert resnet18.pth --family resnet18 --out weights
      evofool weights convert pets.safetensors --family resnet50 --out weights --labels pets.txt
      evofool classify cat.jpg --classifier pets --weights weights

    The card describes torchvision's preprocessing, and for caffenet Caffe's. If your network was
    trained with another, give the fields that differ in a JSON file, for instance
    {"interpolation": "bicubic"}, with --card.

    Args:
        file: file that holds the state dict.
        family: architecture: alexnet, caffenet, googlenet, mobilenet_v2, resnet18, resnet50,
            squeezenet_v1.0_torchvision or squeezenet_v1.1.
        out: folder to write into.
        name: name of the classifier; by default that of the file.
        labels: text file with a label per line; by default the 1000 labels of ImageNet.
        card: JSON file with the card's fields that differ.
        prefix: what the names of the network's tensors begin with in the file, for instance
            model_ema. with its dot; found out unless there are several.
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
        prefix=prefix,
    )
    say(
        f"{out / written.name}.safetensors: {written.family}, {written.classes} classes; "
        f"{written.notes}"
    )
    say(f"use it with --classifier {written.name} --weights {out}")


def weights_fetch(
    name: Annotated[str, tyro.conf.Positional],
    *,
    out: Path | None = None,
    url: str | None = None,
    quiet: bool = False,
) -> None:
    """Downloads and converts weights that torchvision publishes.

    It checks their hash. The published files are pickles, which only PyTorch's weights-only loader
    reads safely; to install PyTorch, run pip install torch.

      evofool weights fetch resnet18 --out weights
      evofool evolve --classifier resnet18 --weights weights

    Args:
        name: network: alexnet, googlenet, mobilenet_v2, resnet18, resnet50, squeezenet1_0 or
            squeezenet1_1.
        out: folder to write into; by default one in the user cache.
        url: address of a folder that holds the published files, instead of torchvision's.
        quiet: print no progress.
    """
    start_jax()
    from evofool.classifiers import fetch_weights

    def report(line: str) -> None:
        if not quiet:
            say(line)

    folder = fetch_weights(name, out=out, url=url, report=report)
    say(f"use it with --classifier {name} --weights {folder}")


def _lines(path: Path) -> list[str]:
    """Reads the lines of a text file, without empty lines at its end."""
    text = read_text(path).rstrip()
    return re.split(r"\r\n|\r|\n", text) if text else []
