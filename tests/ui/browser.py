"""Debian's Chromium without a window, for looking at pages as people see them."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
_SECONDS = 90


class Browser:
    """A page in a browser.

    Args:
        driver: What drives the browser.
    """

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, address: str) -> None:
        """Opens a page anew, also where only the part after `#` differs."""
        self.driver.get("about:blank")
        self.driver.get(address)

    def text(self) -> str:
        """Returns what is to be read on the page."""
        return self.driver.find_element(By.TAG_NAME, "body").text

    def wait_for(self, *texts: str) -> str:
        """Waits until the page shows texts.

        Returns:
            All that it shows then.
        """
        deadline = time.monotonic() + _SECONDS
        while missing := [text for text in texts if text not in (shown := self.text())]:
            assert time.monotonic() < deadline, f"{missing} not on {self.driver.current_url}:\n{shown}"
            time.sleep(0.3)
        return shown

    def text_of_frame(self, text: str) -> str:
        """Waits until the page within the page shows a text, and returns all that it shows."""
        deadline = time.monotonic() + _SECONDS
        while not self.driver.find_elements(By.TAG_NAME, "iframe"):
            assert time.monotonic() < deadline, f"no page within {self.driver.current_url}:\n{self.text()}"
            time.sleep(0.3)
        self.driver.switch_to.frame(self.driver.find_element(By.TAG_NAME, "iframe"))
        try:
            return self.wait_for(text)
        finally:
            self.driver.switch_to.default_content()

    def find(self, text: str) -> WebElement:
        """Returns the innermost element whose whole text is this."""
        self.wait_for(text)
        found = self.driver.find_elements(By.XPATH, f"//*[normalize-space(text())={text!r}]")
        return next(element for element in found if element.is_displayed())

    def screenshot(self, path: Path, selector: str) -> None:
        """Writes what an element shows, named by a CSS selector, as a PNG."""
        assert self.driver.find_element(By.CSS_SELECTOR, selector).screenshot(str(path))


@contextmanager
def chromium(width: int, height: int) -> Iterator[Browser]:
    """Runs Chromium as long as the block lasts.

    Args:
        width: Of the window, in pixels.
        height: Of the window, in pixels.
    """
    if CHROMIUM is None or DRIVER is None:
        raise SystemExit("Debian's packages chromium and chromium-driver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    # Containers run as root and share little memory.
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument(f"--window-size={width},{height}")
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
