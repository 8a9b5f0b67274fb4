/*
 * Says what is on a picture, with the best checkpoint of a run.
 *
 *   ./predict "from C" picture.ppm              # a run by its name or by its id
 *   ./predict model.safetensors picture.ppm     # a file of cifar_model_save or `cifar export`
 *
 * A PPM is the simplest picture there is: `magick photo.jpg picture.ppm` makes one, of any size.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cifar.h"

enum { SIDE = 32, IMAGE = 3 * SIDE * SIDE };

static int check(cifar_status status) {
  if (status == CIFAR_OK) return 0;
  fprintf(stderr, "predict: %s: %s\n", cifar_status_name(status), cifar_last_error());
  return 1;
}

/* The middle square of the picture, at 32x32: each pixel is the mean of those that it stands for.
 *
 *   pixels  (height, width, 3) bytes, red, green and blue side by side, as in a PPM.
 *   image   (3, 32, 32) bytes, a plane a colour, as the library takes it. */
static void shrink(const unsigned char *pixels, unsigned width, unsigned height, uint8_t *image) {
  unsigned side = width < height ? width : height;
  unsigned left = (width - side) / 2, top = (height - side) / 2;
  unsigned channel, row, column, y, x;
  for (channel = 0; channel < 3; channel++)
    for (row = 0; row < SIDE; row++)
      for (column = 0; column < SIDE; column++) {
        unsigned first_y = row * side / SIDE, end_y = (row + 1) * side / SIDE;
        unsigned first_x = column * side / SIDE, end_x = (column + 1) * side / SIDE;
        unsigned long sum = 0, count = 0;
        if (end_y == first_y) end_y++; /* a picture of less than 32 pixels */
        if (end_x == first_x) end_x++;
        for (y = first_y; y < end_y; y++)
          for (x = first_x; x < end_x; x++, count++)
            sum += pixels[3 * ((size_t)(top + y) * width + left + x) + channel];
        *image++ = (uint8_t)((sum + count / 2) / count);
      }
}

/* The next number of a header, after white space and comments. */
static int number(FILE *file, unsigned *value) {
  int c = fgetc(file);
  while (c == '#' || c == ' ' || c == '\t' || c == '\r' || c == '\n') {
    if (c == '#')
      while (c != '\n' && c != EOF) c = fgetc(file);
    else
      c = fgetc(file);
  }
  ungetc(c, file);
  return fscanf(file, "%7u", value) == 1;
}

static int read_ppm(const char *path, uint8_t *image) {
  FILE *file = fopen(path, "rb");
  unsigned width, height, largest;
  unsigned char *pixels = NULL;
  size_t size = 0;
  int failed = 1;
  if (!file) {
    perror(path);
    return 1;
  }
  /* "P6", width, height and the largest value, and one space before the bytes. */
  if (fgetc(file) == 'P' && fgetc(file) == '6' && number(file, &width) && number(file, &height) &&
      number(file, &largest) && largest == 255 && fgetc(file) != EOF && width > 0 && height > 0 &&
      width <= 65536 && height <= 65536) {
    size = 3 * (size_t)width * height;
    pixels = malloc(size);
    failed = !pixels || fread(pixels, 1, size, file) != size;
  }
  if (failed)
    fprintf(stderr, "predict: '%s' is no binary PPM of 8 bits a colour\n", path);
  else
    shrink(pixels, width, height, image);
  free(pixels);
  fclose(file);
  return failed;
}

static int is_file(const char *name) {
  size_t length = strlen(name);
  return length > 12 && strcmp(name + length - 12, ".safetensors") == 0;
}

/* The three most probable classes. */
static int print_best(const cifar_model *model, float *probabilities, uint32_t classes) {
  uint32_t place, k;
  for (place = 0; place < 3 && place < classes; place++) {
    const char *name;
    uint32_t best = 0;
    for (k = 1; k < classes; k++)
      if (probabilities[k] > probabilities[best]) best = k;
    if (check(cifar_model_get_class_name(model, best, &name))) return 1;
    printf("%5.1f %%  %s\n", 100 * probabilities[best], name);
    probabilities[best] = -1;
  }
  return 0;
}

int main(int argc, char **argv) {
  cifar_model *model = NULL;
  cifar_model_info info;
  float *probabilities = NULL;
  uint8_t image[IMAGE];
  int failed;
  if (argc != 3) {
    fprintf(stderr, "usage: predict RUN|FILE.safetensors PICTURE.ppm\n");
    return 2;
  }
  failed = read_ppm(argv[2], image) ||
           check(is_file(argv[1]) ? cifar_model_open(argv[1], 0, &model)
                                  : cifar_model_from_run(NULL, argv[1], "best", 0, &model)) ||
           check(cifar_model_get_info(model, &info, sizeof info));
  if (!failed && (info.channels != 3 || info.height != SIDE || info.width != SIDE)) {
    fprintf(stderr, "predict: the model takes images of %ux%ux%u, not 3x32x32\n",
            (unsigned)info.channels, (unsigned)info.height, (unsigned)info.width);
    failed = 1;
  }
  if (!failed) {
    probabilities = malloc(info.classes * sizeof *probabilities);
    failed = !probabilities || check(cifar_model_predict(model, image, 1, probabilities)) ||
             print_best(model, probabilities, info.classes);
  }
  free(probabilities);
  cifar_model_free(model);
  return failed;
}
