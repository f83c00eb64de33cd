#!/usr/bin/env python3
"""A report opens in a browser: headless Chromium runs its scripts, and what they say they have drawn is what the plan holds.

  report_page.py --bin build/bin [--data FOLDER] [--screenshot FILE.png] [--example NAME]

Compiles an example for two nodes, trains a few steps with a trace, makes the report and loads it from a file; a failure of a
script, a request to anywhere or a view that drew nothing fails, and a page with a planted failure must. By hand: it needs the
package chromium, and half a minute.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")


def run(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, **more)
    if done.returncode:
        sys.exit(f"{' '.join(words)}\nexit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def chromium(page, folder, *flags):
    return run("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
               f"--user-data-dir={folder}/browser", "--window-size=1400,2600", *flags, "file://" + page, timeout=300)


def make_report(args, folder):
    tool = lambda name: os.path.join(os.path.abspath(args.bin), name)
    example = os.path.join(ROOT, "examples", args.example)
    plan, page = os.path.join(folder, "job.plan"), os.path.join(folder, "report.html")
    run(tool("of-compile"), os.path.join(example, "job.yaml"), "--cluster", os.path.join(example, "cluster-2.yaml"), "-o", plan)
    run(tool("of-run"), plan, "--local", "--data", args.data, "--out", folder, "--trace", "--steps", str(args.steps))
    run(tool("of-plan"), "report", plan, "-o", page, "--trace", os.path.join(folder, "trace.json"),
        "--metrics", os.path.join(folder, "metrics.jsonl"))
    return page


def embedded(page):
    with open(page, encoding="utf-8") as file:
        text = file.read()
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S).group(1))


def state_of(page, folder):
    """What the page says of itself when its scripts have run."""
    dom = chromium(page, folder, "--dump-dom")
    return dict(re.findall(r'data-([a-z]+)="([^"]*)"', re.search(r"<body[^>]*>", dom).group(0)))


def plant_failure(page):
    """A copy whose script fails before it draws the graph."""
    with open(page, encoding="utf-8") as file:
        text = file.read()
    right = "graph: new Graph()"
    if text.count(right) != 1:
        sys.exit(f"the page has '{right}' {text.count(right)} times; bring the planted failure up to date")
    with open(page + ".broken.html", "w", encoding="utf-8") as file:
        file.write(text.replace(right, "graph: nothing()"))
    return page + ".broken.html"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--example", default="fashion-mnist-cnn")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--screenshot")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page = make_report(args, folder)
        data = embedded(page)
        state = state_of(page, folder)
        expected = {"ready": "yes", "tasks": str(len(data["tasks"])), "edges": str(len(data["edges"])),
                    "spans": f"{len(data['predicted']['spans'])} {len(data['measured']['spans'])}",
                    "blocks": str(sum(len(c["blocks"]) for c in data["memory"])),
                    "curves": str(len({s["name"] for s in data["metrics"]}))}
        if state != expected:
            sys.exit(f"the page says {state}, its data say {expected}")
        broken = state_of(plant_failure(page), folder)
        if "nothing is not defined" not in broken.get("error", "") or broken.get("ready") == "yes":
            sys.exit(f"a page whose script fails says {broken}: this test sees nothing")
        if args.screenshot:
            chromium(page, folder, f"--screenshot={os.path.abspath(args.screenshot)}", "--hide-scrollbars")
        print(f"ok   {state}, {os.path.getsize(page)} bytes")


if __name__ == "__main__":
    main()
