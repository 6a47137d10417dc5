"""Weights trained elsewhere, made ours: batch norm folded, tensors renamed, a card beside them.

After a convolution with weights w (no bias), batch norm computes

    gamma * (w x - mean) / sqrt(variance + epsilon) + beta

which is a convolution with weights s w and bias beta - s mean, s = gamma / sqrt(variance +
epsilon). That is what is written, so that no network has batch norm when it runs.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evofool.classifiers.card import Card
from evofool.classifiers.classifier import Classifier, check_classifier, make_network
from evofool.classifiers.importing.published import RECIPES, Layout, Source
from evofool.classifiers.importing.state_dicts import read_state_dict
from evofool.classifiers.labels import CLASSES, imagenet_ids, imagenet_labels
from evofool.classifiers.loading import write_classifier
from evofool.classifiers.storage import flatten, unflatten
from evofool.support import UserError, unknown_name

State = Mapping[str, np.ndarray]
_COUNTER = ".num_batches_tracked"  # of a batch norm, for training only
_SHOWN = 4  # problems that an error lists


def convert_weights(
    path: str | Path,
    *,
    family: str,
    out: str | Path,
    name: str | None = None,
    labels: Sequence[str] | None = None,
    fields: Mapping[str, Any] | None = None,
) -> Card:
    """Converts a PyTorch state dict of torchvision or timm, and tries the result.

    Writes `NAME.safetensors` and its card `NAME.json`. The card says how torchvision's weights
    are fed; `fields` says what is different for others.

    Args:
        path: a `.safetensors` file, or `.pth` or `.pt` where PyTorch is installed.
        family: the architecture, a key of `RECIPES`.
        out: folder to write into; made if it is not there.
        name: of the classifier; the file's, without its ending, unless given.
        labels: names of the classes; ImageNet's for 1000 or 1001 outputs unless given.
        fields: fields of the card that differ, for instance `{"interpolation": "bicubic"}`.

    Returns:
        The card that was written.

    Raises:
        UserError: the file cannot be read safely, a tensor is missing, extra or of the wrong
            shape, the number of labels is wrong, or the network gives no sensible outputs.
    """
    path, out = Path(path), Path(out)
    name = path.stem if name is None else name
    target = out / f"{name}.safetensors"
    if target.exists() and target.samefile(path):
        raise UserError(f"{path} would be replaced by what is made of it; choose another out")
    if family not in RECIPES:
        raise unknown_name("family to convert", family, RECIPES)
    state = read_state_dict(path)
    layout = _layout_of(state, family, path)
    head = state[f"{list(layout.layers.values())[-1].layer}.bias"]
    fields = {"notes": f"converted from {path.name}", **(fields or {})}
    card = _make_card(name, family, head.size, labels, fields)
    network = make_network(card)
    params = _convert(state, layout, flatten(network.shapes), path)
    check_classifier(Classifier(card=card, params=params, apply=network.apply))
    return write_classifier(target, card, params)


def _layout_of(state: State, family: str, path: Path) -> Layout:
    """Returns the layout that has exactly the tensors of the state dict."""
    problems = {}
    for layout in RECIPES[family].layouts:
        problems[layout.origin] = _wrong_names(state, layout)
        if not problems[layout.origin]:
            return layout
    origin = min(problems, key=lambda origin: len(problems[origin]))
    fits = [
        other
        for other, recipe in RECIPES.items()
        if any(not _wrong_names(state, layout) for layout in recipe.layouts)
    ]
    hint = f"; its tensors are named as those of {' or '.join(fits)}" if fits else ""
    raise _misfit(path, f"is no state dict of {family} ({origin})", problems[origin], hint)


def _wrong_names(state: State, layout: Layout) -> list[str]:
    expected = {name for source in layout.layers.values() for name in _tensors(source)}
    found = {
        name
        for name in state
        if not name.endswith(_COUNTER) and not name.startswith(layout.dropped)
    }
    missing = [f"tensor {name!r} is missing" for name in sorted(expected - found)]
    return missing + [f"tensor {name!r} is not expected" for name in sorted(found - expected)]


def _tensors(source: Source) -> list[str]:
    if not source.norm:
        return [f"{source.layer}.weight", f"{source.layer}.bias"]
    norm = ("weight", "bias", "running_mean", "running_var")
    return [f"{source.layer}.weight", *(f"{source.norm}.{part}" for part in norm)]


def _make_card(
    name: str,
    family: str,
    outputs: int,
    labels: Sequence[str] | None,
    fields: Mapping[str, Any],
) -> Card:
    fixed = {"name": name, "family": family, "outputs": outputs}
    taken = sorted({*fixed, "labels"} & fields.keys())
    if taken:
        raise UserError(
            f"fields of the card: {', '.join(taken)} cannot be among them; leave it out (labels "
            "and the name are given apart)"
        )
    values = {**RECIPES[family].card, **fields, **fixed}
    if outputs == CLASSES + 1 and (labels is None or len(labels) == CLASSES):
        values.setdefault("class_offset", 1)  # the first output is TensorFlow's "background"
    if labels is not None:
        values["labels"] = labels
    elif outputs in (CLASSES, CLASSES + 1):
        values = {"ids": imagenet_ids(), **values, "labels": imagenet_labels()}
    else:
        raise UserError(
            f"{name} has {outputs} outputs, which are not the {CLASSES} classes of ImageNet; "
            "give labels, a name for every class"
        )
    return Card.from_dict(values, source=f"card of {name!r}")


def _convert(state: State, layout: Layout, shapes: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Makes the network's parameters.

    Args:
        state: the tensors, all there.
        layout: how they are named.
        shapes: of our tensors, by `layer.kernel` and `layer.bias`.
        path: where the tensors are from.
    """
    wrong, params = [], {}
    for layer, source in layout.layers.items():
        kernel = shapes[f"{layer}.kernel"].shape
        outputs = kernel[-1:]
        expected = [(*kernel[:-3:-1], *kernel[:-2]), *[outputs] * (len(_tensors(source)) - 1)]
        wrong += [
            f"tensor {name!r}: expected {list(shape)}, found {list(state[name].shape)}"
            for name, shape in zip(_tensors(source), expected, strict=True)
            if state[name].shape != shape
        ]
        if wrong:
            continue
        weight, bias = _fold(state, source, layout.epsilon)
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise UserError(
                f"{path}: {source.layer} holds NaN or infinity"
                + (f", or the variance of {source.norm} is below 0" if source.norm else "")
                + "; the file is damaged, or its training failed"
            )
        params[f"{layer}.kernel"] = np.moveaxis(weight, (0, 1), (-1, -2)).astype(np.float32)
        params[f"{layer}.bias"] = bias.astype(np.float32)
    if wrong:
        raise _misfit(path, "does not fit the network", wrong)
    return unflatten(params)


def _fold(state: State, source: Source, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns the weights, outputs first, and the biases of a layer and the norm after it."""
    if not source.norm:
        weight, bias = (state[name] for name in _tensors(source))
        return weight, bias
    tensors = (state[name].astype(np.float64) for name in _tensors(source))
    weight, gamma, beta, mean, variance = tensors
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = gamma / np.sqrt(variance + epsilon)
    return weight * scale[:, None, None, None], beta - scale * mean


def _misfit(path: Path, what: str, problems: list[str], hint: str = "") -> UserError:
    more = f" (and {len(problems) - _SHOWN} more)" if len(problems) > _SHOWN else ""
    return UserError(f"{path} {what}: {'; '.join(problems[:_SHOWN])}{more}{hint}")
