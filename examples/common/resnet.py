"""Residual networks of bottlenecks: ResNet-50 (He et al. 2015), ResNeXt-101 (Xie et al. 2016)."""
from torch import nn
from torch.nn import functional as F


class Bottleneck(nn.Module):
    def __init__(self, channels, width, stride, groups, group_width):
        super().__init__()
        inner = width * group_width // 64 * groups if groups > 1 else width
        self.conv1, self.bn1 = nn.Conv2d(channels, inner, 1, bias=False), nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3, self.bn3 = nn.Conv2d(inner, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels != 4 * width:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, 4 * width, 1, stride, bias=False),
                                          nn.BatchNorm2d(4 * width))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + self.shortcut(x))


class ResNet(nn.Module):
    """With `small_images` a stem of 3 x 3 without pooling. `classes` 0: features without the last layer."""

    def __init__(self, blocks, width=64, groups=1, group_width=64, classes=1000, small_images=False):
        super().__init__()
        stem = (3, 1, 1) if small_images else (7, 2, 3)
        self.conv1 = nn.Conv2d(1 if small_images else 3, width, *stem, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.pool = nn.Identity() if small_images else nn.MaxPool2d(3, 2, 1)
        layers, channels = [], width
        for i, count in enumerate(blocks):
            for block in range(count):
                stride = 2 if block == 0 and i > 0 else 1
                layers.append(Bottleneck(channels, width << i, stride, groups, group_width))
                channels = 4 * width << i
        self.layers = nn.Sequential(*layers)
        self.channels = channels
        self.fc = nn.Linear(channels, classes) if classes else nn.Identity()

    def forward(self, image):
        x = self.pool(F.relu(self.bn1(self.conv1(image))))
        return self.fc(F.adaptive_avg_pool2d(self.layers(x), 1).flatten(1))
