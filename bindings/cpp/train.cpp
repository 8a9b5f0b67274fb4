// Trains the tutorial's network on the built-in drawings, asks its model, and lists the runs.
//
//   ./train 2         # two epochs
//   ./train 2 1000    # on the first 1000 images of either part
//
// Ctrl-C stops after the batch under way.
#include <cifar.hpp>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <vector>

namespace {

cifar_trainer *running;

extern "C" void on_signal(int) { cifar_trainer_interrupt(running); }

class printer : public cifar::listener {
 public:
  cifar::answer on_epoch_end(const cifar_epoch_info &epoch) override {
    std::cout << "epoch " << epoch.epoch << "  val_accuracy " << 100 * epoch.val_accuracy << " %"
              << std::endl;
    return cifar::answer::proceed;  // or stop
  }
};

void train(uint32_t epochs, size_t images) {
  const cifar::dataset train("shapes", CIFAR_TRAIN, images);
  const cifar::dataset test("shapes", CIFAR_TEST, images);
  auto options = cifar::train_options();
  options.epochs = epochs;
  options.name = "from C++";
  cifar::trainer trainer(train, test, options);

  printer printer;
  running = trainer.get();
  std::signal(SIGINT, on_signal);
  trainer.run(printer);
  std::signal(SIGINT, SIG_DFL);

  cifar::model model = trainer.model();
  std::cout << "accuracy " << 100 * model.evaluate(test).accuracy << " %\n";

  std::vector<uint8_t> image(3 * 32 * 32);
  std::vector<float> probabilities(model.info().classes);
  cifar::check(cifar_dataset_read(test.get(), 0, 1, image.data(), nullptr));
  model.predict(image.data(), 1, probabilities.data());
  std::cout << model.class_name(0) << " " << 100 * probabilities[0] << " %\n";
}

void list_runs() {
  auto query = cifar::run_query();
  query.sort = "best_val_accuracy";
  const auto runs = cifar::registry().query(query);
  for (size_t i = 0; i < runs.size(); i++) {
    const auto run = runs[i];
    std::cout << run.id << "  " << run.status << "  " << run.epochs << " epochs  best "
              << 100 * run.best_val_accuracy << " %\n";
  }
}

}  // namespace

int main(int argc, char **argv) {
  try {
    train(argc > 1 ? static_cast<uint32_t>(std::atoi(argv[1])) : 2,
          argc > 2 ? static_cast<size_t>(std::atoi(argv[2])) : 0);
    list_runs();
  } catch (const cifar::error &error) {
    std::cerr << "train: " << cifar_status_name(error.status()) << ": " << error.what() << "\n";
    return 1;
  }
}
