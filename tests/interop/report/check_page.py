"""check_page.py PAGE FACTS OUTPUT: opens PAGE in headless Chromium by way of chromedriver, and holds what is shown against FACTS
(JSON): texts, headings, how many plots. Screenshots and a print go to OUTPUT. Only the standard library.

Exit status 77: there is no Chromium."""
import base64
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import urllib.request
import zlib

page, facts_path, output = sys.argv[1:]
driver_path, browser_path = shutil.which("chromedriver"), shutil.which("chromium")
if not driver_path or not browser_path:
    print("skipped: chromium and chromium-driver are not installed")
    sys.exit(77)
with open(facts_path, encoding="utf-8") as file:
    facts = json.load(file)
failures = []


def expect(holds, what):
    print(("ok: " if holds else "FAILED: ") + what)
    if not holds:
        failures.append(what)


class Browser:
    def __init__(self, profile):
        self.driver = subprocess.Popen([driver_path, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in self.driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                self.address = f"http://127.0.0.1:{found[1]}"
                break
        else:
            raise RuntimeError("chromedriver did not start")
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}", "--window-size=1200,1000"]
        capabilities = {"goog:chromeOptions": {"args": arguments, "binary": browser_path},
                        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        self.session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})["sessionId"]

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.address + path, method=method, data=None if body is None else json.dumps(body).encode())
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def do(self, method, path, body=None):
        return self.call(method, f"/session/{self.session}{path}", body)

    def ask(self, script):
        return self.do("POST", "/execute/sync", {"script": "return " + script, "args": []})

    def command(self, name, **parameters):
        return self.do("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def screenshot(self, name):
        taken = base64.b64decode(self.command("Page.captureScreenshot", captureBeyondViewport=True, format="png",
                                              clip={"x": 0, "y": 0, "width": self.ask("innerWidth"),
                                                    "height": self.ask("Math.ceil(document.documentElement.scrollHeight)"), "scale": 1})["data"])
        with open(os.path.join(output, name), "wb") as file:
            file.write(taken)
        return taken

    def close(self):
        try:
            self.do("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()


def colours(png):
    """Width, height, and how often each of the colours of every 4th row stands there."""
    width, height, depth, kind = struct.unpack(">IIBB", png[16:26])
    assert depth == 8 and kind in (2, 6)
    channels, at, packed = (3 if kind == 2 else 4), 8, b""
    while at < len(png):
        length = struct.unpack(">I", png[at:at + 4])[0]
        if png[at + 4:at + 8] == b"IDAT":
            packed += png[at + 8:at + 8 + length]
        at += length + 12
    data, stride, counts = zlib.decompress(packed), width * channels, {}
    before = bytearray(stride)
    for row in range(height):
        how, line = data[row * (stride + 1)], bytearray(data[row * (stride + 1) + 1:(row + 1) * (stride + 1)])
        for i in range(stride if how else 0):
            left, up, corner = (line[i - channels] if i >= channels else 0), before[i], (before[i - channels] if i >= channels else 0)
            guess = left + up - corner
            nearest = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
            line[i] = (line[i] + (0, left, up, (left + up) // 2, nearest)[how]) & 255
        before = line
        if row % 4 == 0:
            for i in range(0, stride, channels):
                colour = bytes(line[i:i + 3])
                counts[colour] = counts.get(colour, 0) + 1
    return width, height, counts


CONTRASTS = """(() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => { const [r, g, b] = rgb.map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (element) => { for (; element; element = element.parentElement) {
    const colour = parse(getComputedStyle(element).backgroundColor); if (colour.length < 4 || colour[3] > 0) return colour.slice(0, 3); }
    return [255, 255, 255]; };
  return [...document.querySelectorAll("h1,h2,h3,p,dt,dd span,th,td,caption,figcaption,summary,code,pre,svg text,.badge,.good,.bad")].map((element) => {
    const style = getComputedStyle(element), svg = element.ownerSVGElement;
    const a = light(parse(svg ? style.fill : style.color).slice(0, 3)), b = light(behind(svg ? svg.parentElement : element));
    return [element.tagName + "." + (element.getAttribute("class") || ""), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]; })
    .sort((x, y) => x[1] - y[1])[0]; })()"""

os.makedirs(output, exist_ok=True)
with tempfile.TemporaryDirectory(prefix="forgepool-chromium-") as profile:
    browser = Browser(profile)
    try:
        browser.do("POST", "/url", {"url": "file://" + os.path.abspath(page)})
        text = browser.ask("document.body.innerText")
        for wanted in facts["texts"]:
            expect(wanted in text, f"shows {wanted!r}")
        expect(browser.ask("document.title") == facts["title"], "has its title")
        expect(browser.ask("[...document.querySelectorAll('h2,h3')].map((it) => it.textContent)") == facts["headings"], "has its headings in order")
        expect(browser.ask("document.querySelectorAll('svg[role=img][aria-label] > title').length") == facts["plots"], "plots say what they are")
        expect(browser.ask("[...document.querySelectorAll('svg')].every((it) => it.getBBox().width > 500)"), "plots are drawn")
        expect(browser.ask("document.querySelectorAll('script,img,iframe,object,embed,form,[onerror],[onload],[onclick]').length") == 0, "holds nothing that acts")
        expect(browser.ask("[...document.querySelectorAll('th')].every((it) => it.scope) && "
                           "[...document.querySelectorAll('table')].every((it) => it.caption.textContent)"), "tables have captions and scopes")
        expect(browser.ask("document.documentElement.lang") == "en", "says its language")

        address, requested = "file://" + os.path.abspath(page), []
        for entry in browser.do("POST", "/se/log", {"type": "performance"}):
            message = json.loads(entry["message"])["message"]
            # Chromium's own first page asks for things of its own (chrome://).
            if message["method"] == "Network.requestWillBeSent" and not message["params"]["documentURL"].startswith("chrome:"):
                requested.append(message["params"]["request"]["url"])
        outside = [url for url in requested if not url.startswith(("data:", "about:")) and url != address]
        expect(address in requested and not outside, f"asks nobody for anything: {outside}")
        console = [entry["message"] for entry in browser.do("POST", "/se/log", {"type": "browser"})]
        expect(not console, f"the console is silent: {console}")

        shown = {}
        for scheme in ("light", "dark"):
            browser.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            where, least = browser.ask(CONTRASTS)
            expect(least >= 4.5, f"{scheme}: every text has a contrast of 4.5 or more (least: {least:.2f}, {where})")
            width, height, counts = colours(browser.screenshot(f"{scheme}.png"))
            shown[scheme] = max(counts, key=counts.get)
            expect(width == 1200 and height > 1500, f"{scheme}: a screenshot of {width} x {height}")
            expect(len(counts) > 50 and max(counts.values()) < 0.95 * sum(counts.values()), f"{scheme}: it is not blank ({len(counts)} colours)")
        expect(sum(shown["light"]) > 600 and sum(shown["dark"]) < 200, "it is light where light is wanted, and dark where dark is")

        browser.command("Emulation.setDeviceMetricsOverride", width=400, height=800, deviceScaleFactor=1, mobile=True)
        expect(browser.ask("document.documentElement.scrollWidth") <= 400, "fits a narrow screen")
        browser.screenshot("narrow.png")
        browser.command("Emulation.clearDeviceMetricsOverride")
        printed = base64.b64decode(browser.command("Page.printToPDF", printBackground=False)["data"])
        with open(os.path.join(output, "print.pdf"), "wb") as file:
            file.write(printed)
        expect(printed.startswith(b"%PDF") and len(printed) > 10_000, f"prints ({len(printed)} bytes)")
    finally:
        browser.close()
print(f"{len(failures)} failed" if failures else "the page is as it should be")
sys.exit(1 if failures else 0)
