/* libFuzzer as a library (https://llvm.org/docs/LibFuzzer.html#using-libfuzzer-as-a-library). */
#include <stddef.h>
#include <stdint.h>

/* Fuzzes as the options in argv say; the callback returns 0. */
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*test)(const uint8_t *data, size_t size));
