"""Converts weights trained elsewhere: folds batch norm, renames tensors, writes a card.

After a convolution with weights w (no bias), batch norm computes

    gamma * (w x - mean) / sqrt(variance + epsilon) + beta

which is a convolution with weights s w and bias beta - s mean, where s = gamma / sqrt(variance +
epsilon). The converted file holds these, so no network here needs batch norm.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from evofool.classifiers.card import Card
from evofool.classifiers.classifier import Classifier, Params, check_classifier, make_network
from evofool.classifiers.importing.published import CONVERSIONS, LayerSource, StateDictLayout
from evofool.classifiers.importing.state_dicts import read_state_dict
from evofool.classifiers.labels import IMAGENET_CLASSES, imagenet_ids, imagenet_labels
from evofool.classifiers.loading import write_classifier
from evofool.classifiers.storage import Leaf, flatten, unflatten
from evofool.support import JsonValue, UserError, unknown_name

StateDict = Mapping[str, np.ndarray]
_COUNTER = ".num_batches_tracked"  # of a batch norm, which only training uses
_MOST_LISTED = 4  # problems in an error message


def convert_weights(
    path: str | Path,
    *,
    family: str,
    out: str | Path,
    name: str | None = None,
    labels: Sequence[str] | None = None,
    fields: Mapping[str, JsonValue] | None = None,
    prefix: str | None = None,
) -> Card:
    """Converts a PyTorch state dict of torchvision or timm, and checks the result.

    Writes `NAME.safetensors` and its card `NAME.json`. The card describes the preprocessing of
    torchvision's weights; `fields` changes it for others.

    Args:
        path: a `.safetensors` file, or what `torch.save` has written where PyTorch is installed.
        family: the architecture, a key of `CONVERSIONS`.
        out: folder to write into; created if missing.
        name: of the classifier; by default the name of the file without its ending.
        labels: of the classes; by default ImageNet's, for 1000 or 1001 outputs.
        fields: fields of the card that differ, for instance `{"interpolation": "bicubic"}`.
        prefix: what the names of the network's tensors begin with in the file, for instance
            "model_ema."; it is found out unless there are several.

    Returns:
        The card as written.

    Raises:
        UserError: the file cannot be read safely, a tensor is missing, extra or of the wrong
            shape, the number of labels is wrong, or `check_classifier` refuses the result.
    """
    path, out = Path(path), Path(out)
    name = path.stem if name is None else name
    target = out / f"{name}.safetensors"
    if target.exists() and target.samefile(path):
        raise UserError(f"{path} would be replaced by what is made of it; choose another out")
    if family not in CONVERSIONS:
        raise unknown_name("family to convert", family, CONVERSIONS)
    state = read_state_dict(path)
    layout, prefix = _find_layout(state, family, path, prefix)
    state = _under(state, prefix)
    head = state[f"{list(layout.layers.values())[-1].layer}.bias"]
    under = f", tensors under {prefix!r}" if prefix else ""
    fields = {"notes": f"converted from {path.name}{under}", **(fields or {})}
    card = _make_card(name, family, head.size, labels, fields)
    network = make_network(card)
    params = _convert(state, layout, flatten(network.shapes), path)
    check_classifier(Classifier(card=card, params=params, apply=network.apply))
    return write_classifier(target, card, params)


def _find_layout(
    state: StateDict, family: str, path: Path, prefix: str | None
) -> tuple[StateDictLayout, str]:
    """Returns the layout whose tensors are those of the state dict, and the prefix they are under.

    Wrappers put a prefix before all names ("module.", "_orig_mod.") and training scripts keep the
    state dict among other things ("state_dict.", "optimizer."). Whatever it is called, it is the
    one under which all tensors of the network are.

    Raises:
        UserError: there is no such prefix, or more than one.
    """
    problems = {}
    for layout in CONVERSIONS[family].layouts:
        complete, nearest = _prefixes(state, layout)
        chosen = complete if prefix is None else [prefix]
        if len(chosen) > 1:
            shown = ", ".join(map(repr, chosen))
            raise UserError(
                f"{path} holds the tensors of {family} more than once, under the prefixes {shown}; "
                f"say which are meant, for instance --prefix {chosen[-1]}"
            )
        under = chosen[0] if chosen else nearest
        problems[layout.origin, under] = _wrong_names(_under(state, under), layout)
        if not problems[layout.origin, under]:
            return layout, under
    origin, under = min(problems, key=lambda key: len(problems[key]))
    fits = [
        other
        for other, recipe in CONVERSIONS.items()
        if any(_prefixes(state, layout)[0] for layout in recipe.layouts)
    ]
    hint = f"; its tensors are named as those of {' or '.join(fits)}" if fits else ""
    where = f" under {under!r}" if under else ""
    raise _misfit(
        path, f"is no state dict of {family} ({origin}){where}", problems[origin, under], hint
    )


def _prefixes(state: StateDict, layout: StateDictLayout) -> tuple[list[str], str]:
    """Returns the prefixes under which all tensors of a layout are, and the one with most."""
    expected = {name for source in layout.layers.values() for name in _tensors(source)}
    counts: Counter[str] = Counter()
    for name in state:
        parts = name.split(".")
        for number in range(len(parts)):
            if ".".join(parts[number:]) in expected:
                counts["".join(f"{part}." for part in parts[:number])] += 1
    nearest = max(counts, key=lambda prefix: (counts[prefix], -len(prefix)), default="")
    return sorted(prefix for prefix in counts if counts[prefix] == len(expected)), nearest


def _under(state: StateDict, prefix: str) -> StateDict:
    """Returns the tensors whose names begin with a prefix, without it."""
    return {name[len(prefix) :]: state[name] for name in state if name.startswith(prefix)}


def _wrong_names(state: StateDict, layout: StateDictLayout) -> list[str]:
    expected = {name for source in layout.layers.values() for name in _tensors(source)}
    found = {
        name
        for name in state
        if not name.endswith(_COUNTER) and not name.startswith(layout.dropped)
    }
    missing = [f"tensor {name!r} is missing" for name in sorted(expected - found)]
    return missing + [f"tensor {name!r} is not expected" for name in sorted(found - expected)]


def _tensors(source: LayerSource) -> list[str]:
    if not source.norm:
        return [f"{source.layer}.weight", f"{source.layer}.bias"]
    norm = ("weight", "bias", "running_mean", "running_var")
    return [f"{source.layer}.weight", *(f"{source.norm}.{part}" for part in norm)]


def _make_card(
    name: str,
    family: str,
    outputs: int,
    labels: Sequence[str] | None,
    fields: Mapping[str, JsonValue],
) -> Card:
    fixed = {"name": name, "family": family, "outputs": outputs}
    taken = sorted({*fixed, "labels"} & fields.keys())
    if taken:
        raise UserError(
            f"fields of the card: {', '.join(taken)} cannot be among them; leave it out (labels "
            "and the name are given apart)"
        )
    values = {**CONVERSIONS[family].card, **fields, **fixed}
    if outputs == IMAGENET_CLASSES + 1 and (labels is None or len(labels) == IMAGENET_CLASSES):
        values.setdefault("class_offset", 1)  # the first output is TensorFlow's "background"
    if labels is not None:
        values["labels"] = labels
    elif outputs in (IMAGENET_CLASSES, IMAGENET_CLASSES + 1):
        values = {"ids": imagenet_ids(), **values, "labels": imagenet_labels()}
    else:
        raise UserError(
            f"{name} has {outputs} outputs, which are not the {IMAGENET_CLASSES} classes of "
            "ImageNet; give labels, a name for every class"
        )
    return Card.from_dict(values, source=f"card of {name!r}")


def _convert(
    state: StateDict, layout: StateDictLayout, shapes: Mapping[str, Leaf], path: Path
) -> Params:
    """Returns the network's parameters.

    Args:
        state: the tensors; none is missing.
        layout: how they are named.
        shapes: of the parameters, by `layer.kernel` and `layer.bias`.
        path: of the state dict, for error messages.
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


def _fold(state: StateDict, source: LayerSource, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns the weights, outputs first, and the biases of a layer with its batch norm folded."""
    if not source.norm:
        weight, bias = (state[name] for name in _tensors(source))
        return weight, bias
    tensors = (state[name].astype(np.float64) for name in _tensors(source))
    weight, gamma, beta, mean, variance = tensors
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = gamma / np.sqrt(variance + epsilon)
    return weight * scale[:, None, None, None], beta - scale * mean


def _misfit(path: Path, what: str, problems: list[str], hint: str = "") -> UserError:
    more = f" (and {len(problems) - _MOST_LISTED} more)" if len(problems) > _MOST_LISTED else ""
    return UserError(f"{path} {what}: {'; '.join(problems[:_MOST_LISTED])}{more}{hint}")
