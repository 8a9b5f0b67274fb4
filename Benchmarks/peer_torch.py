"""Times PyTorch for run.py, by the protocol of cifar-bench: a measurement a line, JSON answers.

    step BATCH REPEATS MODE [PRESET]
                                MODE: eager, channels_last or compile
    infer BATCH REPEATS MODE
    epoch IMAGES                the tutorial script's epoch: augmentation in 2 loader workers
    memory
"""

import json
import resource
import statistics
import sys
import time

import numpy as np
import torch
from torch import nn


def tutorial():
    """The tutorial's network."""
    layers, channels = [], 3
    for filters, rate in [(32, 0.2), (64, 0.3), (128, 0.4)]:
        for _ in range(2):
            layers += [
                nn.Conv2d(channels, filters, 3, padding=1), nn.BatchNorm2d(filters), nn.ReLU(),
            ]
            channels = filters
        layers += [nn.MaxPool2d(2), nn.Dropout(rate)]
    layers += [nn.Flatten(), nn.Linear(2048, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, 10)]
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


def gap():
    """The tutorial's network with global average pooling instead of flatten."""
    model = tutorial()
    model[24] = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model[25] = nn.Linear(128, 512)
    return model


def resnet():
    layers = [nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU()]
    channels = 32
    for filters, stride in [(32, 1), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1)]:
        layers.append(Residual(channels, filters, stride))
        channels = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))


PRESETS = {"tutorial": tutorial, "tutorial-gap": gap, "tutorial-resnet": resnet}


class Bench:
    def __init__(self):
        torch.manual_seed(0)
        self.models = {}

    def model(self, mode, training, preset="tutorial"):
        key = (mode, training, preset)
        if key not in self.models:
            model = PRESETS[preset]().train(training)
            if mode == "channels_last":
                model = model.to(memory_format=torch.channels_last)
            run = torch.compile(model) if mode == "compile" else model
            self.models[key] = (run, torch.optim.Adam(model.parameters(), 1e-3))
        return self.models[key]

    @staticmethod
    def images(batch, mode):
        images = torch.rand(batch, 3, 32, 32) * 4 - 2
        return images.to(memory_format=torch.channels_last) if mode == "channels_last" else images

    def step(self, batch, repeats, mode, preset="tutorial"):
        model, optimizer = self.model(mode, True, preset)
        images, labels = self.images(batch, mode), torch.arange(batch) % 10
        loss_function = nn.CrossEntropyLoss()

        def body():
            optimizer.zero_grad()
            loss = loss_function(model(images), labels)
            loss.backward()
            optimizer.step()
            loss.item()

        return median(repeats, body)

    def infer(self, batch, repeats, mode):
        model, _ = self.model(mode, False)
        images = self.images(batch, mode)

        def body():
            with torch.inference_mode():
                torch.softmax(model(images), 1).numpy()

        return median(repeats, body)

    def epoch(self, count):
        """Seconds, training and validation on a fifth as many images."""
        from torch.utils.data import DataLoader

        model, optimizer = self.model("channels_last", True)
        train = DataLoader(
            Images(count, augment=True), batch_size=64, shuffle=True, num_workers=2
        )
        validation = DataLoader(Images(count // 5, augment=False), batch_size=64, num_workers=2)
        loss_function = nn.CrossEntropyLoss()
        start = time.perf_counter()
        model.train()
        for images, labels in train:
            images = images.to(memory_format=torch.channels_last)
            optimizer.zero_grad()
            loss = loss_function(model(images), labels)
            loss.backward()
            optimizer.step()
            loss.item()
        model.eval()
        with torch.no_grad():
            for images, labels in validation:
                images = images.to(memory_format=torch.channels_last)
                loss_function(model(images), labels).item()
        model.train()
        return time.perf_counter() - start


class Images(torch.utils.data.Dataset):
    """Random images behind the tutorial's transforms: flip, rotation, shift, normalisation."""

    def __init__(self, count, augment):
        from PIL import Image

        pixels = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), np.uint8)
        self.images = [Image.fromarray(image) for image in pixels]
        self.augment = augment
        self.mean = torch.tensor([0.4914, 0.4822, 0.4465]).view(3, 1, 1)
        self.deviation = torch.tensor([0.2023, 0.1994, 0.2010]).view(3, 1, 1)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        from PIL import Image

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


def median(repeats, body):
    body()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        body()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def main():
    torch.set_num_threads(int(sys.argv[1]))
    bench = Bench()
    for line in sys.stdin:
        name, *words = line.split()
        if name == "memory":
            answer = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        else:
            arguments = [int(word) if word.isdigit() else word for word in words]
            answer = getattr(bench, name)(*arguments)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
