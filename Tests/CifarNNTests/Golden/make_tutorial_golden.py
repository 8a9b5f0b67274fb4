"""Writes tutorial_pytorch.safetensors and tutorial_keras.safetensors next to this file.

Each holds what the tutorial's network computes in float64 on a batch of 4, in one dialect:
forward, backward and three steps of Adam, dropout switched off. Weights and images are not in the
files: Philox4x32-10 gives them, here and in GoldenTests.swift.

A value that rounding moves over the edge of a ReLU, or past its neighbour in a pool, changes the
gradients by a jump. So the script looks for images that leave no value of the first pass within
MARGIN of an edge, some ten times the rounding errors of float32, and stores their number.

Needs torch, numpy and safetensors. Run: python make_tutorial_golden.py
"""

import itertools
import pathlib

import numpy
import safetensors.numpy
import torch

SEED, PLACE, BATCH, STEPS, RATE = 2026, 77, 4, 3, 1e-3
MARGIN = 1.2e-5
INITIALIZATION, SYNTHETIC_IMAGES = 1, 5  # RandomPurpose
SAMPLES = 24  # values kept of each tensor


def philox(count, purpose, minor):
    """The first `count` words of RandomSequence(seed: SEED, purpose, major: PLACE, minor)."""
    blocks = -(-count // 4)
    counter = [
        numpy.arange(blocks, dtype=numpy.uint64),
        *(numpy.full(blocks, word, numpy.uint64) for word in (minor, PLACE, purpose)),
    ]
    low, shift = numpy.uint64(0xFFFFFFFF), numpy.uint64(32)
    key = [SEED & 0xFFFFFFFF, SEED >> 32]
    for _ in range(10):
        product0 = counter[0] * numpy.uint64(0xD2511F53)
        product1 = counter[2] * numpy.uint64(0xCD9E8D57)
        counter = [
            (product1 >> shift) ^ counter[1] ^ numpy.uint64(key[0]),
            product1 & low,
            (product0 >> shift) ^ counter[3] ^ numpy.uint64(key[1]),
            product0 & low,
        ]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return numpy.stack(counter, axis=1).reshape(-1)[:count]


def uniform(shape, purpose, minor, bound):
    """Float32 numbers in [-bound, bound), rounded as RandomSequence.uniform(_:_:) rounds them."""
    words = philox(int(numpy.prod(shape)), purpose, minor)
    unit = (words >> numpy.uint64(8)).astype(numpy.float32) * numpy.float32(2**-24)
    bound = numpy.float32(bound)
    return torch.from_numpy((-bound + (bound + bound) * unit).reshape(shape)).double()


def make_parameters():
    """Names as in nn.Sequential of the same layers, in the order of the layers."""
    parameters, index, channels = {}, 0, 3

    def add(name, shape, fan_in):
        bound = 1 / numpy.sqrt(numpy.float32(fan_in))
        parameters[name] = uniform(shape, INITIALIZATION, len(parameters), bound)

    for filters in (32, 64, 128):
        for _ in range(2):
            add(f"{index}.weight", (filters, channels, 3, 3), channels * 9)
            add(f"{index}.bias", (filters,), channels * 9)
            # Around 1 and around 0, so that the scale of a channel counts.
            add(f"{index + 1}.weight", (filters,), 16)
            parameters[f"{index + 1}.weight"] += 1
            add(f"{index + 1}.bias", (filters,), 16)
            channels = filters
            index += 3
        index += 2
    for units, features in ((512, 2048), (10, 512)):
        index = 25 if units == 512 else 28
        add(f"{index}.weight", (units, features), features)
        add(f"{index}.bias", (units,), features)
    return parameters


class Model:
    def __init__(self, dialect):
        self.keras = dialect == "keras"
        self.parameters = {n: p.requires_grad_() for n, p in make_parameters().items()}
        self.statistics = {}
        self.averages = {n: torch.zeros_like(p) for n, p in self.parameters.items()}
        self.squares = {n: torch.zeros_like(p) for n, p in self.parameters.items()}
        self.steps = 0
        self.margin = float("inf")

    def relu(self, x):
        self.margin = min(self.margin, x.abs().min().item())
        return torch.nn.functional.relu(x)

    def max_pool(self, x):
        """Of values that went through a ReLU: equal zeros have no gradient to share."""
        n, channels, height, width = x.shape
        four = x.reshape(n, channels, height // 2, 2, width // 2, 2).transpose(3, 4)
        best = four.flatten(4).topk(2, dim=4).values
        gaps = (best[..., 0] - best[..., 1])[best[..., 0] > 0]
        self.margin = min(self.margin, gaps.min().item())
        return torch.nn.functional.max_pool2d(x, 2)

    def batch_norm(self, x, name, training):
        """Written out, since Keras's running variance is not what torch computes."""
        epsilon, momentum = (1e-3, 0.01) if self.keras else (1e-5, 0.1)
        weight, bias = self.parameters[f"{name}.weight"], self.parameters[f"{name}.bias"]
        zeros, ones = torch.zeros_like(weight), torch.ones_like(weight)
        mean = self.statistics.setdefault(f"{name}.running_mean", zeros.detach())
        variance = self.statistics.setdefault(f"{name}.running_var", ones.detach())
        if training:
            batch_mean = x.mean((0, 2, 3))
            batch_variance = x.var((0, 2, 3), unbiased=False)
            kept = batch_variance if self.keras else x.var((0, 2, 3), unbiased=True)
            self.statistics[f"{name}.running_mean"] = (
                mean + momentum * (batch_mean - mean)
            ).detach()
            self.statistics[f"{name}.running_var"] = (
                variance + momentum * (kept - variance)
            ).detach()
            mean, variance = batch_mean, batch_variance
        x = (x - mean[:, None, None]) / torch.sqrt(variance + epsilon)[:, None, None]
        return x * weight[:, None, None] + bias[:, None, None]

    def forward(self, x, training):
        p, functional = self.parameters, torch.nn.functional
        for block in range(3):
            for half in range(2):
                name = block * 8 + half * 3
                x = functional.conv2d(x, p[f"{name}.weight"], p[f"{name}.bias"], padding=1)
                x = self.relu(self.batch_norm(x, name + 1, training))
            x = self.max_pool(x)
        x = self.relu(functional.linear(x.flatten(1), p["25.weight"], p["25.bias"]))
        return functional.linear(x, p["28.weight"], p["28.bias"])

    def adam(self):
        """PyTorch's torch.optim.Adam and Keras's, whose epsilon stands before the correction."""
        self.steps += 1
        correction1, correction2 = 1 - 0.9**self.steps, 1 - 0.999**self.steps
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                m, v, g = self.averages[name], self.squares[name], parameter.grad
                m.mul_(0.9).add_(g, alpha=0.1)
                v.mul_(0.999).addcmul_(g, g, value=0.001)
                if self.keras:
                    rate = RATE * correction2**0.5 / correction1
                    parameter -= rate * m / (v.sqrt() + 1e-7)
                else:
                    parameter -= RATE / correction1 * m / ((v / correction2).sqrt() + 1e-8)


def find_images(dialect):
    """The first images that keep clear of all edges, and their number."""
    model = Model(dialect)
    for number in itertools.count():
        images = uniform((BATCH, 3, 32, 32), SYNTHETIC_IMAGES, number, 2)
        model.margin = float("inf")
        with torch.no_grad():
            model.forward(images, training=True)
        if model.margin > MARGIN:
            print(f"{dialect}: images {number}, {model.margin:.1e} from the next edge")
            return number, images


def check_against_torch(model, images, labels):
    """The PyTorch dialect as written out here is what torch.nn and torch.optim do."""
    layers = []
    for inputs, filters in ((3, 32), (32, 64), (64, 128)):
        for channels in (inputs, filters):
            layers += [torch.nn.Conv2d(channels, filters, 3, padding=1)]
            layers += [torch.nn.BatchNorm2d(filters), torch.nn.ReLU()]
        layers += [torch.nn.MaxPool2d(2), torch.nn.Dropout(0)]
    layers += [torch.nn.Flatten(), torch.nn.Linear(2048, 512), torch.nn.ReLU()]
    layers += [torch.nn.Dropout(0), torch.nn.Linear(512, 10)]
    peer = torch.nn.Sequential(*layers).double()
    state = peer.state_dict()
    state.update({name: value.detach().clone() for name, value in make_parameters().items()})
    peer.load_state_dict(state)
    optimizer = torch.optim.Adam(peer.parameters(), lr=RATE)
    for _ in range(STEPS):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(peer(images), labels).backward()
        optimizer.step()
    state = peer.state_dict()
    for name, value in (model.parameters | model.statistics).items():
        # Biases that batch norm cancels have gradients of pure rounding error, which Adam enlarges.
        assert torch.allclose(value, state[name], rtol=1e-9, atol=1e-9), name


def places(count):
    """The sampled elements of a tensor: evenly spread, the first and the last among them."""
    kept = min(count, SAMPLES)
    return [i * (count - 1) // max(kept - 1, 1) for i in range(kept)]


def summarize(golden, kind, tensors):
    """The Euclidean norm of each tensor, and some of its values."""
    for name, tensor in tensors.items():
        values = tensor.detach().reshape(-1)
        sampled = torch.cat([values.norm()[None], values[places(len(values))]])
        golden[f"{kind}.{name}"] = sampled.numpy().astype(numpy.float32)


def main():
    torch.set_num_threads(2)
    here = pathlib.Path(__file__).parent
    labels = torch.arange(BATCH) % 10
    for dialect in ("pytorch", "keras"):
        number, images = find_images(dialect)
        model, golden, losses = Model(dialect), {}, []
        for step in range(STEPS):
            logits = model.forward(images, training=True)
            loss = torch.nn.functional.cross_entropy(logits, labels)
            for parameter in model.parameters.values():
                parameter.grad = None
            loss.backward()
            losses.append(loss.item())
            if step == 0:
                golden["logits"] = logits.detach().numpy().astype(numpy.float32)
                gradients = {n: p.grad for n, p in model.parameters.items()}
                summarize(golden, "gradient", gradients)
            model.adam()
        summarize(golden, "weight", model.parameters | model.statistics)
        evaluated = model.forward(images, training=False).detach()
        golden["losses"] = numpy.array(losses, numpy.float32)
        golden["evaluation.logits"] = evaluated.numpy().astype(numpy.float32)
        if dialect == "pytorch":
            check_against_torch(model, images, labels)
        metadata = {"images": str(number)}
        safetensors.numpy.save_file(golden, here / f"tutorial_{dialect}.safetensors", metadata)


if __name__ == "__main__":
    main()
