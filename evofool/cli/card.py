"""The command that writes what is known of a model in a file: card."""

from pathlib import Path
from typing import Annotated

import tyro

from evofool.cli.lines import say
from evofool.cli.startup import start_jax
from evofool.support import UserError, parse_address


def card(
    address: Annotated[str, tyro.conf.Positional],
    *,
    out: Path | None = None,
) -> None:
    """Writes the card of a model: input, preprocessing and labels.

    What the file does not tell and the address does not say is guessed; the card lists it under
    guessed. Correct the fields, take their names off that list, and use the card with
    ?card=FILE.json.

      evofool card onnx:model.onnx --out model.card.json
      evofool card 'onnx:model.onnx?prep=imagenet&labels=names.txt'
      evofool classify cat.jpg --classifier 'onnx:model.onnx?card=model.card.json'

    Args:
        address: of the model, for instance onnx:model.onnx, with options after a question mark.
        out: JSON file to write; by default the card is printed.
    """
    start_jax()
    from evofool.classifiers import load_classifier
    from evofool.cli.console import print_json

    parsed = parse_address(address)
    if parsed is None:
        raise UserError(
            f"{address!r} is no address of a model that others made; expected for instance "
            "onnx:model.onnx or timm:resnet18"
        )
    if out is not None and parsed.path.resolve() == out.resolve():
        raise UserError(f"{out} is the model; choose another --out")
    made = load_classifier(address).card
    if out is None:
        print_json(made.to_dict())
        return
    made.write(out)
    guesses = f"guessed: {', '.join(made.guessed)}" if made.guessed else "nothing is guessed"
    say(f"{out}: {made.classes} classes, images of {made.input_shape}; {guesses}")
