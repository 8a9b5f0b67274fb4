"""The presets of libcifar as PyTorch's modules, and the tutorial's data set."""

import numpy as np
import torch
from PIL import Image
from torch import nn


def tutorial(channels=3, side=32):
    """The tutorial's network."""
    layers = []
    for filters, rate in [(32, 0.2), (64, 0.3), (128, 0.4)]:
        for _ in range(2):
            layers += [
                nn.Conv2d(channels, filters, 3, padding=1), nn.BatchNorm2d(filters), nn.ReLU(),
            ]
            channels = filters
        layers += [nn.MaxPool2d(2), nn.Dropout(rate)]
    layers += [nn.Flatten(), nn.Linear(128 * (side // 8) ** 2, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, 10)]
    return nn.Sequential(*layers)


class Residual(nn.Module):
    def __init__(self, inputs, filters, stride):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, filters, 3, stride, padding=1), nn.BatchNorm2d(filters), nn.ReLU(),
            nn.Conv2d(filters, filters, 3, padding=1), nn.BatchNorm2d(filters),
        )
        self.shortcut = nn.Identity() if stride == 1 else nn.Sequential(
            nn.Conv2d(inputs, filters, 1, stride), nn.BatchNorm2d(filters)
        )

    def forward(self, x):
        return torch.relu(self.layers(x) + self.shortcut(x))


def resnet(channels=3, side=32):
    layers = [nn.Conv2d(channels, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU()]
    channels = 32
    for filters, stride in [(32, 1), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1)]:
        layers.append(Residual(channels, filters, stride))
        channels = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))


class Factor(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x * self.factor


def airbench(channels=3, side=32):
    """Jordan's network of "94% on CIFAR-10 in 3.29 Seconds"; its first filters are not trained."""
    first = nn.Conv2d(channels, 8 * channels, 2)
    first.weight.requires_grad = False
    layers, channels = [first, nn.GELU()], 8 * channels

    def norm(filters):
        layer = nn.BatchNorm2d(filters, eps=1e-12, momentum=0.4)
        layer.weight.requires_grad = False
        return layer

    for filters in [64, 256, 256]:
        layers += [
            nn.Conv2d(channels, filters, 3, padding=1, bias=False), nn.MaxPool2d(2), norm(filters),
            nn.GELU(), nn.Conv2d(filters, filters, 3, padding=1, bias=False), norm(filters),
            nn.GELU(),
        ]
        channels = filters
    layers += [nn.MaxPool2d(3), nn.Flatten(), nn.Linear(256, 10, bias=False), Factor(1 / 9)]
    return nn.Sequential(*layers)


PRESETS = {"tutorial": tutorial, "tutorial-resnet": resnet, "airbench94": airbench}


def training_of(preset, model):
    """Loss and optimizer of a preset, in the fastest form there is."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if preset.startswith("airbench"):
        # A rate at which labels that mean nothing let nothing diverge.
        return (
            nn.CrossEntropyLoss(label_smoothing=0.2, reduction="sum"),
            torch.optim.SGD(
                parameters, 1e-5, momentum=0.85, nesterov=True, weight_decay=1e-3, fused=True),
        )
    return nn.CrossEntropyLoss(), torch.optim.Adam(parameters, 1e-3, fused=True)


class Images(torch.utils.data.Dataset):
    """Random images behind the tutorial's transforms: flip, rotation, shift, normalisation."""

    def __init__(self, count, augment):
        pixels = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), np.uint8)
        self.images = [Image.fromarray(image) for image in pixels]
        self.augment = augment
        self.mean = torch.tensor([0.4914, 0.4822, 0.4465]).view(3, 1, 1)
        self.deviation = torch.tensor([0.2023, 0.1994, 0.2010]).view(3, 1, 1)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index]
        if self.augment:
            draw = torch.rand(4).tolist()
            if draw[0] < 0.5:
                image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            image = image.rotate(30 * draw[1] - 15)
            shift = [round(6.4 * draw[2] - 3.2), round(6.4 * draw[3] - 3.2)]
            image = image.transform(
                (32, 32), Image.Transform.AFFINE, (1, 0, -shift[0], 0, 1, -shift[1])
            )
        values = torch.from_numpy(np.array(image)).permute(2, 0, 1).to(torch.float32) / 255
        return (values - self.mean) / self.deviation, index % 10
