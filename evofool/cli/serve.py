"""The command that serves pages: serve; and what it shares with evolve --live."""

from pathlib import Path
from typing import Annotated

import tyro

from evofool.cli.flags import refuse_unused
from evofool.cli.lines import say
from evofool.cli.numbers import MaybeDevices, MaybeGenerations, Port
from evofool.cli.startup import start_jax
from evofool.support import UserError

PORT = 8321


def serve(
    run: Annotated[Path | None, tyro.conf.Positional] = None,
    *,
    live: bool = False,
    generations: MaybeGenerations = None,
    classifier: str | None = None,
    weights: Path | None = None,
    trust_code: bool = False,
    photographs: Path | None = None,
    results: Path | None = None,
    host: str = "127.0.0.1",
    port: Port = PORT,
    token: str | None = None,
    devices: MaybeDevices = None,
) -> None:
    """Shows a run in the browser, its classifier behind the pages.

    Its gallery; a pad to draw on, whose drawing the classifier names meanwhile; a quiz of its
    images among real ones; and breeding. Without a run, the pad alone. Ctrl-C ends it. Only this
    machine can reach the pages, unless --host says otherwise: then the address that is printed
    holds a token, and whoever opens it may come in. The connection is not encrypted.

      evofool serve runs/cppn-0
      evofool serve runs/cppn-0 --live --generations 1000
      evofool serve --classifier squeezenet_v1.1 --weights nets
      evofool serve runs/cppn-0 --host 192.168.1.5 --results answers.csv

    Args:
        run: run directory.
        live: go on with the run, as evofool resume does, and show how it evolves.
        generations: with --live, new total number of generations.
        classifier: name of the classifier on the pad, without a run; of the run's, where it is
            found under another by now.
        weights: its weights: a .safetensors file, or the folder of NAME.safetensors.
        trust_code: run the code of the classifier that the run directory names, FILE.py:factory or
            module:factory. A name after --classifier is trusted without.
        photographs: folder with a folder of real images per class, for the quiz. By default the
            test images of MNIST or CIFAR-10, where the classifier is one of these and they are
            found.
        results: CSV file that the answers of the quiz are added to; evofool quiz --results reads
            it.
        host: name or address of this machine to listen on.
        port: to listen on; 0 for any that is free.
        token: that visitors must bring, with --host; drawn at random unless given.
        devices: number of JAX devices to split the processor into; by default one, and with --live
            one per core.
    """
    if run is None:
        refuse_unused("without a run", live=live, photographs=photographs, results=results)
    if not live:
        refuse_unused("without --live", generations=generations)
    if token is not None and len(token) < 8:
        raise UserError(f"token has {len(token)} letters; expected 8 or more")
    start_jax(devices=devices, evolves=live)
    from evofool.web import Address, serve

    serve(
        run,
        live=live,
        generations=generations,
        classifier=classifier,
        weights=weights,
        trust_code=trust_code,
        photographs=photographs,
        results=results,
        address=Address(host=host, port=port, token=token),
        on_ready=announce,
    )


def announce(address: str) -> None:
    """Says where the pages are, on standard error: standard output is for results."""
    say(f"open {address} in a browser; Ctrl-C ends", to_errors=True)
