"""What the pages of the site name: small networks, pictures and runs under the names of large ones,
and a service."""

import dataclasses
import http.server
import json
import re
import shutil
from contextlib import AbstractContextManager
from pathlib import Path

import jax
import numpy as np
from PIL import Image

import evofool
from evofool import Card, Classifier, Run
from evofool.classifiers.architectures.cifar_cnn import CIFAR10_LABELS
from evofool.classifiers.classifier import make_network
from evofool.classifiers.labels import imagenet_ids, imagenet_labels
from evofool.classifiers.loading import write_classifier
from evofool.data import read_photographs
from evofool.evaluation import recognize
from tests.doors import ROOT
from tests.evofool.audits.conftest import blobs
from tests.evofool.classifiers.networks import random_params
from tests.evofool.local_server import answering
from tests.evofool.runs.test_picbreeder import file_of, xml

DIGITS, THOUSAND = "runs/cppn-0", "runs/imagenet-cppn-0"
NETWORKS = (  # of 1000 classes; a, b and c are an ensemble
    *("mobilenet_v1_0.25_128", "mobilenet_v1_0.75_192", "mobilenet_v2_1.0_224_qat"),
    *("squeezenet_v1.1", "squeezenet_v1.0_deepcompression", "a", "b", "c"),
)

SKULL = (
    "bias in identity; d in identity; x in identity; y in identity; ink out sigmoid; 5 hidden sin",
    "x 5 1.9; y 5 -0.8; d 5 1.2; bias ink 0.3; 5 ink 1.4",
)

# a model behind a program; the service answers with it, too
SCORE = """\
import base64, io, json, sys
from PIL import Image, ImageStat

def answer(line):
    replies = []
    for image in json.loads(line)["images"]:
        bright = ImageStat.Stat(Image.open(io.BytesIO(base64.b64decode(image)))).mean[0] / 255
        scores = [(1 - bright) / 9] * 9 + [bright]
        replies.append([{"label": str(i), "score": score} for i, score in enumerate(scores)])
    return json.dumps(replies)

if __name__ == "__main__":
    for line in sys.stdin:
        print(answer(line), flush=True)
"""


def prepare(folder: Path) -> None:
    """Makes what pages name in a folder, which becomes the working directory."""
    (folder / "docs").symlink_to(ROOT / "docs")
    thousand = _networks(folder)
    lenet = evofool.load_classifier("lenet")
    _labelled(folder / "photos", _photographs(12), "jpg", thousand)
    _labelled(folder / "val", blobs(40)[..., 0], "png", lenet)
    shutil.copy(folder / "photos/0003_image.jpg", folder / "cat.jpg")
    for name, source in ("cat", "photos/0004_image.jpg"), ("ship", "photos/0005_image.jpg"):
        Image.open(folder / source).save(folder / f"{name}.png")
    (folder / "score.py").write_text(SCORE, encoding="utf-8")
    (folder / "labels.txt").write_text("\n".join("0123456789"), encoding="utf-8")
    own = (ROOT / "docs/own-classifier.md").read_text(encoding="utf-8")
    for name, module in re.findall(r"```python\n# (\w+)\.py\n(.*?)```", own, re.DOTALL):
        (folder / f"{name}.py").write_text(module, encoding="utf-8")
    file_of(folder / "skull.xml", xml(*SKULL))
    digits = evofool.evolve(out=folder / DIGITS, quiet=True)
    _write_favourites(digits, folder / "favourites.json")
    few = {"generations": 3, "batch_size": 40, "quiet": True}
    evofool.evolve(NETWORKS[0], weights=str(folder / "nets"), out=folder / THOUSAND, **few)
    for name in ("a", "b"):
        evofool.evolve("mock:10", out=folder / "runs" / name, **few)


def _write_favourites(run: Run, path: Path) -> None:
    """Saves two favourites as a browser does."""
    favourites = [
        {
            "run": run.folder.name,
            "seed": elite.seed,
            "run_index": elite.run_index,
            "class_index": elite.class_index,
            "label": elite.label,
            "born": list(elite.born),
        }
        for elite in (run["3"], run["7"])
    ]
    content = {"format": "evofool-favourites", "version": 1, "favourites": favourites}
    path.write_text(json.dumps(content), encoding="utf-8")


def _networks(folder: Path) -> Classifier:
    """Writes linear networks with random weights, and a copy of the LeNet; returns one of them."""
    (folder / "nets").mkdir()
    lenet = evofool.load_classifier("lenet")
    digits = dataclasses.replace(lenet.card, name="digits")
    write_classifier(folder / "nets/digits.safetensors", digits, lenet.params)
    few = Card(
        name="cifar_cnn",
        family="linear",
        input_shape=(32, 32, 3),
        outputs=10,
        labels=CIFAR10_LABELS,
        channel_order="RGB",
        mean=(127.5,) * 3,
        scale=1 / 127.5,
    )
    many = dataclasses.replace(few, outputs=1000, labels=imagenet_labels(), ids=imagenet_ids())
    cards = {"cifar_cnn": few} | {
        name: dataclasses.replace(many, name=name) for name in (*NETWORKS, "resnet18")
    }
    params = {card.outputs: random_params(make_network(card)) for card in (few, many)}
    for number, (name, card) in enumerate(cards.items()):  # a judge is another one than a run's
        own = jax.tree.map(lambda leaf, by=1 + number / 100: leaf * by, params[card.outputs])
        write_classifier(folder / f"nets/{name}.safetensors", card, own)
    shutil.copytree(folder / "nets", folder / "weights")
    return evofool.load_classifier(NETWORKS[0], weights=folder / "nets")


def _photographs(count: int) -> np.ndarray:
    """Coloured waves, `[count, 32, 32, 3]` levels."""
    rows, columns = np.mgrid[:32, :32][..., None] / 32
    across, down, phase = np.random.default_rng(0).uniform(0, 6, (3, count, 1, 1, 3))
    waves = np.sin(across * rows + down * columns + phase)
    return (127.5 + 127 * waves).astype(np.uint8)


def _labelled(folder: Path, images: np.ndarray, suffix: str, classifier: Classifier) -> None:
    """Saves images, and beside the folder a CSV file of what the classifier sees in them."""
    folder.mkdir()
    files = [folder / f"{number:04}_image.{suffix}" for number in range(len(images))]
    for file, image in zip(files, images, strict=True):
        Image.fromarray(image).save(file)
    read = [photo.levels for photo in read_photographs(files, classifier.card)]
    classes = recognize(classifier, np.stack(read)).classes
    rows = [f"{file.name},{index}" for file, index in zip(files, classes, strict=True)]
    folder.with_suffix(".csv").write_text("\n".join(["file,index", *rows]), encoding="utf-8")


def scoring() -> AbstractContextManager[str]:
    """Serves what score.py answers; gives the address without its path."""
    program: dict = {"__name__": "score"}
    exec(SCORE, program)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = program["answer"](self.rfile.read(int(self.headers["Content-Length"]))).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    return answering(Handler)
