"""What is not one command: many processes, clocks, names, locks."""


def kinds(scale):
    return []
