"""The models of Inputs as PyTorch functions of (weights by name, input): the same sums, another program.

With `parts` the batch is computed in so many parts, as devices would: sums over the batch become sums of sums."""
import torch
import torch.nn.functional as F


def by_parts(model):
    """For models whose samples have nothing to do with each other."""
    def whole(w, x, parts=1):
        return torch.cat([model(w, part) for part in x.chunk(parts)])
    return whole


@by_parts
def mlp(w, image):
    h = torch.relu(image @ w["fc1.weight"] + w["fc1.bias"])
    return h @ w["fc2.weight"] + w["fc2.bias"]


def _batch_norm(w, name, xs):
    """Statistics of all parts; running ones are followed only if there is one part."""
    if len(xs) == 1:
        return [F.batch_norm(xs[0], w[name + ".running_mean"], w[name + ".running_var"], w[name + ".weight"],
                             w[name + ".bias"], True)]
    rows, dims = sum(x[:, 0].numel() for x in xs), (0, 2, 3)
    mean = sum(x.sum(dims, keepdim=True) for x in xs) / rows
    var = sum(((x - mean)**2).sum(dims, keepdim=True) for x in xs) / rows
    scale = w[name + ".weight"][:, None, None] * torch.rsqrt(var + 1e-5)
    return [(x - mean) * scale + w[name + ".bias"][:, None, None] for x in xs]


def cnn(w, image, parts=1):
    xs = image.reshape(-1, 1, 28, 28).chunk(parts)
    xs = _batch_norm(w, "bn1", [F.conv2d(x, w["conv1.weight"], padding=1) for x in xs])
    xs = [F.max_pool2d(torch.relu(x), 2) for x in xs]
    xs = _batch_norm(w, "bn2", [F.conv2d(x, w["conv2.weight"], padding=1, stride=2) for x in xs])
    xs = [F.avg_pool2d(torch.relu(x), 3, 2) for x in xs]
    return torch.cat([x.flatten(1) @ w["fc.weight"] + w["fc.bias"] for x in xs])


@by_parts
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
