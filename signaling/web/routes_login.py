"""Logging in, staying logged in, who one is."""

import logging
from http import HTTPStatus

from mediaswitch.ids import TenantId
from mediaswitch.services import User
from signaling.web.answers import LoginAnswer, UserAnswer
from signaling.web.operations import Call, OperationTable
from signaling.web.principal import PUBLIC, STAFF
from signaling.web.problems import too_many, unauthorised
from signaling.web.requests import LoginRequest, NoQuery, RefreshRequest
from signaling.web.tokens import ACCESS_S, BadToken
from signaling.web.views import user_answer

log = logging.getLogger(__name__)
operations = OperationTable()


@operations.add(
    "POST",
    "/api/v1/login",
    access=PUBLIC,
    takes=LoginRequest,
    gives=LoginAnswer,
    errors=(HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS),
)
async def login(call: Call[LoginRequest]) -> LoginAnswer:
    """Log in with name and password."""
    given = call.input
    name = f"{given.tenant}/{given.username}"
    _slow_down_guessing(call, name)
    user = await call.services.users.find(TenantId(given.tenant), given.username)
    right = await call.context.passwords.matches(given.password, user.password_hash if user else None)
    if user is None or not right:
        log.warning("login of %r refused, from %s", name, call.remote)
        raise unauthorised("wrong name or password")
    call.context.logins_by_name.clear(f"{name} {call.remote}")
    return _logged_in(call, user, call.context.refresh.issue(user.tenant, given.username))


def _slow_down_guessing(call: Call[LoginRequest], name: str) -> None:
    """Each try costs a token, of the name and of the address, before the password is looked at."""
    limits = ((call.context.logins_by_address, call.remote), (call.context.logins_by_name, f"{name} {call.remote}"))
    for limiter, key in limits:
        if wait_s := limiter.take(key, now=call.now):
            raise too_many("too many logins; wait a little", retry_after_s=wait_s)


@operations.add(
    "POST",
    "/api/v1/login/refresh",
    access=PUBLIC,
    takes=RefreshRequest,
    gives=LoginAnswer,
    errors=(HTTPStatus.UNAUTHORIZED,),
)
async def refresh_login(call: Call[RefreshRequest]) -> LoginAnswer:
    """Trade a refresh token, which is good for one use, for new tokens."""
    try:
        renewed = call.context.refresh.renew(call.input.refresh_token)
    except BadToken as error:
        raise unauthorised(str(error)) from error
    user = await call.services.users.find(renewed.tenant, renewed.username)
    if user is None:
        raise unauthorised("this user is no longer known")
    return _logged_in(call, user, renewed.token)


def _logged_in(call: Call[LoginRequest] | Call[RefreshRequest], user: User, refresh_token: str) -> LoginAnswer:
    return LoginAnswer(
        access_token=call.context.tokens.access(user),
        expires_in=ACCESS_S,
        refresh_token=refresh_token,
        user=user_answer(user),
    )


@operations.add("GET", "/api/v1/me", access=STAFF, takes=NoQuery, gives=UserAnswer)
async def me(call: Call[NoQuery]) -> UserAnswer:
    """Who the token belongs to."""
    return user_answer(call.staff)
