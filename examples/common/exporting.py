"""What the examples' export.py share: the command line, and how a model is exported so that it can be trained."""
import argparse
import inspect
import os
import sys
import warnings

import torch


OPSETS = {"torchscript": 14, "dynamo": 18}


def export(model, inputs, outputs, file, exporter="torchscript"):
    """`inputs`: by name, a few rows each. The batch stays open; the job says how many rows there are.

    `exporter`: "torchscript", which every PyTorch has, or "dynamo", since PyTorch 2.5 and with onnxscript.
    """
    warnings.filterwarnings("ignore")
    # Training mode: else PyTorch folds batch norms into convolutions, drops dropout and renames weights.
    model.train()
    options = {"input_names": list(inputs), "output_names": outputs, "opset_version": OPSETS[exporter]}
    if exporter == "dynamo":
        shapes = tuple({0: torch.export.Dim("batch")} for _ in inputs)
        # Not optimized: else weights come transposed under other names, and batch norms folded into convolutions.
        torch.onnx.export(model, tuple(inputs.values()), file, dynamo=True, dynamic_shapes=shapes, optimize=False,
                          verbose=False, **options)
        return
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        options["dynamo"] = False
    axes = {name: {0: "batch"} for name in list(inputs) + list(outputs)}
    torch.onnx.export(model, tuple(inputs.values()), file, dynamic_axes=axes, do_constant_folding=False,
                      training=torch.onnx.TrainingMode.TRAINING, **options)


def images(side):
    """`inputs` of models of images: in colour and of this side in full size, else like Fashion-MNIST's."""
    return lambda size, rows: {"image": torch.rand(rows, *((3, side, side) if size == "full" else (1, 28, 28)))}


def main(script, doc, sizes, inputs, outputs):
    """`sizes`: name -> function that makes the model; `inputs`: (size, rows) -> tensors by name."""
    folder = os.path.dirname(os.path.abspath(script))
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("--size", choices=list(sizes), default="small")
    parser.add_argument("--out", help="by default model.onnx here, for other sizes than small SIZE.onnx")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--exporter", choices=list(OPSETS), default="torchscript")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    model = sizes[args.size]()
    file = args.out or os.path.join(folder, "model.onnx" if args.size == "small" else args.size + ".onnx")
    export(model, inputs(args.size, 2), outputs, file, args.exporter)
    count = sum(p.numel() for p in model.parameters())
    print(f"{file}: {count:,} parameters", file=sys.stderr)
