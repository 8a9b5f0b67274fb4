// The Cifar module.
