"""The application: which address is answered by what."""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from evofool.evolution import Wish
from evofool.pages import Site
from evofool.support import JsonValue, UserError
from evofool.web.answering import Answering
from evofool.web.breeding import Breeding
from evofool.web.guard import Door, Guard, body_of
from evofool.web.live import Live, png_of
from evofool.web.quizzing import Quizzes

MOST_JSON = 64 * 2**10  # bytes
MOST_CELLS = 1000  # that a request names
_OWN_POLICY = re.compile('<meta http-equiv="Content-Security-Policy"[^>]*>\n')
_WAY_TO_OTHERS = """\
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/web/web.css">
<script defer src="/web/menu.js"></script>
"""
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, kw_only=True)
class Services:
    """What a server has to show; None for what it has not.

    Attributes:
        title: shown on all pages.
        site: the gallery, as `evofool site` writes it.
        live: a run that is being evolved.
        answering: the classifier behind the pad.
        quizzes: of a run.
        breeding: of a run.
    """

    title: str
    site: Site | None = None
    live: Live | None = None
    answering: Answering | None = None
    quizzes: Quizzes | None = None
    breeding: Breeding | None = None

    @property
    def pages(self) -> list[tuple[str, str]]:
        """Addresses and names of the pages that there are."""
        every = [
            ("/live", "live", self.live),
            ("/site/index.html", "images", self.site),
            ("/draw", "draw", self.answering),
            ("/quiz", "quiz", self.quizzes),
            ("/breed", "breed", self.breeding),
        ]
        return [(address, name) for address, name, service in every if service is not None]


def make_app(services: Services, door: Door) -> Starlette:
    """Builds the application.

    Args:
        services: what it has to show.
        door: who may come in.
    """
    pages = services.pages

    async def home(request: Request) -> Response:
        return RedirectResponse(pages[0][0])

    async def about(request: Request) -> Response:
        listed = [{"address": address, "name": name} for address, name in pages]
        return JSONResponse({"title": services.title, "pages": listed})

    routes: list[Route | Mount] = [
        Route("/", home),
        Route("/api/about", about),
        Mount("/assets", StaticFiles(packages=[("evofool.pages", "assets")])),
        Mount("/web", StaticFiles(packages=[("evofool.web", "assets")])),
    ]
    for address, name in pages:
        if not address.endswith(".html"):
            routes.append(Route(address, _page(name)))
    if services.live is not None:
        routes += _live(services.live)
    if services.answering is not None:
        routes += _drawing(services.answering)
    if services.quizzes is not None:
        routes += _quiz(services.quizzes)
    if services.breeding is not None:
        routes += _breeding(services.breeding)
    if services.site is not None:
        routes += _gallery(services.site)
    handlers: dict[Any, Any] = {UserError: _refused, KeyError: _missing}
    guard = Middleware(Guard, door=door)
    return Starlette(routes=routes, middleware=[guard], exception_handlers=handlers)


def _page(name: str) -> Endpoint:
    assets = files("evofool.web") / "assets"
    shell, content = (
        (assets / f"{part}.html").read_text(encoding="utf-8") for part in ("page", name)
    )
    text = shell.replace("{name}", name).replace("{content}", content)

    async def page(request: Request) -> Response:
        return HTMLResponse(text)

    return page


def _gallery(site: Site) -> list[Route]:
    """Serves the gallery, its page with the way to the other pages on it.

    A policy of its own keeps the page from asking anybody; here that of the server holds.
    """

    async def page(request: Request) -> Response:
        text = site.path("index.html").read_text(encoding="utf-8")
        text = _OWN_POLICY.sub("", text, count=1)
        return HTMLResponse(text.replace("</head>", f"{_WAY_TO_OTHERS}</head>", 1))

    async def file(request: Request) -> Response:
        return FileResponse(await run_in_threadpool(site.path, request.path_params["name"]))

    return [Route("/site/index.html", page), Route("/site/{name:path}", file)]


def _live(live: Live) -> list[Route]:
    async def events(request: Request) -> Response:
        return StreamingResponse(live.events.listen(), media_type="text/event-stream")

    async def images(request: Request) -> Response:
        cells, in_view = (_cells(request, name) for name in ("cells", "in_view"))
        content = await run_in_threadpool(live.images, cells, in_view)
        return Response(content, media_type="application/octet-stream")

    def asking(wish: Wish) -> Endpoint:
        async def ask(request: Request) -> Response:
            live.ask_for(wish)
            return JSONResponse({})

        return ask

    return [
        Route("/api/live/events", events),
        Route("/api/live/images", images),
        Route("/api/live/pause", asking(Wish.PAUSE), methods=["POST"]),
        Route("/api/live/stop", asking(Wish.STOP), methods=["POST"]),
        Route("/api/live/go-on", asking(Wish.GO_ON), methods=["POST"]),
    ]


def _drawing(answering: Answering) -> list[Route]:
    async def facts(request: Request) -> Response:
        return JSONResponse(answering.facts())

    async def drawing(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(answering.drawing, await body_of(request)))

    async def photograph(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(answering.photograph, await body_of(request)))

    return [
        Route("/api/draw", facts),
        Route("/api/draw/drawing", drawing, methods=["POST"]),
        Route("/api/draw/photograph", photograph, methods=["POST"]),
    ]


def _quiz(quizzes: Quizzes) -> list[Route]:
    async def begin(request: Request) -> Response:
        id_ = await run_in_threadpool(quizzes.begin)
        return JSONResponse(quizzes.state(id_))

    async def state(request: Request) -> Response:
        return JSONResponse(quizzes.state(request.path_params["id"]))

    async def image(request: Request) -> Response:
        place = request.path_params
        levels = await run_in_threadpool(quizzes.image, place["id"], place["number"])
        return _png(await run_in_threadpool(png_of, levels))

    async def answer(request: Request) -> Response:
        given = await _json(request)
        id_ = request.path_params["id"]
        quizzes.answer(id_, _whole(given, "number"), _whole(given, "choice"))
        return JSONResponse(quizzes.state(id_))

    async def table(request: Request) -> Response:
        headers = {"Content-Disposition": 'attachment; filename="quiz.csv"'}
        text = quizzes.table(request.path_params["id"])
        return PlainTextResponse(text, media_type="text/csv", headers=headers)

    return [
        Route("/api/quiz", begin, methods=["POST"]),
        Route("/api/quiz/{id}", state),
        Route("/api/quiz/{id}/answers", answer, methods=["POST"]),
        Route("/api/quiz/{id}/answers.csv", table),
        Route("/api/quiz/{id}/{number:int}.png", image),
    ]


def _breeding(breeding: Breeding) -> list[Route]:
    async def state(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(breeding.state))

    async def breed(request: Request) -> Response:
        given = await _json(request)
        classes, numbers = _whole_list(given, "classes"), _whole_list(given, "numbers")
        count, generation = _whole(given, "children"), _whole(given, "generation")
        await run_in_threadpool(breeding.breed, classes, numbers, count, generation)
        return JSONResponse(await run_in_threadpool(breeding.state))

    async def founder(request: Request) -> Response:
        levels = await run_in_threadpool(breeding.founder, request.path_params["index"])
        return _png(png_of(levels))

    async def child(request: Request) -> Response:
        place = request.path_params
        return _png(png_of(breeding.child(place["generation"], place["number"])))

    return [
        Route("/api/breed", state),
        Route("/api/breed", breed, methods=["POST"]),
        Route("/api/breed/founders/{index:int}.png", founder),
        Route("/api/breed/children/{generation:int}/{number:int}.png", child),
    ]


def _png(content: bytes) -> Response:
    return Response(content, media_type="image/png")


def _cells(request: Request, name: str) -> list[int]:
    """Reads whole numbers, with commas between them, from the address."""
    texts = request.query_params.get(name, "").split(",")
    if len(texts) > MOST_CELLS or not all(re.fullmatch("[0-9]{0,6}", text) for text in texts):
        raise UserError(f"{name}: expected at most {MOST_CELLS} whole numbers, between commas")
    return [int(text) for text in texts if text]


async def _json(request: Request) -> dict[str, JsonValue]:
    """Reads an object that a page sends.

    Raises:
        UserError: it is too large, or none.
    """
    try:
        given = json.loads(await body_of(request, MOST_JSON))
    except (ValueError, RecursionError) as error:
        raise UserError(f"that is no JSON: {error}") from error
    if not isinstance(given, dict):
        raise UserError("expected a JSON object")
    return given


def _whole(given: dict[str, JsonValue], name: str) -> int:
    value = given.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UserError(f"{name} is missing; expected a whole number")
    return value


def _whole_list(given: dict[str, JsonValue], name: str) -> list[int]:
    values = given.get(name)
    if not isinstance(values, list) or not all(type(value) is int for value in values):
        raise UserError(f"{name} is missing; expected a list of whole numbers")
    return values


async def _refused(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=400)


async def _missing(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "there is no such thing, or no more"}, status_code=404)
