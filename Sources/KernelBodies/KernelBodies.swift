// The KernelBodies module.
