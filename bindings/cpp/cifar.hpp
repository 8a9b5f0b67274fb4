// cifar.hpp - cifar.h for C++11 and newer: objects that free themselves, errors as exceptions.
//
// Objects are moved, never copied, and allocate nothing beside what the C library does. Options and
// infos are the structs of cifar.h. What has no method here is called with an object's get():
//
//   cifar::check(cifar_registry_tag(registry.get(), run, "good"));
#ifndef CIFAR_HPP
#define CIFAR_HPP

#include <cifar.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <utility>

namespace cifar {

/// A call that failed: its status, and the sentence for a person.
class error : public std::exception {
 public:
  explicit error(cifar_status status) noexcept : status_(status) {
    std::snprintf(message_, sizeof message_, "%s", cifar_last_error());
  }
  cifar_status status() const noexcept { return status_; }
  const char *what() const noexcept override { return message_; }

 private:
  cifar_status status_;
  char message_[4096];  // no message is longer
};

inline void check(cifar_status status) {
  if (status != CIFAR_OK) throw error(status);
}

/// What a call gives through its last parameter: result<size_t>(cifar_run_list_count, list).
template <typename Value, typename Call, typename... Arguments>
Value result(Call call, Arguments... arguments) {
  Value value{};
  check(call(arguments..., &value));
  return value;
}

/// The struct that an `_init` or a `_get` fills: filled<cifar_run_query>(cifar_run_query_init).
template <typename Struct, typename Call, typename... Arguments>
Struct filled(Call call, Arguments... arguments) {
  Struct value{};
  check(call(arguments..., &value, sizeof value));
  return value;
}

inline cifar_train_options train_options() {
  return filled<cifar_train_options>(cifar_train_options_init);
}
inline cifar_resume_options resume_options() {
  return filled<cifar_resume_options>(cifar_resume_options_init);
}
inline cifar_run_query run_query() { return filled<cifar_run_query>(cifar_run_query_init); }

/// Owns an object of the library, for instance one that a call of cifar.h gave.
template <typename Object, void (*Free)(Object *)>
class handle {
 public:
  explicit handle(Object *object) noexcept : object_(object) {}
  Object *get() const noexcept { return object_.get(); }

 private:
  struct deleter {
    void operator()(Object *object) const noexcept { Free(object); }
  };
  std::unique_ptr<Object, deleter> object_;
};

struct dataset : handle<cifar_dataset, cifar_dataset_free> {
  using handle::handle;
  dataset(const char *location, cifar_split split, size_t limit = 0)
      : handle(result<cifar_dataset *>(cifar_dataset_open, location, split, limit)) {}
  /// Copies images and labels; options: filled<cifar_dataset_options>(cifar_dataset_options_init).
  explicit dataset(const cifar_dataset_options &options)
      : handle(result<cifar_dataset *>(cifar_dataset_from_memory, &options)) {}
  cifar_dataset_info info() const {
    return filled<cifar_dataset_info>(cifar_dataset_get_info, get());
  }
};

struct model : handle<cifar_model, cifar_model_free> {
  using handle::handle;
  /// Opens a checkpoint's file.
  explicit model(const char *path)
      : handle(result<cifar_model *>(cifar_model_open, path, 0u)) {}
  /// Opens a checkpoint of a run.
  model(const char *registry, const char *run, const char *checkpoint)
      : handle(result<cifar_model *>(cifar_model_from_run, registry, run, checkpoint, 0u)) {}
  /// Of weights that any program wrote; options: filled<cifar_import_options>(…_init), or none.
  static model from_weights(const char *path, const cifar_import_options *options = nullptr) {
    return model(result<cifar_model *>(cifar_model_import, path, options));
  }
  cifar_model_info info() const { return filled<cifar_model_info>(cifar_model_get_info, get()); }
  const char *class_name(uint32_t index) const {
    return result<const char *>(cifar_model_get_class_name, get(), index);
  }
  const char *precision() const {
    return result<const char *>(cifar_model_get_precision, get());
  }
  /// "float32", "mixed_bfloat16" or, if it is quantized, "int8": what its answers are computed in.
  void set_precision(const char *precision) {
    check(cifar_model_set_precision(get(), precision));
  }
  /// The same layers with numbers of 8 bits; images: how many of those to calibrate on, 0 for 512.
  model quantize(const dataset &calibration, size_t images = 0) {
    return model(result<cifar_model *>(cifar_model_quantize, get(), calibration.get(), images));
  }
  cifar_evaluation evaluate(const dataset &data) {
    return filled<cifar_evaluation>(cifar_model_evaluate, get(), data.get());
  }
  /// images: (count, channels, height, width); probabilities: (count, classes), overwritten.
  void predict(const uint8_t *images, size_t count, float *probabilities) {
    check(cifar_model_predict(get(), images, count, probabilities));
  }
  void save(const char *path) const { check(cifar_model_save(get(), path)); }
  void save(const char *path, cifar_format format,
            const cifar_export_options *options = nullptr) const {
    check(cifar_model_export(get(), format, path, options));
  }
};

enum class answer { proceed, stop };

/// Follows a training. What a method throws stops the training, and leaves trainer::run.
class listener {
 public:
  virtual ~listener() = default;
  virtual answer on_train_begin() { return answer::proceed; }
  virtual answer on_epoch_begin(const cifar_batch_info &) { return answer::proceed; }
  virtual answer on_batch_begin(const cifar_batch_info &) { return answer::proceed; }
  virtual answer on_batch_end(const cifar_batch_info &) { return answer::proceed; }
  virtual answer on_validation_begin() { return answer::proceed; }
  virtual answer on_validation_end(const cifar_validation_info &) { return answer::proceed; }
  virtual answer on_epoch_end(const cifar_epoch_info &) { return answer::proceed; }
  virtual answer on_storage_wait(const cifar_storage_info &) { return answer::proceed; }
  virtual answer on_train_end() { return answer::proceed; }

 private:
  friend struct trainer;
  std::exception_ptr thrown_;

  /// No exception may pass through the library.
  template <typename... Info>
  int call(answer (listener::*method)(const Info &...), const Info *...info) noexcept {
    try {
      return (this->*method)(*info...) != answer::proceed;
    } catch (...) {
      if (!thrown_) thrown_ = std::current_exception();
      return 1;
    }
  }
  template <answer (listener::*Method)()>
  static int pass(void *user) {
    return static_cast<listener *>(user)->call(Method);
  }
  template <typename Info, answer (listener::*Method)(const Info &)>
  static int pass(const Info *info, void *user) {
    return static_cast<listener *>(user)->call(Method, info);
  }
};

struct trainer : handle<cifar_trainer, cifar_trainer_free> {
  using handle::handle;
  trainer(const dataset &train, const dataset &validation, const cifar_train_options &options)
      : handle(result<cifar_trainer *>(cifar_trainer_create, train.get(), validation.get(),
                                       &options)) {}
  /// Resumes a run, on images that are opened where it had them from.
  trainer(const char *run, const cifar_resume_options &options)
      : handle(result<cifar_trainer *>(cifar_trainer_resume, run, nullptr, nullptr, &options)) {}
  /// Resumes a run on images that are handed over.
  trainer(const char *run, const dataset &train, const dataset &validation,
          const cifar_resume_options &options)
      : handle(result<cifar_trainer *>(cifar_trainer_resume, run, train.get(), validation.get(),
                                       &options)) {}
  cifar_trainer_info info() const {
    return filled<cifar_trainer_info>(cifar_trainer_get_info, get());
  }
  /// How good the network is that it ended with; an error where that was not measured.
  cifar_final_result final_result() const {
    return filled<cifar_final_result>(cifar_trainer_get_result, get());
  }
  void run() { check(cifar_trainer_run(get())); }
  void run(listener &listener) {
    auto calls = filled<cifar_trainer_callbacks>(cifar_trainer_callbacks_init);
    calls.user = &listener;
    calls.on_train_begin = listener::pass<&listener::on_train_begin>;
    calls.on_epoch_begin = listener::pass<cifar_batch_info, &listener::on_epoch_begin>;
    calls.on_batch_begin = listener::pass<cifar_batch_info, &listener::on_batch_begin>;
    calls.on_batch_end = listener::pass<cifar_batch_info, &listener::on_batch_end>;
    calls.on_validation_begin = listener::pass<&listener::on_validation_begin>;
    calls.on_validation_end = listener::pass<cifar_validation_info, &listener::on_validation_end>;
    calls.on_epoch_end = listener::pass<cifar_epoch_info, &listener::on_epoch_end>;
    calls.on_storage_wait = listener::pass<cifar_storage_info, &listener::on_storage_wait>;
    calls.on_train_end = listener::pass<&listener::on_train_end>;
    check(cifar_trainer_set_callbacks(get(), &calls));
    const cifar_status status = cifar_trainer_run(get());
    std::exception_ptr thrown;
    std::swap(thrown, listener.thrown_);
    if (thrown) std::rethrow_exception(thrown);
    check(status);
  }
  /// From any thread, and from a signal handler.
  void interrupt() noexcept { cifar_trainer_interrupt(get()); }
  void set_learning_rate(double rate) { check(cifar_trainer_set_learning_rate(get(), rate)); }
  void record_metric(const char *name, double value) {
    check(cifar_trainer_record_metric(get(), name, value));
  }
  /// The network as it is, independent of the trainer.
  cifar::model model() const {
    return cifar::model(result<cifar_model *>(cifar_model_from_trainer, get()));
  }
};

struct run : handle<cifar_run, cifar_run_free> {
  using handle::handle;
  cifar_run_info info() const { return filled<cifar_run_info>(cifar_run_get_info, get()); }
  size_t epoch_count() const { return result<size_t>(cifar_run_epoch_count, get()); }
  cifar_epoch_info epoch(size_t index) const {
    return filled<cifar_epoch_info>(cifar_run_get_epoch, get(), index);
  }
  size_t checkpoint_count() const { return result<size_t>(cifar_run_checkpoint_count, get()); }
  cifar_checkpoint_info checkpoint(size_t index) const {
    return filled<cifar_checkpoint_info>(cifar_run_get_checkpoint, get(), index);
  }
};

struct run_list : handle<cifar_run_list, cifar_run_list_free> {
  using handle::handle;
  size_t size() const { return result<size_t>(cifar_run_list_count, get()); }
  cifar_run_info operator[](size_t index) const {
    return filled<cifar_run_info>(cifar_run_list_get, get(), index);
  }
};

struct registry : handle<cifar_registry, cifar_registry_free> {
  using handle::handle;
  /// $CIFAR_REGISTRY, else ./cifar-runs.db.
  registry() : registry(static_cast<const char *>(nullptr)) {}
  explicit registry(const char *path)
      : handle(result<cifar_registry *>(cifar_registry_open, path)) {}
  run_list query(const cifar_run_query &query) const {
    return run_list(result<cifar_run_list *>(cifar_registry_query, get(), &query));
  }
  run find(const char *run) const {
    return cifar::run(result<cifar_run *>(cifar_registry_find, get(), run));
  }
};

}  // namespace cifar

#endif
