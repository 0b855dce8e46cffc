"""The dashboard's page: links, no script."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from labkubeflow.common.page import page
from labkubeflow.dashboard.workgroups import Membership

COMPONENTS = (
    ("/pipeline/", "Pipelines", "Pipelines, experiments, runs and recurring runs"),
    ("/katib/", "Experiments (AutoML)", "Katib: the search for the best parameters"),
)
MISSING = ("Notebooks", "TensorBoards", "Volumes")
"""Components of the real dashboard that this one has no link to."""

_STYLE = """\
header { display: flex; align-items: center; gap: 1rem; padding: .75rem 1.5rem; background: #fff;
  border-bottom: 1px solid #d5dbe1; }
header h1 { margin: 0 auto 0 0; font-size: 1.25rem; }
header form { margin: 0; }
button { padding: .35rem .9rem; font: inherit; color: #1a5fb4; background: #fff; border: 1px solid #1a5fb4;
  border-radius: 4px; cursor: pointer; }
main { box-sizing: border-box; max-width: 60rem; margin: 0 auto; padding: 1.5rem; }
h2 { margin: 1.5rem 0 .75rem; font-size: 1.05rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)); gap: 1rem; }
.cards a { display: block; padding: 1rem 1.25rem; color: inherit; text-decoration: none; background: #fff;
  border: 1px solid #d5dbe1; border-radius: 6px; }
.cards a:hover, .cards a:focus { border-color: #1a5fb4; }
.cards strong { display: block; color: #1a5fb4; }
table { width: 100%; border-collapse: collapse; background: #fff; border: 1px solid #d5dbe1; }
th, td { padding: .5rem 1rem; text-align: left; border-bottom: 1px solid #e6eaee; }
.note { color: #55606a; }
"""

_BODY = """\
<header>
<h1>Kubeflow dashboard</h1>
<span>Logged in as <strong id="user">{user}</strong></span>
<form method="post" action="/logout"><button id="logout" type="submit">Log out</button></form>
</header>
<main>
<h2>Components</h2>
<nav class="cards">
{components}</nav>
<p class="note">Not in this rehearsal: {missing}.</p>
<h2>Your namespaces</h2>
{namespaces}
</main>
"""

_NONE = """\
<p id="no-namespace">You have none yet. A Profile with you as its owner gives you one:</p>
<pre>
apiVersion: kubeflow.org/v1
kind: Profile
metadata: {{name: my-namespace}}
spec:
  owner: {{kind: User, name: {user}}}
</pre>"""


def dashboard_page(user: str, memberships: Sequence[Membership], trouble: str = "") -> str:
    """Return the page.

    Args:
        user: who looks at it.
        memberships: the user's namespaces.
        trouble: why these are not known, if so.
    """
    if trouble:
        namespaces = f'<p role="alert">They are not known now: {escape(trouble)}</p>'
    elif memberships:
        rows = "".join(
            f"<tr><td>{escape(item.namespace)}</td><td>{escape(item.role)}</td></tr>\n"
            for item in memberships
        )
        namespaces = f'<table id="namespaces">\n<tr><th>Namespace</th><th>Role</th></tr>\n{rows}</table>'
    else:
        namespaces = _NONE.format(user=escape(user))
    components = "".join(
        f'<a href="{path}"><strong>{escape(name)}</strong>{escape(what)}</a>\n'
        for path, name, what in COMPONENTS
    )
    missing = escape(", ".join(MISSING))
    body = _BODY.format(user=escape(user), components=components, missing=missing, namespaces=namespaces)
    return page(
        title="Kubeflow dashboard (REHEARSAL)",
        banner="this stands in for Kubeflow; it is not Kubeflow",
        style=_STYLE,
        body=body,
    )
