#!/usr/bin/env python3
"""Messages of a node when there are more nodes, under a simulated clock.

  pipeline         a node talks to its neighbours: as many messages on 2 nodes as on 512
  data             gradients go through the axis in rounds where that is faster; one exchange of everybody with everybody has 4 (n - 1) messages
  data, two axes   devices of a node reduce among themselves first: the node's bytes and messages fall by the number of its devices

  scale.py --bin build/bin [--nodes 2,8,32]
"""
import argparse
import json
import math
import os
import sys
import tempfile

from tools import Failure, Tools, cluster, expect, job_text, parallel, run

WIDTH = 16


def chain(layers):
    """A model of that many layers, alike as far as possible."""
    lines = [f"func.func @chain(%image: tensor<?x784xf32>) -> tensor<?x10xf32> {{"]
    value, width = "image", 784
    for i in range(layers):
        out = 10 if i == layers - 1 else WIDTH
        lines += [f'  %w{i} = of.parameter "w{i}" init(#of.init<kaiming_uniform>) {{fan = "in_out"}} : tensor<{width}x{out}xf32>',
                  f"  %z{i} = of.matmul %{value}, %w{i} : (tensor<?x{width}xf32>, tensor<{width}x{out}xf32>) -> tensor<?x{out}xf32>"]
        value, width = f"z{i}", out
    return "\n".join(lines + [f"  return %{value} : tensor<?x10xf32>", "}"]) + "\n"


class Scale:
    def __init__(self, tools):
        self.tools = tools

    def simulate(self, name, nodes, devices, changes, parallel_text):
        job = job_text("mlp", {"epochs": None, "steps": 20, "evaluate": None, "checkpoint": None, **changes}, (), parallel_text)
        base = self.tools.compile(name, job, cluster(nodes, devices, hosts=nodes))
        return json.loads(run([self.tools.tool("of-plan"), "simulate", "--json", "--steps", "2", "--throttle-link", "1e9",
                               os.path.join(base, "job.plan")]).stdout)["nodes"]

    def pipeline(self, nodes):
        model = os.path.join(self.tools.folder, f"chain{nodes}.mlir")
        with open(model, "w") as file:
            file.write(chain(nodes))
        found = self.simulate(f"pipeline {nodes}", nodes, 1, {"model": model, "accumulate": 8, "batch": 64},
                              parallel(stages=[f"z{i}" for i in range(1, nodes)]))
        return [n["messages_per_step"] for n in found]

    def data(self, nodes, devices=1, mesh=None):
        found = self.simulate(f"data {nodes} {devices} {mesh}", nodes, devices, {"batch": 1024}, parallel(mesh or {"data": nodes * devices}))
        return max(n["messages_per_step"] for n in found), max(n["pushed_bytes_per_step"] for n in found)


def check(scale, counts):
    pipelines = {}
    for nodes in counts:
        found = scale.pipeline(nodes)
        pipelines[nodes] = max(found)
        print(f"pipeline, {nodes} nodes: {min(found):.0f} to {max(found):.0f} messages of a node and step", flush=True)
    # From 8 on there are all kinds of neighbours.
    expect(len({m for n, m in pipelines.items() if n >= 8}) <= 1, f"a node of a longer pipeline sends more: {pipelines}")
    for nodes in counts:
        messages, sent = scale.data(nodes)
        print(f"data, {nodes} nodes: {messages:.0f} messages, {sent / 1e6:.2f} MB pushed", flush=True)
        expect(messages <= 4 * (nodes - 1), "gradients take more than two exchanges of everybody with everybody")
        expect(messages <= 20 * math.sqrt(nodes), "messages grow as if there were no rounds")
    (flat, flat_bytes), (two, two_bytes) = scale.data(8, 4), scale.data(8, 4, {"data_node": 8, "data": 4})
    print(f"data, 8 nodes of 4 devices: {flat:.0f} messages and {flat_bytes / 1e6:.2f} MB with one axis, {two:.0f} and {two_bytes / 1e6:.2f} with two")
    expect(two <= flat and two_bytes <= flat_bytes / 2, "two axes should let the devices of a node reduce first")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--nodes", default="2,8,32")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            check(Scale(Tools(options.bin, "", folder)), [int(n) for n in options.nodes.split(",")])
        except Failure as failure:
            sys.exit(f"FAILED {failure}")


main()
