"""`python -m cifar` is the command `cifar`, wherever that is not on the search path."""

from _cifar_commands import cifar

cifar()
