// The KernelABI module.
