"""Signing in and out, and oneself."""

from fastapi import APIRouter, Request, Response

from contract.messages import Text
from hub.api import shapes
from hub.api.access import Anyone, CoreOf, SessionsOf, address_of, cookie_name
from hub.api.core import Refusal
from hub.auth import IDLE_S, Signed, TooManyAttempts, WrongPassword

router = APIRouter(tags=["session"])


@router.post("/sign-in")
async def sign_in(
    body: shapes.SignIn, request: Request, response: Response, core: CoreOf, sessions: SessionsOf,
) -> shapes.Me:
    """Sign in; the answer sets the session cookie."""
    try:
        signed, cookie = await sessions.sign_in(body.username, body.password, address_of(request))
    except WrongPassword as error:
        raise Refusal(401, "wrong_password", Text("User or password is wrong.", "用户名或密码错误。")) from error
    except TooManyAttempts as error:
        raise _wait(error) from error
    secure = core.settings.secure_cookie
    response.set_cookie(
        cookie_name(secure=secure), cookie, max_age=IDLE_S, path="/", secure=secure, httponly=True, samesite="strict")
    return _me(signed)


@router.post("/sign-out", status_code=204)
async def sign_out(response: Response, user: Anyone, core: CoreOf, sessions: SessionsOf) -> None:
    """End the session."""
    await sessions.sign_out(user)
    secure = core.settings.secure_cookie
    response.delete_cookie(cookie_name(secure=secure), path="/", secure=secure, httponly=True, samesite="strict")


@router.get("/me")
async def get_me(user: Anyone) -> shapes.Me:
    """Tell who is signed in."""
    return _me(user)


@router.put("/me/language")
async def choose_language(body: shapes.LanguageChoice, user: Anyone, sessions: SessionsOf) -> shapes.Me:
    """Remember the language the user wants."""
    await sessions.choose_language(user, body.language)
    return _me(user).model_copy(update={"language": body.language})


@router.put("/me/password", status_code=204)
async def change_password(body: shapes.PasswordChange, user: Anyone, sessions: SessionsOf) -> None:
    """Change one's own password; one's other sessions end."""
    try:
        await sessions.change_password(user, body.old, body.new)
    except WrongPassword as error:
        raise Refusal(422, "invalid", Text("The old password is wrong.", "原密码错误。"), [
            shapes.FieldProblem(path="old", value="", message=Text("is wrong", "错误"))]) from error
    except TooManyAttempts as error:
        raise _wait(error) from error


def _wait(error: TooManyAttempts) -> Refusal:
    wait_s = error.retry_after_s
    return Refusal(429, "too_many_attempts", Text(
        f"Too many wrong passwords. Try again in {wait_s} s.", f"密码错误次数过多，请在 {wait_s} 秒后重试。",
    ), retry_after_s=wait_s)


def _me(signed: Signed) -> shapes.Me:
    return shapes.Me(username=signed.username, name=signed.name, roles=list(signed.roles), language=signed.language,
                     csrf=signed.csrf)
