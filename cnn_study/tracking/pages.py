"""MLflow's server with pages for newcomers, in a process of its own: ``python -m cnn_study.tracking.pages HOST PORT``.

MLflow 3 opens on pages for language models, behind two pop-ups, and its table of runs names nothing but the runs. A
browser that has no settings of MLflow yet gets others from here. What a user sets stays. There are short addresses too,
``/go/EXPERIMENT``, as MLflow's own have numbers in the place of names.

The store is named by the environment, as for ``mlflow server``: ``MLFLOW_BACKEND_STORE_URI``, with a password in it
perhaps, and ``MLFLOW_ARTIFACTS_DESTINATION``. That command does not run here: it imports MLflow twice.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_study.tracking.notes import EXPERIMENTS, PREFIX, TABLE, VIEW, page_of_runs

if TYPE_CHECKING:
    from fastapi import FastAPI
    from mlflow.entities import Experiment
    from starlette.requests import Request
    from starlette.responses import Response

BROWSER: Mapping[str, object] = {
    "mlflow.workflowType_v1": "machine_learning",
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": True,
    "mlflow.assistant.panelOpen_v1": False,
    "mlflow.detectIssues.guidanceShown_v1": True,
}
"""What MLflow's pages find in the storage of a browser that has never seen them."""

_SCRIPT = """<script>
try {
  for (const [key, value] of Object.entries(%s)) {
    if (localStorage.getItem(key) === null) localStorage.setItem(key, value);
  }
} catch (error) {
  console.warn("MLflow keeps no settings in this browser:", error);
}
if (location.hash.length < 2) location.replace("%s");
// The menu of views shows each as a table, unless it is told that these are charts.
let last = null;
for (const name of ["pushState", "replaceState"]) {
  const change = history[name];
  history[name] = function (...given) {
    change.apply(this, given);
    const query = new URLSearchParams(location.hash.split("?")[1]);
    const view = query.get("viewStateShareKey");
    if (view !== last && !query.has("compareRunsMode") && %s.includes(view)) {
      setTimeout(() => { location.hash += "&compareRunsMode=CHART"; });
    }
    last = view;
  };
}
</script>"""


def main(host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        host: Address to listen on.
        port: To listen on.
    """
    import uvicorn  # Before MLflow, which takes it for the sign that it is a server.

    uri = os.environ["MLFLOW_BACKEND_STORE_URI"]
    app = _mlflow(uri)
    _add_pages(app, uri)
    uvicorn.run(app, host=host, port=port, access_log=False)


def _mlflow(uri: str) -> "FastAPI":
    """MLflow's server, with the settings that ``mlflow server`` would give it."""
    from mlflow.server import constants

    os.environ[constants.BACKEND_STORE_URI_ENV_VAR] = os.environ[constants.REGISTRY_STORE_URI_ENV_VAR] = uri
    os.environ[constants.SERVE_ARTIFACTS_ENV_VAR] = "true"
    os.environ[constants.ARTIFACT_ROOT_ENV_VAR] = root = "mlflow-artifacts:/"
    os.environ[constants.ARTIFACTS_DESTINATION_ENV_VAR] = os.environ.get(
        "MLFLOW_ARTIFACTS_DESTINATION", "./mlartifacts"
    )
    from mlflow.server.fastapi_app import app
    from mlflow.server.handlers import initialize_backend_stores

    initialize_backend_stores(uri, uri, root)
    return app


def _add_pages(app: "FastAPI", uri: str) -> None:
    from mlflow import MlflowClient
    from mlflow.server import app as flask
    from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse
    from starlette.routing import Route

    client = MlflowClient(tracking_uri=uri)
    page = Path(flask.static_folder or "", "index.html").read_text(encoding="utf-8")

    def start(_: "Request") -> "Response":
        begin, head, rest = page.partition("<head>")
        html = begin + head + _script(_experiments(client)) + rest
        return HTMLResponse(html, headers={"Cache-Control": "no-cache"})

    def go(request: "Request") -> "Response":
        name, profile, view = (request.path_params.get(part, "") for part in ("name", "profile", "view"))
        known = list(_experiments(client))
        wanted = f"{PREFIX}{name} ({profile}" + (")" if profile else "")
        found = next((one for one in known if one.name.startswith(wanted)), None)
        if found is None or (view and VIEW + view not in found.tags):
            names = "\n".join(sorted(short_address(one.name) for one in known))
            return PlainTextResponse(f"There is no {request.url.path}. There is:\n{names}\n", 404)
        return RedirectResponse(f"/{page_of_runs(found.experiment_id, view or None, table=view == TABLE)}")

    ways = [Route(f"/go/{way}", go) for way in ("{name}", "{name}/{profile}", "{name}/{profile}/{view:path}")]
    app.router.routes[:0] = [Route("/", start), *ways]  # Before MLflow's own, which take whatever comes.


def _experiments(client) -> Iterator["Experiment"]:
    token = None
    while True:
        found = client.search_experiments(filter_string=f"name LIKE '{PREFIX}%'", page_token=token)
        yield from found
        token = found.token
        if not token:
            return


def _script(experiments: Iterable["Experiment"]) -> str:
    storage = {key: json.dumps(value) for key, value in BROWSER.items()}
    charts: set[str] = set()
    for one in experiments:
        views = {key.removeprefix(VIEW): json.loads(tag) for key, tag in one.tags.items() if key.startswith(VIEW)}
        ours = {key for key, view in views.items() if "searchFilter" in view}  # Not what a user has saved.
        charts |= ours - {TABLE}
        if TABLE in ours:
            page = f"ExperimentPage-{json.dumps([one.experiment_id])}"
            storage[f"MLflowLocalStorage-1.1-{page}-ReactComponentState"] = views[TABLE]["state"]
    return _SCRIPT % (_json(storage), EXPERIMENTS, _json(sorted(charts)))


def _json(value: object) -> str:
    """A value as JSON that ends no script."""
    return json.dumps(value).replace("<", "\\u003c")


def short_address(experiment: str) -> str:
    """The path on this server that leads to an experiment of MLflow.

    Args:
        experiment: Its name, such as ``cnn_study/pooling (quick)``.
    """
    name, _, profile = experiment.removeprefix(PREFIX).removesuffix(")").partition(" (")
    return f"/go/{name}/{profile}"


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
