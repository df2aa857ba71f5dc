"""A headless Chromium, and what a page of `sepzoo export --to browser` shows in it."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.extras import needed

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1000,1000",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)
PATIENCE = 60
_ANSWERS = """
return [...document.querySelectorAll("article")].map((card) => ({
  title: card.querySelector("h2").textContent,
  done: card.dataset.done,
  time: card.querySelector(".time").textContent,
  labels: [...card.querySelectorAll("li span")].map((row) => row.textContent),
  classes: [...card.querySelectorAll("li")].map((row) => Number(row.dataset.index)),
  probabilities: [...card.querySelectorAll("li")].map((row) => Number(row.dataset.probability)),
}));
"""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a card of the page shows: the picture's name, whether it was answered, the time, the likeliest classes."""

    title: str
    done: str | None
    time: str
    labels: list[str]
    classes: list[int]
    probabilities: list[float]


@dataclasses.dataclass(frozen=True)
class Browser:
    """A browser, by selenium's driver, and the page that it shows."""

    driver: Any

    def open(self, path: Path) -> None:
        """Open a page from its file and wait until its network has run once."""
        self.driver.get(path.as_uri())
        self.wait(lambda: self.status != "Starting …")

    @property
    def status(self) -> str:
        return str(self.driver.find_element("id", "status").text)

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def click(self, identity: str) -> None:
        self.driver.find_element("id", identity).click()

    def answers(self, count: int) -> list[Answer]:
        """Return what the cards show, once there are so many and all are done."""

        def shown() -> bool:
            found = self.run("return [...document.querySelectorAll('article')].map((card) => card.dataset.done || '')")
            return len(found) == count and all(found)

        self.wait(shown)
        return [Answer(**each) for each in self.run(_ANSWERS)]

    def classify(self, paths: Sequence[Path]) -> list[Answer]:
        """Return what the page says of pictures that are chosen by its dialog, in their order; others are cleared."""
        if self.driver.find_element("id", "clear").is_displayed():
            self.click("clear")
        # Chromium's driver refuses a path with "..", which a variable of the environment may well hold.
        self.driver.find_element("id", "files").send_keys("\n".join(str(path.resolve()) for path in paths))
        return self.answers(len(paths))

    def wait(self, condition: Any) -> None:
        """Wait until a condition holds."""
        until = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < until, f"the page says {self.status!r}"
            time.sleep(0.02)


@contextlib.contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """Yield a browser with a new profile; the test is skipped where there is none."""
    webdriver = needed("selenium.webdriver", "browser")
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no Chromium: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield Browser(opened)
    finally:
        opened.quit()
