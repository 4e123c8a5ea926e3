"""Checks the pages of `allconv serve` in a Chromium, while a study is made."""

import argparse
import os
import signal
import subprocess
import tempfile
import time

from chromium import Chromium

STUDY = """question = "Which way of halving the resolution suits a small convolutional net on drawn shapes?"
primary  = { metric = "error", split = "test", better = "lower" }
compare  = { baseline = "max_pool", equivalence_margin = 0.02 }
seeds    = { from = 0, count = 6 }
[base.data]
dataset    = "synthetic"
synthetic  = { seed = 0, size = 16, train = 900, test = 200 }
validation = 100
[base.net]
architecture = { springenberg = { base = "c", width = 0.1 } }
[base.train]
preset = "fast"
epochs = 12
[arms.max_pool.net.downsample]
max_pool = { kernel = 3, stride = 2 }
[arms.average_pool.net.downsample]
average_pool = { kernel = 3, stride = 2 }
[arms.strided_conv.net.downsample]
strided_conv = { kernel = 3, stride = 2 }
"""

# One arm's learning rate lets its runs diverge.
DIVERGING = STUDY.replace("count = 6", "count = 1").replace("epochs = 12", "epochs = 4") + """
[arms.too_fast.net.downsample]
strided_conv = { kernel = 3, stride = 2 }
[arms.too_fast.train]
preset = "fast"
epochs = 4
learning_rate = 1e6
"""

CONTRAST = """(() => {
  const luminance = colour => {
    const [red, green, blue] = colour.match(/[\\d.]+/g).map(Number).map(part => part / 255)
      .map(part => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = element => {
    for (let node = element; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (!/, 0\\)$|transparent/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  let least = [99, ""];
  for (const element of document.querySelectorAll("p, td, th, h1, h2, a, dt, dd, label, button, .badge, figcaption, caption, summary, footer, #connection")) {
    if (!element.textContent.trim() || !element.getClientRects().length) continue;
    const [one, other] = [luminance(getComputedStyle(element).color), luminance(ground(element))].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    if (contrast < least[0]) least = [contrast, element.textContent.trim().slice(0, 40)];
  }
  return least;
})()"""


def check(condition, told):
    if not condition:
        raise AssertionError(told)
    print(f"ok: {told}")


def visible_rows(browser, section):
    return browser.evaluate(
        f"[...document.querySelectorAll('#{section} tbody tr')].filter(row => !row.hidden).map(row => row.textContent)"
    )


def moves(browser, study):
    browser.wait("document.getElementById('connection').textContent === 'live'")
    browser.evaluate("window.wasNotLoadedAgain = true")
    browser.wait("document.querySelector('#running td, #running th')", 120, "a run under way")
    before = browser.evaluate("document.getElementById('running').textContent + document.getElementById('status').textContent")
    browser.wait(
        f"document.getElementById('running').textContent + document.getElementById('status').textContent !== {before!r}", 90, "a change"
    )
    check(browser.evaluate("window.wasNotLoadedAgain"), "the page of a study under way changes without being loaded again")
    check(browser.evaluate("document.getElementById('status').getAttribute('role')") == "status", "changes are told to screen readers")


def filters(browser):
    browser.wait("document.querySelectorAll('#runs tbody tr').length === 18")
    browser.evaluate("(f => { f.value = 'average_pool'; f.dispatchEvent(new Event('input')); })(document.getElementById('filter'))")
    rows = visible_rows(browser, "runs")
    check(len(rows) == 6 and all("average_pool" in row for row in rows), "rows are filtered by text")
    browser.evaluate(
        "(s => { s.value = 'left'; s.dispatchEvent(new Event('change')); })(document.getElementById('state'))"
    )
    rows = visible_rows(browser, "runs")
    check(all("average_pool" in row and "left" in row for row in rows) and len(rows) <= 6, "and by state")
    before = browser.evaluate("document.getElementById('status').textContent")
    browser.wait(f"document.getElementById('status').textContent !== {before!r}", 120, "another change")
    rows = visible_rows(browser, "runs")
    check(all("average_pool" in row and "left" in row for row in rows), "and stay filtered when the page changes")
    browser.evaluate("(f => { f.value = ''; f.dispatchEvent(new Event('input')); })(document.getElementById('filter'))")
    browser.evaluate("(s => { s.value = ''; s.dispatchEvent(new Event('change')); })(document.getElementById('state'))")


def keyboard(browser):
    browser.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(6):
        browser.press("Tab")
        reached.append(browser.evaluate("document.activeElement.id || document.activeElement.textContent"))
    check(reached[0] == "Skip to the content", f"the keyboard reaches the link to the content first: {reached}")
    check({"filter", "state", "pause"} <= set(reached), "then the controls")
    tree = browser.call("Accessibility.getFullAXTree")["nodes"]
    controls = [node for node in tree if node.get("role", {}).get("value") in ("button", "searchbox", "combobox", "link", "checkbox", "progressbar", "progressIndicator", "image")]
    nameless = [node["role"]["value"] for node in controls if not node.get("name", {}).get("value") and not node.get("ignored")]
    check(len(controls) > 10 and not nameless, f"every control and figure has a name: {len(controls)}, nameless {nameless}")
    roles = {node.get("role", {}).get("value") for node in tree}
    check({"main", "heading", "table", "columnheader", "rowheader", "status", "navigation"} <= roles, "headings, tables and regions are marked as such")


def pauses(browser):
    browser.evaluate("document.getElementById('pause').click()")
    check(browser.evaluate("document.getElementById('connection').textContent") == "paused", "the page can be paused")
    browser.evaluate("document.getElementById('pause').click()")
    browser.wait("document.getElementById('connection').textContent === 'live'", what="following again")


def looks(browser, addresses, out):
    """Both schemes, wide and narrow, of each page; the top of each as a picture."""
    for scheme, is_dark in [("light", False), ("dark", True)]:
        browser.scheme(scheme)
        for name, address in addresses.items():
            browser.size(1100, 1300)
            browser.open(address)
            browser.wait("document.getElementById('connection').textContent === 'live'")
            ground = browser.evaluate("getComputedStyle(document.documentElement).backgroundColor")
            check((sum(map(int, ground[4:-1].split(","))) < 200) == is_dark, f"{name} in {scheme}: the ground is {ground}")
            contrast, words = browser.evaluate(CONTRAST)
            check(contrast >= 4.5, f"{name} in {scheme}: the least contrast is {contrast:.1f} to 1, of `{words}`")
            browser.screenshot(os.path.join(out, f"{name}-{scheme}.png"), False)
            browser.size(400, 1100, True)
            time.sleep(0.3)
            width = browser.evaluate("document.scrollingElement.scrollWidth")
            check(width <= 400, f"{name} fits into 400 pixels: {width}")
            browser.screenshot(os.path.join(out, f"{name}-{scheme}-400.png"), False)
    browser.scheme("light")
    browser.size(1100, 900)


def serve(allconv, folder):
    server = subprocess.Popen([allconv, "serve"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return server, server.stdout.readline().strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("allconv", help="the program")
    parser.add_argument("out", nargs="?", help="folder for screenshots")
    arguments = parser.parse_args()
    allconv = os.path.abspath(arguments.allconv)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as unwanted:
        out = arguments.out or unwanted
        os.makedirs(out, exist_ok=True)
        for name, text in [("shapes", STUDY), ("rates", DIVERGING)]:
            with open(os.path.join(folder, f"{name}.toml"), "w") as file:
                file.write(text)
        quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([allconv, "study", "run", "rates.toml", "--progress", "none"], check=True, **quiet)
        study = subprocess.Popen([allconv, "study", "run", "shapes.toml", "--progress", "none", "--jobs", "2"], **quiet)
        server, address = serve(allconv, folder)
        browser = Chromium()
        try:
            browser.size(1100, 900)
            page = f"{address}study/shapes"
            browser.open(page)
            moves(browser, study)
            filters(browser)
            keyboard(browser)
            pauses(browser)
            browser.wait("document.querySelector('#comparison .note')?.textContent.includes('not for verdicts')", 60, "the interim comparison")
            check(True, "the interim comparison is marked as not for verdicts")
            # With some finished seeds there are means to be seen.
            browser.wait("/\\b([8-9]|1\\d) done/.test(document.getElementById('status').textContent)", 300, "eight finished runs")
            run = browser.evaluate("document.querySelector('#running a, #runs a').href")
            looks(browser, {"studies": address, "study": page, "run": run}, out)
            browser.open(f"{address}study/rates/report/index.html")
            check("too_fast" in browser.evaluate("document.body.textContent"), "the report opens")
            check(browser.evaluate("window.origin") == "null", "with an origin of its own")
            browser.open(page)
            browser.wait("document.getElementById('connection').textContent === 'live'")
            check(not browser.complaints, f"no script is refused or fails: {browser.complaints}")
            server.send_signal(signal.SIGINT)
            server.wait()
            browser.wait("document.getElementById('connection').classList.contains('lost')", what="the page says that the connection is lost")
            check(True, "after the server ends, the page says so")
        finally:
            browser.close()
            for process in [server, study]:
                process.terminate()
                process.wait()
    print("the live page: all checks passed")


if __name__ == "__main__":
    main()
