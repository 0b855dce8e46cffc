"""The login form, as Dex's local connector has it: names and ids of its fields are a contract."""

from __future__ import annotations

from html import escape

from labkubeflow.common.page import page

_STYLE = """\
main { box-sizing: border-box; max-width: 24rem; margin: 3rem auto; padding: 1.5rem 2rem 2rem;
  background: #fff; border-radius: 6px; box-shadow: 0 1px 4px #0003; }
h1 { margin: 0 0 1rem; font-size: 1.3rem; font-weight: 600; }
label { display: block; margin-top: 1rem; }
input { box-sizing: border-box; width: 100%; padding: .5rem; font: inherit; border: 1px solid #8a949e;
  border-radius: 4px; }
button { width: 100%; margin-top: 1.5rem; padding: .6rem; font: inherit; color: #fff; background: #1a5fb4;
  border: 0; border-radius: 4px; cursor: pointer; }
"""

_BODY = """\
<main>
<h1>Log in to Your Account</h1>
{alert}<form method="post" action="{action}">
<label for="login">Email Address</label>
<input id="login" name="login" value="{login}" autocomplete="username" required {focus_login}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required
  {focus_password}>
<button id="submit-login" type="submit">Login</button>
</form>
</main>
"""


def login_page(action: str, login: str = "", refused: bool = False) -> str:
    """Return the form.

    Args:
        action: where it is sent.
        login: what was typed as the user's name before.
        refused: whether name and password were wrong.
    """
    alert = '<p role="alert" id="login-error">Invalid Email Address and password.</p>\n' if refused else ""
    focus = ("", "autofocus") if refused else ("autofocus", "")
    body = _BODY.format(
        action=escape(action),
        login=escape(login),
        alert=alert,
        focus_login=focus[0],
        focus_password=focus[1],
    )
    return page(
        title="Log in (rehearsal)", banner="this stands in for Kubeflow's login", style=_STYLE, body=body
    )
