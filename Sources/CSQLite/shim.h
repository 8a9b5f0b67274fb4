#ifndef CIFAR_CSQLITE_SHIM_H
#define CIFAR_CSQLITE_SHIM_H
#include <sqlite3.h>
#endif
