"""What a page looks like in headless Chromium, at several widths."""

import json
import re
import shutil
import subprocess
from html import unescape

import pytest

WIDTHS = (400, 900, 1600)
HARNESS = """<!doctype html><meta name="color-scheme" content="light dark">
<body>{frames}<script>
const look = (frame) => {{
  const page = frame.contentDocument, view = frame.contentWindow;
  const links = [...page.querySelectorAll("a[href]")].map(
    (link) => link.getAttribute("href"));
  return {{
    width: view.innerWidth,
    room: page.documentElement.clientWidth,
    content: page.documentElement.scrollWidth,
    links: links.length,
    outside: links.filter((href) => !/^(#|data:)/.test(href)),
    broken: links.filter((href) => href[0] === "#"
      && !page.getElementById(decodeURIComponent(href.slice(1)))),
    images: page.images.length,
    lost: [...page.images].filter((img) => !img.naturalWidth).map((img) => img.alt),
    unnamed: [...page.images].filter((img) => !img.alt).length,
    background: view.getComputedStyle(page.body).backgroundColor,
    text: view.getComputedStyle(page.body).color,
  }};
}};
addEventListener("load", () => {{
  const seen = [...document.querySelectorAll("iframe")].map(look);
  document.body.textContent = "SEEN" + JSON.stringify(seen) + "END";
}});
</script>"""


def find_browser():
    """Path of a Chromium; the test is skipped where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("no Chromium here: the page is written, but not opened")


def open_page(path, folder, dark=False):
    """Open a page in frames of `WIDTHS`.

    Returns
    -------
    (list of dict, list of str)
        What each frame shows, and the errors in the console.
    """
    style = "border:0;height:900px;width"
    frames = "".join(
        f'<iframe src="{path.as_uri()}" style="{style}:{width}px"></iframe>'
        for width in WIDTHS
    )
    harness = folder / "harness.html"
    harness.write_text(HARNESS.format(frames=frames), encoding="utf-8")
    command = [
        find_browser(),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--allow-file-access-from-files",
        f"--user-data-dir={folder / 'profile'}",
        f"--blink-settings=preferredColorScheme={0 if dark else 1}",
        "--enable-logging=stderr",
        "--virtual-time-budget=20000",
        "--dump-dom",
        harness.as_uri(),
    ]
    shown = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=True
    )
    seen = re.search("SEEN(.*)END</body>", shown.stdout, re.S)
    assert seen, f"the page did not load: {shown.stderr[-2000:]}"
    errors = [line for line in shown.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(unescape(seen.group(1))), errors


def demand_sound(path, folder):
    """Hold a page to working links and images, a quiet console and its width."""
    frames, errors = open_page(path, folder)
    assert errors == []
    assert [frame["width"] for frame in frames] == list(WIDTHS)
    for frame in frames:
        assert frame["links"] > 0
        assert frame["broken"] == frame["outside"] == frame["lost"] == []
        assert frame["unnamed"] == 0
        assert frame["content"] <= frame["room"]
