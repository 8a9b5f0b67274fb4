@_exported import KernelABI
