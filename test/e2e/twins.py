"""The models of Inputs as PyTorch functions of (weights by name, input): the same sums, another program."""
import torch
import torch.nn.functional as F


def mlp(w, image):
    h = torch.relu(image @ w["fc1.weight"] + w["fc1.bias"])
    return h @ w["fc2.weight"] + w["fc2.bias"]


def _batch_norm(w, name, x):
    return F.batch_norm(x, w[name + ".running_mean"], w[name + ".running_var"],
                        w[name + ".weight"], w[name + ".bias"], True)


def cnn(w, image):
    x = image.reshape(-1, 1, 28, 28)
    x = F.conv2d(x, w["conv1.weight"], padding=1)
    x = F.max_pool2d(torch.relu(_batch_norm(w, "bn1", x)), 2)
    x = F.conv2d(x, w["conv2.weight"], padding=1, stride=2)
    x = F.avg_pool2d(torch.relu(_batch_norm(w, "bn2", x)), 3, 2)
    return x.flatten(1) @ w["fc.weight"] + w["fc.bias"]


def transformer(w, text):
    def norm(x, name):
        return F.layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"])

    def heads(x):
        return x.unflatten(-1, (2, -1)).transpose(1, 2)

    x = F.embedding(text, w["tokens"]) + w["places"]
    hidden = torch.ones(text.shape[1], text.shape[1], dtype=torch.bool).triu(1)
    for layer in ("layer0.", "layer1."):
        y = norm(x, layer + "norm1")
        q, k, v = (heads(y @ w[layer + name]) for name in "qkv")
        scores = q @ k.transpose(-1, -2) / q.shape[-1]**0.5
        attended = torch.softmax(scores.masked_fill(hidden, -1e9), -1) @ v
        x = x + attended.transpose(1, 2).flatten(2) @ w[layer + "out"]
        y = norm(x, layer + "norm2")
        up = F.gelu(y @ w[layer + "up.weight"] + w[layer + "up.bias"])
        x = x + up @ w[layer + "down.weight"] + w[layer + "down.bias"]
    return norm(x, "norm") @ w["head"]
