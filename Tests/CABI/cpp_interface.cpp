// What cifar.hpp promises: test_examples.py builds and runs it.
#include <cifar.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>

static size_t allocations;

void *operator new(size_t size) {
  allocations++;
  if (void *memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }

#define REQUIRE(condition)                                        \
  do {                                                            \
    if (!(condition)) {                                           \
      std::fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
      std::exit(1);                                               \
    }                                                             \
  } while (0)

template <typename Object>
constexpr bool is_handle() {
  return !std::is_copy_constructible<Object>::value && !std::is_copy_assignable<Object>::value &&
         std::is_nothrow_move_constructible<Object>::value &&
         std::is_nothrow_move_assignable<Object>::value && sizeof(Object) == sizeof(void *);
}
static_assert(is_handle<cifar::dataset>(), "");
static_assert(is_handle<cifar::trainer>(), "");
static_assert(is_handle<cifar::model>(), "");
static_assert(is_handle<cifar::registry>(), "");
static_assert(is_handle<cifar::run>(), "");
static_assert(is_handle<cifar::run_list>(), "");

static const char layers[] =
    "[{\"type\": \"max_pool\"}, {\"type\": \"flatten\"}, {\"type\": \"dense\", \"units\": 10}]";

static cifar_train_options small() {
  auto options = cifar::train_options();
  options.model = layers;
  options.epochs = 2;
  return options;
}

struct counter : cifar::listener {
  int batches = 0, epochs = 0;
  cifar::answer on_batch_end(const cifar_batch_info &) override {
    batches++;
    return cifar::answer::proceed;
  }
  cifar::answer on_epoch_end(const cifar_epoch_info &epoch) override {
    REQUIRE(epoch.epoch == static_cast<uint32_t>(++epochs));
    return cifar::answer::proceed;
  }
};

/// Every event, by a letter of its name.
struct recorder : cifar::listener {
  char order[64] = "";
  cifar::answer add(char event) {
    const size_t length = std::strlen(order);
    REQUIRE(length + 1 < sizeof order);
    order[length] = event;
    return cifar::answer::proceed;
  }
  cifar::answer on_train_begin() override { return add('T'); }
  cifar::answer on_epoch_begin(const cifar_batch_info &) override { return add('E'); }
  cifar::answer on_batch_begin(const cifar_batch_info &) override { return add('B'); }
  cifar::answer on_batch_end(const cifar_batch_info &) override { return add('b'); }
  cifar::answer on_validation_begin() override { return add('V'); }
  cifar::answer on_validation_end(const cifar_validation_info &validation) override {
    REQUIRE(validation.accuracy >= 0);
    return add('v');
  }
  cifar::answer on_epoch_end(const cifar_epoch_info &) override { return add('e'); }
  cifar::answer on_train_end() override { return add('t'); }
};

struct stopper : cifar::listener {
  cifar::answer on_batch_end(const cifar_batch_info &) override { return cifar::answer::stop; }
};

struct thrower : cifar::listener {
  cifar::answer on_epoch_end(const cifar_epoch_info &) override { throw 42; }
};

template <typename Call>
static cifar_status status_of(Call call) {
  try {
    call();
  } catch (const cifar::error &error) {
    REQUIRE(std::strcmp(error.what(), cifar_last_error()) == 0 && *error.what());
    return error.status();
  }
  return CIFAR_OK;
}

int main() {
  cifar::dataset train("shapes", CIFAR_TRAIN, 128);
  const cifar::dataset test("shapes", CIFAR_TEST, 64);
  const cifar::dataset moved = std::move(train);
  REQUIRE(train.get() == nullptr && moved.info().count == 128);

  cifar::trainer trainer(moved, test, small());
  counter counter;
  trainer.run(counter);
  REQUIRE(counter.batches == 4 && counter.epochs == 2 && trainer.info().epoch == 2);
  REQUIRE(status_of([&] { trainer.run(); }) == CIFAR_E_INVALID_STATE);

  auto model = trainer.model();
  model.save("model.safetensors");
  const auto evaluation = cifar::model("model.safetensors").evaluate(test);
  REQUIRE(evaluation.count == 64 && evaluation.loss == model.evaluate(test).loss);
  model.save("model.onnx", CIFAR_FORMAT_ONNX);
  REQUIRE(cifar::model::from_weights("model.safetensors").evaluate(test).loss == evaluation.loss);
  REQUIRE(status_of([&] { model.save("m.h5", CIFAR_FORMAT_WEIGHTS); }) ==
          CIFAR_E_INVALID_ARGUMENT);
  uint8_t image[3 * 32 * 32];
  float probabilities[10];
  cifar::check(cifar_dataset_read(test.get(), 0, 1, image, nullptr));
  model.predict(image, 1, probabilities);
  REQUIRE(model.info().classes == 10 && *model.class_name(9));
  model.set_precision("mixed_bfloat16");
  REQUIRE(!strcmp(model.precision(), "mixed_bfloat16"));
  model.set_precision("float32");
  REQUIRE(!strcmp(model.quantize(test, 16).precision(), "int8"));

  const cifar::registry registry;
  const auto runs = registry.query(cifar::run_query());
  REQUIRE(runs.size() == 1 && runs[0].epochs == 2);
  const auto run = registry.find(runs[0].id);
  REQUIRE(run.epoch_count() == 2 && run.epoch(1).epoch == 2 && run.checkpoint_count() > 0);
  REQUIRE(run.checkpoint(0).size > 0 && std::strcmp(run.info().id, runs[0].id) == 0);

  recorder recorder;
  cifar::trainer(moved, test, small()).run(recorder);
  REQUIRE(std::strcmp(recorder.order, "TEBbBbVveEBbBbVvet") == 0);

  REQUIRE(status_of([] { cifar::dataset("/nowhere", CIFAR_TRAIN); }) == CIFAR_E_NOT_FOUND);
  REQUIRE(status_of([&] { registry.find("nobody"); }) == CIFAR_E_NOT_FOUND);
  REQUIRE(status_of([&] {
            stopper stopper;
            cifar::trainer(moved, test, small()).run(stopper);
          }) == CIFAR_E_CALLBACK);
  REQUIRE(status_of([&] {
            cifar::trainer interrupted(moved, test, small());
            interrupted.interrupt();
            interrupted.run();
          }) == CIFAR_E_INTERRUPTED);

  // What a listener throws leaves run() as it is.
  thrower thrower;
  int thrown = 0;
  try {
    cifar::trainer(moved, test, small()).run(thrower);
  } catch (int number) {
    thrown = number;
  }
  REQUIRE(thrown == 42);

  auto resume = cifar::resume_options();
  resume.epochs = 3;
  cifar::trainer resumed(runs[0].id, moved, test, resume);
  REQUIRE(resumed.info().epoch == 2);
  resumed.run();
  REQUIRE(resumed.info().epoch == 3);

  REQUIRE(allocations == 0);
  std::puts("all is well");
}
