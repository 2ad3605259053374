"""Draws docs/images/viz.png: the site that ``kedro viz build --include-previews`` made, in a browser, at the champion.

The tests look at a site of theirs through the same browser.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

SITE = Path("build")
# Times, until the layers around the champion can be seen.
ZOOMED_OUT = 2
PICTURE = Path(__file__).with_suffix(".png")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# Nothing that lies on what is to be seen: hints about new features, a map, a list of names.
SETTINGS = {"showFeatureHints": False, "visible": {"miniMap": False, "sidebar": False}}


class Quiet(SimpleHTTPRequestHandler):
    """Files, without a line for each on the terminal."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def browser() -> str | None:
    """A Chrome or Chromium of this machine."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextmanager
def served(site: Path) -> Iterator[str]:
    """The address of a web server over a folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def tab(executable: str) -> Iterator[Page]:
    """A page of a browser without a window, where nobody has been before."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - who has no browser needs none of it

    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = chrome.new_page(viewport={"width": 1440, "height": 900})
        page.add_init_script(f"localStorage.setItem('KedroViz', {json.dumps(json.dumps(SETTINGS))})")
        try:
            yield page
        finally:
            chrome.close()


def ids(site: Path) -> dict[str, str]:
    """What kedro-viz calls each node and dataset, by its name."""
    return {node["name"]: node["id"] for node in json.loads((site / "api" / "main").read_text())["nodes"]}


def main() -> None:
    """Draw it."""
    executable = browser()
    if executable is None or not (SITE / "api").is_dir():
        raise SystemExit("It takes a Chrome (apt-get install chromium) and: kedro viz build --include-previews")
    with served(SITE) as address, tab(executable) as page:
        page.goto(f"{address}?pid=__default__&sid={ids(SITE)['flight_delay.champion']}")
        page.get_by_text("Expand preview").wait_for()
        page.wait_for_timeout(1500)  # it moves there
        for _ in range(ZOOMED_OUT):
            page.get_by_label("Zoom out").click()
            page.wait_for_timeout(500)
        page.mouse.move(400, 450)  # the champion's layer lights up
        page.wait_for_timeout(500)
        page.screenshot(path=PICTURE)


if __name__ == "__main__":
    main()
