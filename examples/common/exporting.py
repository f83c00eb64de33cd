"""What the examples' export.py share: the command line, and how a model is exported so that it can be trained."""
import argparse
import os
import sys
import warnings

import torch


def export(model, inputs, outputs, file):
    """`inputs`: by name, a few rows each. The batch stays open; the job says how many rows there are."""
    warnings.filterwarnings("ignore")
    names, batch = list(inputs) + list(outputs), {0: "batch"}
    # Training mode: else PyTorch folds batch norms into convolutions, drops dropout and renames weights.
    torch.onnx.export(model.train(), tuple(inputs.values()), file, input_names=list(inputs), output_names=outputs,
                      dynamic_axes={name: batch for name in names}, opset_version=14,
                      training=torch.onnx.TrainingMode.TRAINING, do_constant_folding=False)


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
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    model = sizes[args.size]()
    file = args.out or os.path.join(folder, "model.onnx" if args.size == "small" else args.size + ".onnx")
    export(model, inputs(args.size, 2), outputs, file)
    count = sum(p.numel() for p in model.parameters())
    print(f"{file}: {count:,} parameters", file=sys.stderr)
