"""Models as people write them in PyTorch, and their export. None drops out: PyTorch's masks are its own."""
import math

import torch
from torch import nn
from torch.nn import functional as F


def export(model, example, input_name, file):
    batch = {0: "batch"}
    torch.onnx.export(model, example, file, input_names=[input_name], output_names=["logits"],
                      dynamic_axes={input_name: batch, "logits": batch}, opset_version=14,
                      training=torch.onnx.TrainingMode.TRAINING, do_constant_folding=False)


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 32), nn.Tanh(), nn.Linear(32, 16), nn.GELU(),
                         nn.Linear(16, 10))


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv2, self.norm2 = nn.Conv2d(8, 16, 3, stride=2, groups=2), nn.BatchNorm2d(16)
        self.pool, self.fc = nn.MaxPool2d(2), nn.Linear(16 * 9, 10)

    def forward(self, image):
        x = self.pool(F.relu(self.norm1(self.conv1(image))))
        x = F.avg_pool2d(F.leaky_relu(self.norm2(self.conv2(x))), 2)
        return self.fc(x.flatten(1))


cnn = CNN


class Block(nn.Module):
    """He et al. 2015, the basic block."""

    def __init__(self, channels, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels != width:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


def resnet():
    return nn.Sequential(nn.Conv2d(1, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), Block(8, 8, 1),
                         Block(8, 16, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))


class Attention(nn.Module):
    def __init__(self, width, heads, length):
        super().__init__()
        self.qkv, self.out, self.heads = nn.Linear(width, 3 * width), nn.Linear(width, width), heads
        self.register_buffer("mask", torch.tril(torch.ones(length, length)).view(1, 1, length, length))

    def forward(self, x):
        rows, length, width = x.shape
        q, k, v = (t.view(rows, length, self.heads, width // self.heads).transpose(1, 2)
                   for t in self.qkv(x).split(width, dim=2))
        scores = (q @ k.transpose(-2, -1)) / math.sqrt(k.size(-1))
        scores = scores.masked_fill(self.mask[:, :, :length, :length] == 0, float("-inf"))
        return self.out((F.softmax(scores, dim=-1) @ v).transpose(1, 2).contiguous().view(rows, length, width))


class Layer(nn.Module):
    def __init__(self, width, heads, length):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, length)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class GPT(nn.Module):
    """Radford et al. 2019: the last product shares its weights with the embedding."""

    def __init__(self, tokens=256, width=32, heads=4, length=16, layers=2):
        super().__init__()
        self.tokens, self.places = nn.Embedding(tokens, width), nn.Embedding(length, width)
        self.layers = nn.Sequential(*(Layer(width, heads, length) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)

    def forward(self, text):
        places = torch.arange(text.shape[1], device=text.device)
        x = self.layers(self.tokens(text) + self.places(places))
        return self.norm(x) @ self.tokens.weight.T


gpt = GPT


class Encoder(nn.Module):
    """PyTorch's own encoder layer, as in BERT."""

    def __init__(self, tokens=256, width=32):
        super().__init__()
        self.tokens = nn.Embedding(tokens, width)
        self.layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, activation="gelu", batch_first=True)
        self.head = nn.Linear(width, tokens)

    def forward(self, text):
        return self.head(self.layer(self.tokens(text)))


encoder = Encoder
