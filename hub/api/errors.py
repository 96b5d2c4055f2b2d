"""Every error leaves the API as a `Problem`: what happened, where, in both languages."""

from typing import Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from contract.messages import Text
from hub.api.core import Refusal
from hub.api.shapes import FieldProblem, Problem

_log = structlog.get_logger()
_SHOWN: Final = 60
_BY_STATUS: Final[dict[int, tuple[str, Text]]] = {
    404: ("not_found", Text("There is no such page.", "没有该页面。")),
    405: ("not_allowed", Text("This can't be done here.", "此处不支持该操作。")),
    413: ("too_large", Text("The request is too large.", "请求过大。")),
}
_OTHER: Final = ("refused", Text("The request can't be answered.", "无法处理该请求。"))
_WORDS: Final[dict[str, Text]] = {
    "missing": Text("is required", "必填"),
    "string_too_short": Text("is too short: at least {min_length} characters", "太短：至少 {min_length} 个字符"),
    "string_too_long": Text("is too long: at most {max_length} characters", "太长：最多 {max_length} 个字符"),
    "string_pattern_mismatch": Text("must match {pattern}", "格式须为 {pattern}"),
    "string_type": Text("must be a text", "必须是文本"),
    "int_parsing": Text("must be a whole number", "必须是整数"),
    "int_type": Text("must be a whole number", "必须是整数"),
    "float_parsing": Text("must be a number", "必须是数字"),
    "float_type": Text("must be a number", "必须是数字"),
    "bool_parsing": Text("must be true or false", "必须是 true 或 false"),
    "finite_number": Text("must be a finite number", "必须是有限数值"),
    "greater_than_equal": Text("must be at least {ge}", "不得小于 {ge}"),
    "less_than_equal": Text("must be at most {le}", "不得大于 {le}"),
    "literal_error": Text("must be one of {expected}", "必须是以下之一：{expected}"),
    "too_long": Text("has too many entries: at most {max_length}", "条目过多：最多 {max_length} 个"),
    "too_short": Text("has too few entries: at least {min_length}", "条目过少：至少 {min_length} 个"),
    "json_invalid": Text("is not JSON", "不是 JSON"),
}


def problem(status: int, code: str, message: Text, fields: list[FieldProblem] | None = None) -> JSONResponse:
    """Answer with a problem."""
    body = Problem(code=code, message=message, fields=fields or [])
    return JSONResponse(body.model_dump(mode="json"), status, headers={"Cache-Control": "no-store"})


def add_handlers(app: FastAPI) -> None:
    """Make the app answer every error with a problem."""

    @app.exception_handler(Refusal)
    async def _refused(_request: Request, error: Refusal) -> JSONResponse:
        response = problem(error.status, error.code, error.message, error.fields)
        if error.retry_after_s is not None:
            response.headers["Retry-After"] = str(error.retry_after_s)
        return response

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        return problem(422, "invalid", Text("Some fields are wrong.", "部分字段有误。"), [
            _field(entry["type"], entry["loc"], entry.get("input"), entry.get("ctx", {}), entry["msg"])
            for entry in error.errors()])

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, *_BY_STATUS.get(error.status_code, _OTHER))

    @app.exception_handler(Exception)
    async def _broken(request: Request, error: Exception) -> JSONResponse:
        _log.error("api_failed", path=request.url.path, exc_info=error)
        return problem(500, "internal", Text(
            "The hub made a mistake; it is in the log.", "系统内部错误，已记入日志。"))


def _field(kind: str, loc: tuple[str | int, ...], given: object, context: dict[str, object], said: str) -> FieldProblem:
    words = _WORDS.get(kind, Text(said, "无效"))
    path = ".".join(str(step) for step in loc[1:]) or str(loc[0])
    secret = "password" in path or path in ("old", "new", "number")
    value = "" if secret or isinstance(given, dict | list) or given is None else str(given)[:_SHOWN]
    return FieldProblem(path=path, value=value, message=Text(_filled(words.en, context), _filled(words.zh, context)))


def _filled(text: str, context: dict[str, object]) -> str:
    for name, value in context.items():
        text = text.replace("{" + name + "}", str(value))
    return text
