"""Compares models of timm and of transformers, loaded by address, with these libraries themselves.

    HF_HOME=/tmp/hub python scripts/hub_models.py

Needs no network: the models have random weights, and are put into the cache at HF_HOME, where they
stay for other commands (`--classifier timm:resnet18`, `hf:random/vit`).
"""

import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import timm  # pyright: ignore[reportMissingImports]
import torch  # pyright: ignore[reportMissingImports]
import transformers  # pyright: ignore[reportMissingImports]
from huggingface_hub import constants  # pyright: ignore[reportMissingImports]
from safetensors.torch import save_file

import evofool

OF_TIMM = ("resnet18", "mobilenetv3_small_100", "vit_tiny_patch16_224", "convnext_atto")
OF_TRANSFORMERS = {  # sizes of small models of each kind
    "ViT": {"hidden_size": 192, "num_attention_heads": 3, "intermediate_size": 768},
    "ResNet": {"hidden_sizes": [64, 128, 256, 512], "depths": [2] * 4, "layer_type": "basic"},
    "Swin": {"embed_dim": 48, "depths": [2, 2, 2, 2], "num_heads": [3, 6, 12, 24]},
    "ConvNext": {"hidden_sizes": [40, 80, 160, 320], "depths": [2, 2, 6, 2]},
}
IMAGES = 4


def folder_of(repository: str) -> Path:
    """Makes a repository in the cache, and returns the folder of its files."""
    home = Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    (home / "snapshots" / "0").mkdir(parents=True, exist_ok=True)
    (home / "refs").mkdir(exist_ok=True)
    (home / "refs" / "main").write_text("0")
    return home / "snapshots" / "0"


def models() -> Iterator[tuple[str, Any]]:
    """Puts each model into the cache; yields its address, and its logits for levels of images."""
    for name in OF_TIMM:
        model = timm.create_model(name).eval()
        config = timm.data.resolve_model_data_config(model)
        mean, std = (np.array(config[key], np.float32) for key in ("mean", "std"))
        repository = timm.get_pretrained_cfg(name).hf_hub_id
        save_file(model.state_dict(), folder_of(repository) / "model.safetensors")

        def of_timm(images: np.ndarray, model: Any = model, mean: Any = mean, std: Any = std):
            values = (images.astype(np.float32) / 255 - mean) / std
            return model(torch.from_numpy(values.transpose(0, 3, 1, 2).copy()))

        yield f"timm:{name}", of_timm
    for kind, sizes in OF_TRANSFORMERS.items():
        config = getattr(transformers, f"{kind}Config")(num_labels=1000, **sizes)
        model = getattr(transformers, f"{kind}ForImageClassification")(config).eval()
        processor = transformers.ViTImageProcessor()
        folder = folder_of(f"random/{kind.lower()}")
        model.save_pretrained(folder)
        processor.save_pretrained(folder)

        def of_transformers(images: np.ndarray, model: Any = model, prepare: Any = processor):
            return model(**prepare(list(images), return_tensors="pt")).logits

        yield f"hf:random/{kind.lower()}", of_transformers


def main() -> None:
    """Prints a row for each model."""
    warnings.simplefilter("ignore", FutureWarning)
    torch.manual_seed(0)
    heads = ("model", "computed by", "loaded in", "largest logit", "largest difference")
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    for name, native in models():
        began = time.perf_counter()
        classifier = evofool.load_classifier(name)
        seconds = time.perf_counter() - began
        shape = (IMAGES, *classifier.card.input_shape)
        images = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
        with torch.no_grad():
            expected = native(images).numpy()
        found = classifier.apply(classifier.params, np.float32(images) / 255)
        where = "JAX" if classifier.is_jax else "PyTorch"
        largest, error = np.abs(expected).max(), np.abs(np.asarray(found) - expected).max()
        print(f"| `{name}` | {where} | {seconds:.1f} s | {largest:.2g} | {error:.1g} |", flush=True)
    print(f"\nload at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
