"""A headless Chromium, driven through chromedriver (W3C WebDriver) with nothing but the standard
library."""

import base64
import json
import re
import shutil
import subprocess
import time
import urllib.request

import pytest

needs_browser = pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")),
    reason="needs chromium and chromium-driver: make test-ui installs them")


class Browser:
    """`with Browser() as browser: browser.open("http://127.0.0.1:8321/")`."""

    def __enter__(self):
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                break
        self.address = f"http://127.0.0.1:{found[1]}/session"
        options = {"binary": shutil.which("chromium"), "args": [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--window-size=1280,900", "--hide-scrollbars"]}
        session = self.call("", {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}})
        self.address += "/" + session["sessionId"]
        return self

    def __exit__(self, *_):
        try:
            urllib.request.urlopen(urllib.request.Request(self.address, method="DELETE"), timeout=20)
        finally:
            self.driver.terminate()
            self.driver.communicate(timeout=20)

    def call(self, path, body):
        request = urllib.request.Request(
            self.address + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)["value"]

    def open(self, url):
        self.call("/url", {"url": url})

    def run(self, script, *arguments):
        """The value of a script that returns one."""
        return self.call("/execute/sync", {"script": script, "args": list(arguments)})

    def text(self, selector):
        """The texts of all that a selector finds."""
        return self.run(
            "return [...document.querySelectorAll(arguments[0])].map(n => n.textContent)", selector)

    def count(self, selector):
        return len(self.text(selector))

    def click(self, selector, text=None):
        """Clicks the first that a selector finds, of those with a text, if one is given."""
        found = self.run(
            "const node = [...document.querySelectorAll(arguments[0])].find(n => arguments[1] === null"
            " || n.textContent.includes(arguments[1])); if (node) node.click(); return !!node",
            selector, text)
        assert found, (selector, text, self.text("body"))

    def type(self, selector, text):
        """Puts a text into a field and sends its form."""
        self.run(
            "const node = document.querySelector(arguments[0]); node.value = arguments[1];"
            "node.form.requestSubmit()", selector, text)

    def wait(self, condition, what, seconds=20):
        """Until `condition()` holds; its value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := condition():
                return value
            time.sleep(0.05)
        raise AssertionError(f"waited in vain for {what}: {self.text('body')[0][:2000]}")

    def chromium(self, command, **parameters):
        """A command of Chromium's own protocol."""
        return self.call("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def look(self, width=1280, height=900, dark=False):
        """How wide the window is, and whether the person likes it dark."""
        self.chromium(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
            mobile=width < 600)
        self.chromium("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def screenshot(self, path):
        with urllib.request.urlopen(self.address + "/screenshot", timeout=60) as reply:
            path.write_bytes(base64.b64decode(json.load(reply)["value"]))

    def complaints(self):
        """What the page wrote to the console as an error or a warning."""
        return [entry["message"] for entry in self.call("/se/log", {"type": "browser"})
                if entry["level"] in ("SEVERE", "WARNING")]
