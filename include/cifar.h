#ifndef CIFAR_H
#define CIFAR_H
#endif
