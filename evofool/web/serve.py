"""The two verbs of this room: serve a run, and evolve one while windows watch."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from evofool.classifiers import Classifier, load_classifier
from evofool.config import EvolveConfig
from evofool.evolution import Watcher, Wish
from evofool.pages import Site
from evofool.runs import Run, reporting, resume
from evofool.support import UserError
from evofool.web.answering import Answering
from evofool.web.app import Services
from evofool.web.breeding import Breeding
from evofool.web.live import Live
from evofool.web.quizzing import Quizzes, real_images
from evofool.web.serving import Address, served

PATIENCE = 0.2  # seconds between two looks at whether to go on
LINGER = 3.0  # seconds that a finished run waits for a window, which may be about to reload

Ready = Callable[[str], None]  # takes the address to open


def serve(
    run: str | Path | Run | None = None,
    *,
    live: bool = False,
    generations: int | None = None,
    classifier: str | Classifier | None = None,
    weights: str | Path | None = None,
    trust_code: bool = False,
    photographs: str | Path | None = None,
    results: str | Path | None = None,
    address: Address = Address(),  # noqa: B008  (frozen)
    on_ready: Ready = print,
) -> None:
    """Serves pages on this machine until it is interrupted.

    Of a run: its gallery, a pad to draw on, a quiz, and breeding. Without one: the pad.

    Args:
        run: a run directory.
        live: go on with the run, as `resume`, and show how.
        generations: with `live`, new total.
        classifier: that answers on the pad; the run's where it cannot be loaded by the name that
            the run directory holds; that of `evolve` where there is neither.
        weights: its weights.
        trust_code: whether to run the code of a classifier that only the run directory names.
        photographs: folder of labelled images of the classes, for the quiz; else the test images
            of MNIST or CIFAR-10, where the classifier is one of these and they are found.
        results: CSV file to which the answers of the quiz are added.
        address: where to listen.
        on_ready: takes the address to open.

    Raises:
        UserError: not a run directory, the classifier cannot be loaded, the port is taken, or the
            extra `[web]` is not installed.
    """
    with ExitStack() as held:
        if run is None:
            if live:
                raise UserError("live needs a run to go on with; or use 'evofool evolve --live'")
            if not isinstance(classifier, Classifier):
                classifier = load_classifier(classifier or EvolveConfig.classifier, weights=weights)
            services = Services(title=classifier.card.name, answering=Answering(classifier))
            held.enter_context(_shown(services, address, on_ready))
            _wait(lambda: False)
            return
        opened = Run.open(run, classifier=classifier, weights=weights, trust_code=trust_code)
        opened.check_identity(opened.classifier)
        watched = Live(held.enter_context(reporting())) if live else None
        services = _of_run(opened, watched, photographs, results, held)
        held.enter_context(_shown(services, address, on_ready))
        if watched is None:
            _wait(lambda: False)
            return
        _carry_out(
            lambda reporter: resume(
                opened.folder,
                generations=generations,
                classifier=opened.classifier,
                reporter=reporter,
            ),
            watched,
            stays=True,
        )


def evolve_live(
    evolve: Callable[[Watcher], Run],
    *,
    quiet: bool = False,
    address: Address = Address(),  # noqa: B008  (frozen)
    on_ready: Ready = print,
) -> Run:
    """Evolves while windows watch; they can pause the run, stop it and let it go on.

    Args:
        evolve: evolves with a reporter, for instance
            `lambda reporter: evofool.evolve(reporter=reporter)`.
        quiet: nothing is said at the terminal but the address.
        address: where to listen.
        on_ready: takes the address to open.

    Returns:
        The run, when it is finished and no window is open any more, or when it is interrupted.

    Raises:
        UserError: as of `evolve`, the port is taken, or the extra `[web]` is not installed.
    """
    with reporting(quiet=quiet) as terminal:
        live = Live(terminal)
        with _shown(Services(title="evolution", live=live), address, on_ready):
            return _carry_out(evolve, live, stays=False)


def _carry_out(evolve: Callable[[Watcher], Run], live: Live, *, stays: bool) -> Run:
    """Evolves; where a window has stopped the run, goes on with it when one wishes."""
    run = evolve(live)
    while run.was_interrupted and live.wish() == Wish.STOP:
        live.end("stopped")
        _wait(lambda: live.wish() == Wish.GO_ON)
        if live.wish() != Wish.GO_ON:
            return run
        run = resume(run.folder, classifier=run.classifier, reporter=live)
    if run.was_interrupted:  # by Ctrl-C
        return run
    live.end("finished")
    ended = time.monotonic()
    _wait(
        lambda: (
            not stays
            and not live.events.has_windows
            and (time.monotonic() - ended > LINGER or not live.events.had_windows)
        )
    )
    return run


def _wait(is_over: Callable[[], bool]) -> None:
    """Waits until something is over, or for Ctrl-C."""
    try:
        while not is_over():
            time.sleep(PATIENCE)
    except KeyboardInterrupt:
        return


@contextmanager
def _shown(services: Services, address: Address, on_ready: Ready) -> Iterator[None]:
    """Serves pages, and says where."""
    with served(services, address) as where:
        on_ready(where)
        yield


def _of_run(
    run: Run,
    live: Live | None,
    photographs: str | Path | None,
    results: str | Path | None,
    held: ExitStack,
) -> Services:
    """Returns what there is to show of a run."""
    has_elites = run.newest is not None and bool(run.all_elites())
    folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
    real = real_images(run.card, None if photographs is None else Path(photographs))
    title = run.folder.resolve().name
    return Services(
        title=title,
        site=Site([run], folder, title=title) if has_elites else None,
        live=live,
        answering=Answering(run.classifier),
        quizzes=Quizzes(run, real, None if results is None else Path(results))
        if has_elites
        else None,
        breeding=Breeding(run) if has_elites else None,
    )
