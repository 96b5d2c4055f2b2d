"""The HTTP application: routes by subject, errors as problems, the console's files."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.responses import Response

from hub.api import alarms, devices, doors, overview, people, records, rules, session, shapes, stream, users
from hub.api.console import Console
from hub.api.core import Core
from hub.api.errors import add_handlers
from hub.api.limits import Border
from hub.auth import Sessions

_ROUTERS = (session, overview, alarms, doors, devices, rules, people, records, users, stream)


def create_app(core: Core) -> FastAPI:
    """Return the application that serves this core's API and the console."""
    app = _application()
    app.state.core = core
    app.state.sessions = Sessions(core.store, core.commit, core.now_ms)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=4)
    app.add_middleware(Border, tls=core.settings.secure_cookie)
    console = Console(core.settings.console)

    @app.get("/{path:path}", include_in_schema=False)
    def serve_console(path: str, request: Request) -> Response:
        if path == "api" or path.startswith("api/"):
            raise HTTPException(404)
        return console.answer(request)

    return app


def openapi() -> dict[str, Any]:
    """Return the OpenAPI document; the same for the same code."""
    document = _application().openapi()
    _, stream_only = models_json_schema(
        [(shape, "serialization") for shape in (shapes.StreamHello, shapes.LiveValues)],
        ref_template="#/components/schemas/{model}")
    document["components"]["schemas"].update(stream_only["$defs"])
    return document


def _application() -> FastAPI:
    app = FastAPI(title="Campus Hub", version="1", docs_url=None, redoc_url=None, openapi_url=None,
                  generate_unique_id_function=_operation_id)
    add_handlers(app)
    api = APIRouter(prefix="/api", responses={"default": {"model": shapes.Problem, "description": "What went wrong"}})
    for module in _ROUTERS:
        api.include_router(module.router)
    app.include_router(api)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name
