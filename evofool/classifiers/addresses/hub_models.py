"""`timm:NAME`, `hf:OWNER/NAME`: models in the caches of these libraries, or in a folder.

Preprocessing and labels are those of their configurations. Nothing is downloaded, and no code of a
repository runs.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from evofool.classifiers.addresses.faces import hash_of
from evofool.classifiers.addresses.options import read_options
from evofool.classifiers.addresses.torch_models import PACKAGES, load_module
from evofool.classifiers.blaming import blaming
from evofool.classifiers.classifier import Classifier, on_faces
from evofool.support import Address, Foreign, UserError, needing, unknown_name

WEIGHTS = "model.safetensors"
_SIDE = 224  # of images, where a configuration has no size


class _Found(NamedTuple):
    """A model, the sha256 of its weights, and the options that its configuration stands for."""

    module: Foreign
    sha256: str
    told: Mapping[str, object]


def load(address: Address) -> Classifier:
    """Loads a model of timm, or an image classifier of Hugging Face's transformers.

    Raises:
        UserError: it is not in the cache, has no safetensors or no classes, or a package is
            missing.
    """
    found = (_timm if address.scheme == "timm" else _transformers)(address)
    options = read_options(address, found.told)
    classifier = load_module(address, found.module, options, sha256=found.sha256)

    def finish(face: Classifier) -> Classifier:
        guessed = tuple(field for field in face.card.guessed if field != "channel_order")
        name = options.card.name if options.card else address.path.name
        return replace(face, card=replace(face.card, name=name, guessed=guessed))

    return on_faces(classifier, finish)


def _timm(address: Address) -> _Found:
    timm = _import(address, "timm")
    if "/" in address.place:
        folder = _folder(address)
        name, weights, overlay = f"local-dir:{folder}", folder / WEIGHTS, None
    else:
        name, weights = address.place, _weights_of_name(address, timm)
        overlay = {"file": str(weights)}
    sha256 = hash_of(weights)
    with blaming(str(address)):
        model = timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay)
    if not model.num_classes:
        raise UserError(f"{address} has no classes, only features; give another model")
    config = timm.data.resolve_model_data_config(model)
    channels, height, width = config["input_size"]
    told = {"input": (height, width, channels), "mean": config["mean"], "std": config["std"]}
    labels = _timm_labels(timm.data, model)
    return _Found(model.eval(), sha256, {**told, "labels": labels} if labels else told)


def _weights_of_name(address: Address, timm: Foreign) -> Path:
    """Finds the weights of a model in timm's list, where timm itself would put them."""
    try:
        config = timm.get_pretrained_cfg(address.place)
    except RuntimeError:  # no such tag
        config = None
    if config is None or not config.has_weights:
        raise unknown_name("pretrained model of timm", address.place, timm.list_pretrained())
    if config.hf_hub_id:
        return _cached(address, config.hf_hub_id, config.hf_hub_filename or WEIGHTS)
    url = config.url if isinstance(config.url, str) else config.url[1]
    path = Path(_import(address, "torch").hub.get_dir()) / "checkpoints" / Path(url).name
    if not path.is_file():
        call = f"timm.create_model('{address.place}', pretrained=True)"
        raise _not_cached(address, path.name, path.parent, f'python -c "import timm; {call}"')
    return path


def _timm_labels(data: Foreign, model: Foreign) -> tuple[str, ...]:
    """Returns the labels that timm has for a model; empty if none."""
    names = model.pretrained_cfg.get("label_names")
    if names:
        described = model.pretrained_cfg.get("label_descriptions") or {}
        return tuple(described.get(name, name) for name in names)
    subset = data.infer_imagenet_subset(model)
    return tuple(data.ImageNetInfo(subset).label_descriptions()) if subset else ()


def _transformers(address: Address) -> _Found:
    transformers = _import(address, "transformers")
    folder = _folder(address)
    sha256 = hash_of(folder / WEIGHTS)
    local = {"local_files_only": True, "trust_remote_code": False}
    with blaming(str(address)):
        model, report = transformers.AutoModelForImageClassification.from_pretrained(
            folder,
            use_safetensors=True,
            attn_implementation="eager",  # not all of the fused ones can be exported
            output_loading_info=True,
            **local,
        )
        processor = transformers.AutoImageProcessor.from_pretrained(folder, **local)
    if report["missing_keys"]:
        raise UserError(
            f"{address} has no trained classes: its weights lack "
            f"{', '.join(sorted(report['missing_keys'])[:3])}; give a model that was fine-tuned"
        )
    config = model.config
    with blaming(str(address), doing="to prepare an image"):
        told = _probe(config, lambda image: processor(image, return_tensors="pt").pixel_values[0])
    labels = [str(config.id2label[index]) for index in sorted(config.id2label)]
    return _Found(_of_images(model.float().eval()), sha256, {**told, "labels": labels})


def _probe(config: Foreign, prepare: Callable[[Foreign], Foreign]) -> dict[str, object]:
    """Finds out what a processor does to images, by plain ones: its settings differ by model.

    Args:
        config: of the model.
        prepare: gives the input `[channels, height, width]` for levels `[height, width, channels]`.
    """
    side, channels = getattr(config, "image_size", _SIDE), getattr(config, "num_channels", 3)
    height, width = (side, side) if isinstance(side, int) else side
    black = np.zeros((height, width, channels), np.uint8)
    first = black.copy()
    first[..., 0] = 255
    dark, bright, colour = (np.asarray(prepare(image)) for image in (black, black + 255, first))
    middle = (slice(None), dark.shape[1] // 2, dark.shape[2] // 2)  # the edges may be padded
    low, high = dark[middle].astype(float), bright[middle].astype(float)
    is_bgr = channels == 3 and colour[middle][0] == low[0]
    return {
        "input": (*dark.shape[1:], channels),
        "mean": [float(f"{mean:.6g}") for mean in 0 - low / (high - low)],
        "std": [float(f"{std:.6g}") for std in 1 / (high - low)],
        **({"bgr": ""} if is_bgr else {}),
    }


def _of_images(model: Foreign) -> Foreign:
    """Makes a module from images to logits, or to a probability of each class by itself."""
    import torch  # pyright: ignore[reportMissingImports]

    is_by_itself = model.config.problem_type == "multi_label_classification"

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, images: Foreign) -> Foreign:
            logits = self.model(images).logits
            return logits.sigmoid() if is_by_itself else logits

    return Logits().eval()


def _import(address: Address, package: str) -> Foreign:
    with (
        blaming(str(address), doing=f"to import {package}"),
        needing(f"models of {package}", package, *PACKAGES),
    ):
        return importlib.import_module(package)


def _folder(address: Address) -> Path:
    """Returns the folder of a repository in the cache, or the one that the address names."""
    is_cached = address.is_name
    folder = _cached(address, address.place, "config.json").parent if is_cached else address.path
    if not (folder / WEIGHTS).is_file():
        hint = f"fetch it with: hf download {address.place}; or " if is_cached else ""
        raise UserError(
            f"{address}: {folder} has no {WEIGHTS}; {hint}save the model in that format, and give "
            f"{address.scheme}:FOLDER (other files of weights may be pickles, and are not read)"
        )
    return folder


def _cached(address: Address, repository: str, file: str) -> Path:
    """Returns a file of a repository in the cache of Hugging Face."""
    hub = _import(address, "huggingface_hub")
    try:
        return Path(hub.hf_hub_download(repository, file, local_files_only=True))
    except (OSError, ValueError) as error:  # not there; or no name of a repository
        place, command = Path(hub.constants.HF_HUB_CACHE), f"hf download {repository}"
        raise _not_cached(address, f"{file} of {repository}", place, command) from error


def _not_cached(address: Address, what: str, place: Path, command: str) -> UserError:
    return UserError(
        f"{address}: {what} is not in {place}, and evofool downloads nothing; fetch it with: "
        f"{command}"
    )
