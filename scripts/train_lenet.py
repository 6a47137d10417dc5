"""Trains the default classifier, a LeNet for MNIST, as the shipped weights were trained.

    python scripts/train_lenet.py --data ../shared/data/mnist --out lenet.safetensors

Writes the weights and, beside them, the card (lenet.json). Takes about two minutes on two cores.
MNIST is looked for in --data, $EVOFOOL_DATA and the user cache; `evofool data fetch mnist` gets
it. Evolve against the result with `evofool evolve --classifier lenet --weights lenet.safetensors`.
"""

import argparse
from pathlib import Path

import evofool


def main() -> None:
    """Parses the arguments, trains, prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with the four MNIST files")
    parser.add_argument("--out", type=Path, default=Path("lenet.safetensors"))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    classifier = evofool.train_classifier(
        "lenet", arguments.out, data=arguments.data, seed=arguments.seed, on_epoch=print
    )
    print(f"test accuracy {classifier.card.test_accuracy:.4f}, weights in {arguments.out}")


if __name__ == "__main__":
    main()
