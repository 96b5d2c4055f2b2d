"""Who may sign in at the fake hub, and how it says no."""

from fastapi import HTTPException
from fastapi.responses import JSONResponse

from contract.messages import Text
from hub.api import shapes

USERS: dict[str, tuple[str, list[shapes.Role]]] = {
    "guard": ("王师傅", ["security"]),
    "gate": ("杨磊", ["gate"]),
    "facilities": ("陈工", ["facilities"]),
    "installer": ("赵工", ["installer"]),
    "admin": ("管理员", ["admin"]),
}


def problem(status: int, code: str, en: str, zh: str) -> JSONResponse:
    return JSONResponse(
        shapes.Problem(code=code, message=Text(en=en, zh=zh)).model_dump(mode="json"), status_code=status
    )


class Refused(HTTPException):
    """An answer in the hub's Problem shape."""

    def __init__(self, status: int, code: str, en: str, zh: str) -> None:
        super().__init__(status, detail=shapes.Problem(code=code, message=Text(en=en, zh=zh)).model_dump(mode="json"))
