"""The cookie that identifies a visitor, and who can read or forge it."""

import pytest

from srgan_gp.serving.guards.visitor_cookies import VisitorCookies


@pytest.fixture
def seen():
    return []


@pytest.fixture
def cookies(seen):
    async def inside(scope, receive, send):
        seen.append(scope["visitor"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return VisitorCookies(inside, port=7860)


def cookie_of(response):
    return response.headers["set-cookie"].partition(";")[0]


def test_the_page_sets_a_cookie_that_scripts_and_other_sites_cannot_use(cookies, ask, seen):
    response = ask(cookies)
    parts = response.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} == set(parts[1:])
    assert ask(cookies, headers={"cookie": cookie_of(response)}).headers == {}
    visitor = seen[-1]
    assert seen == [None, visitor]
    assert len(bytes.fromhex(visitor)) == 16


def test_two_visitors_have_different_identities(cookies, ask, seen):
    for _ in range(2):
        ask(cookies, headers={"cookie": f"other=1; {cookie_of(ask(cookies))}"})
    assert len(set(seen) - {None}) == 2


def test_only_the_page_sets_the_cookie(cookies, ask):
    assert ask(cookies, path="/api/upscale").headers == {}


@pytest.mark.parametrize("change", [
    lambda value: value[:-1], lambda value: value.replace("=", "=0", 1), lambda value: "x=1",
    lambda value: value.partition("=")[0] + "=.", lambda value: value.partition(".")[0],
    lambda value: value.partition(".")[0] + ".ä", lambda value: ";;=;", lambda value: "\0",
    lambda value: value.partition("=")[0] + r'="\377ä.\377"',
])  # fmt: skip
def test_a_forged_cookie_is_no_identity(cookies, ask, seen, change):
    forged = change(cookie_of(ask(cookies)))
    ask(cookies, path="/api/jobs", headers={"cookie": forged})
    assert seen[-1] is None


def test_the_cookie_of_another_server_is_no_identity(cookies, ask, seen):
    foreign = VisitorCookies(cookies._app, port=7860)
    ask(cookies, headers={"cookie": cookie_of(ask(foreign))})
    assert seen[-1] is None


def test_under_tls_the_cookie_is_secure(cookies, seen):
    assert cookies._cookie("https").endswith("; Secure")
    assert "Secure" not in cookies._cookie("http")
