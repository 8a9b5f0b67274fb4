"""The networks that people write: the tutorial's own class in PyTorch, and flat ones."""

from torch import nn


class CIFAR10Model(nn.Module):
    """The PyTorch tutorial's."""

    def __init__(self, classes=10):
        super().__init__()
        self.conv_block1 = self.block(3, 32, 0.2)
        self.conv_block2 = self.block(32, 64, 0.3)
        self.conv_block3 = self.block(64, 128, 0.4)
        self.fc = nn.Sequential(
            nn.Flatten(), nn.Linear(128 * 4 * 4, 512), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(512, classes))

    @staticmethod
    def block(inputs, filters, rate):
        return nn.Sequential(
            nn.Conv2d(inputs, filters, 3, padding=1), nn.BatchNorm2d(filters), nn.ReLU(),
            nn.Conv2d(filters, filters, 3, padding=1), nn.BatchNorm2d(filters), nn.ReLU(),
            nn.MaxPool2d(2), nn.Dropout(rate))

    def forward(self, x):
        return self.fc(self.conv_block3(self.conv_block2(self.conv_block1(x))))


def flat(pool=False):
    """The same layers in one `nn.Sequential`; with `pool`, those of tutorial-gap."""
    net = CIFAR10Model()
    layers = [*net.conv_block1, *net.conv_block2, *net.conv_block3]
    if pool:
        layers += [
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 512), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(512, 10)]
    else:
        layers += [*net.fc]
    return nn.Sequential(*layers)
