import CifarCore
import CifarData
import CifarNN
import TestSupport
import Testing

@testable import CifarTraining

@Suite struct OverridesTests {
  private func recipe(_ overrides: String, of name: String = "pytorch") throws -> Hyperparameters {
    var recipe = try Recipe.named(name)
    try recipe.apply(overrides: overrides)
    return recipe
  }

  @Test func nothingChangesNothing() throws {
    for name in Recipe.names {
      let recipe = try Recipe.named(name)
      #expect(try self.recipe("{}", of: name) == recipe)
      // Nor does all of it.
      let all = try StateCoding.encode(recipe).replacing(#","recipe":"\#(name)""#, with: "")
      #expect(try self.recipe(all, of: name) == recipe)
    }
  }

  @Test func wholeNamesAndShortOnes() throws {
    var expected = try Recipe.named("pytorch")
    expected.epochs = 7
    expected.seed = .max
    expected.stepsPerEpoch = 20
    expected.optimizer.type = .sgd
    expected.optimizer.momentum = 0.9
    expected.optimizer.nesterov = true
    expected.optimizer.clipNorm = 1
    expected.optimizer.learningRate = 0.1
    expected.loss.labelSmoothing = 0.1
    expected.schedule = LearningRateSchedule(CosineDecay(steps: nil, alpha: 0), warmup: 5)
    let seed = #""seed":18446744073709551615"#
    let long = """
      {"epochs":7,\(seed),"steps_per_epoch":20,"optimizer":{"type":"sgd","momentum":0.9,
      "nesterov":true,"clip_norm":1,"learning_rate":0.1},"loss":{"label_smoothing":0.1},
      "schedule":{"type":"cosine","warmup":5}}
      """
    let short = """
      {"epochs":7,\(seed),"steps_per_epoch":20,"optimizer":"sgd","momentum":0.9,"nesterov":true,
      "clip_norm":1,"learning_rate":0.1,"label_smoothing":0.1,
      "schedule":{"type":"cosine","warmup":5}}
      """
    #expect(try recipe(long) == expected)
    #expect(try recipe(short) == expected)
    try expected.apply(
      overrides: #"{"schedule":"constant","clip_norm":null,"steps_per_epoch":null}"#)
    #expect(expected.schedule == LearningRateSchedule(ConstantCurve()))
    #expect(expected.optimizer.clipNorm == nil)
    #expect(expected.stepsPerEpoch == nil)
    try expected.apply(overrides: #"{"schedule":null}"#)
    #expect(expected.schedule == nil)
  }

  @Test func adamWHasTheDecayOfItsFramework() throws {
    #expect(try recipe(#"{"optimizer":"adamw"}"#).optimizer.weightDecay == 0.01)
    #expect(try recipe(#"{"optimizer":"adamw"}"#, of: "keras").optimizer.weightDecay == 0.004)
    let other = try recipe(#"{"optimizer":"adamw","dialect":"keras"}"#)
    #expect(other.optimizer.weightDecay == 0.004)
    let chosen = try recipe(#"{"optimizer":"adamw","weight_decay":0.1}"#)
    #expect(chosen.optimizer.weightDecay == 0.1)
  }

  @Test func callbacksByTheirNames() throws {
    let changed = try recipe(
      #"{"early_stopping":{"patience":3,"min_delta":0.01},"model_checkpoint":false}"#)
    #expect(changed.callbacks.map(\.type) == ["reduce_lr_on_plateau", "early_stopping"])
    let options = try #require(changed.callbacks[1].options as? EarlyStopping.Options)
    #expect(options.patience == 3)
    #expect(options.minDelta == 0.01)
    #expect(options.restoreBestWeights)

    let added = try recipe(
      #"{"terminate_on_nan":true,"timer":{"seconds":60},"csv_logger":{"filename":"a.csv"}}"#)
    #expect(
      added.callbacks[3...] == [
        CallbackSpec(CSVLogger.Options(filename: "a.csv")), CallbackSpec(TerminateOnNaN.Options()),
        CallbackSpec(Timer.Options(seconds: 60)),
      ])

    let own = try recipe(
      #"{"callbacks":["early_stopping"],"reduce_lr_on_plateau":{"min_delta":0.5}}"#, of: "keras")
    #expect(
      own.callbacks == [
        CallbackSpec(
          EarlyStopping.Options(
            dialect: .keras, monitor: .valLoss, patience: 0, minDelta: 0,
            restoreBestWeights: false)),
        CallbackSpec(
          ReduceLROnPlateau.Options(
            dialect: .keras, monitor: .valLoss, factor: 0.1, patience: 10, threshold: 0.5,
            cooldown: 0, minLR: 0, epsilon: 0)),
      ])
    #expect(try recipe(#"{"callbacks":[]}"#).callbacks.isEmpty)
  }

  @Test func augmentations() throws {
    let flip = Augmentation(RandomHorizontalFlip(probability: 0.3))
    let own = try recipe(
      #"{"augmentations":[{"type":"random_horizontal_flip","probability":0.3}]}"#)
    #expect(own.augmentations == [flip])
    let more = try recipe(#"{"augment":[{"type":"random_horizontal_flip","probability":0.3}]}"#)
    let zoom = try recipe(
      #"{"augmentations":[{"type":"image_data_generator","zoom_range":0.5},"random_erasing"]}"#)
    #expect(
      zoom.augmentations == [
        Augmentation(
          ImageDataGenerator(
            rotationRange: 0, widthShiftRange: 0, heightShiftRange: 0, horizontalFlip: false,
            zoomRange: [0.5, 1.5])),
        Augmentation(RandomErasing(probability: 0.5, scale: [0.02, 0.33], ratio: [0.3, 3.3])),
      ])
    #expect(more.augmentations == (try Recipe.named("pytorch")).augmentations + [flip])
  }

  @Test func models() throws {
    for name in ModelSpec.presetNames {
      for (dialect, recipe) in [(Dialect.pytorch, "pytorch"), (.keras, "keras")] {
        let named = try self.recipe(#"{"model":"\#(name)"}"#, of: recipe)
        #expect(named.model == name)
        #expect(named.modelSpec == (try .preset(name, dialect: dialect)))
        // Both together, as they are stored.
        let spec = try StateCoding.encode(named.modelSpec)
        let both = try self.recipe(#"{"model":"\#(name)","model_spec":\#(spec)}"#, of: recipe)
        #expect(both == named)
      }
    }
    let keras = try recipe(#"{"model":"tutorial","dialect":"keras"}"#)
    #expect(keras.modelSpec == (try .preset("tutorial", dialect: .keras)))
    var three = try Recipe.named("pytorch", classes: 3)
    try three.apply(overrides: #"{"model":"tutorial-resnet"}"#)
    #expect(three.modelSpec.classes == 3)

    let layers = #"[{"type":"flatten"},{"type":"dense","units":10}]"#
    let own = try recipe(#"{"model_spec":\#(layers)}"#)
    #expect(own.model == "custom")
    #expect(own.modelSpec == ModelSpec(layers: [.flatten, .dense(units: 10)]))
    #expect(try recipe(#"{"model_spec":{"layers":\#(layers)}}"#) == own)
    #expect(try recipe(#"{"model":"custom","model_spec":\#(layers)}"#) == own)
    var again = own
    try again.apply(overrides: #"{"model":"custom","epochs":100}"#)
    #expect(again == own)
    try again.apply(overrides: #"{"model":"tutorial"}"#)
    #expect(try again == Recipe.named("pytorch"))
  }

  @Test func aModelIsChosenByNameOrSpec() throws {
    var chosen = try Recipe.named("keras")
    try chosen.choose(model: "tutorial-gap", classes: 20)
    #expect(chosen.model == "tutorial-gap")
    #expect(chosen.modelSpec == (try .preset("tutorial-gap", dialect: .keras, classes: 20)))
    try chosen.choose(model: "\n [{\"type\": \"relu\"}]", classes: 20)
    #expect(chosen.model == "custom" && chosen.modelSpec == ModelSpec(layers: [.relu]))
    let before = chosen
    for wrong in ["", "resnet", "{", "[1]", "{}", "7"] {
      let error = failure { try chosen.choose(model: wrong, classes: 10) }
      #expect(error?.code == .invalidArgument)
    }
    #expect(failure { try chosen.choose(model: "tutorial", classes: 1) }?.code == .invalidArgument)
    #expect(chosen == before)
  }

  @Test func aModelsOpenOptionsAreTheDialects() throws {
    let layers =
      #"[{"type":"conv2d","filters":4,"stride":2},{"type":"batch_norm","epsilon":0.5},"#
      + #"{"type":"flatten"},{"type":"dense","units":10}]"#
    let pytorch = LayerSpec.batchNorm(momentum: 0.1, epsilon: 0.5, unbiased: true)
    let keras = LayerSpec.batchNorm(momentum: 0.01, epsilon: 0.5, unbiased: false)
    for (name, expected, padding) in [
      ("pytorch", pytorch, LayerSpec.Padding.same), ("keras", keras, .sameUpper),
      ("keras-tuned", keras, .sameUpper),
    ] {
      let given = try recipe(#"{"model_spec":\#(layers)}"#, of: name).modelSpec
      #expect(given.layers[0] == .conv2d(filters: 4, stride: 2, padding: padding))
      #expect(given.layers[1] == expected)
      var chosen = try Recipe.named(name)
      try chosen.choose(model: layers, classes: 10)
      #expect(chosen.modelSpec == given)
    }
    let changed = try recipe(#"{"dialect":"keras","model_spec":\#(layers)}"#)
    #expect(changed.modelSpec.layers[1] == keras)
    // A trainer writes down what it trains.
    var open = try Recipe.named("keras")
    open.modelSpec = try ModelSpec(json: layers)
    let trainer = try Trainer(
      hyperparameters: open, train: try Images.train(20), validation: try Images.test(10),
      threads: 1)
    #expect(trainer.hyperparameters.modelSpec.layers[1] == keras)
  }

  @Test func callbacksHaveTheirDialectsOptions() throws {
    let tuned = try recipe(
      #"{"reduce_lr_on_plateau":{"min_delta":-0.5},"early_stopping":{"min_delta":-0.1},"#
        + #""model_checkpoint":{"initial_value_threshold":0.6}}"#, of: "keras-tuned")
    guard let reduce = tuned.callbacks[2].options as? ReduceLROnPlateau.Options,
      let stop = tuned.callbacks[0].options as? EarlyStopping.Options,
      let checkpoint = tuned.callbacks[1].options as? ModelCheckpoint.Options
    else {
      Issue.record("\(tuned.callbacks)")
      return
    }
    #expect(reduce.threshold == -0.5 && reduce.patience == 5 && stop.minDelta == -0.1)
    #expect(checkpoint.dialect == .keras && checkpoint.initialValueThreshold == 0.6)
    try tuned.validate()
    #expect(try recipe(#"{"clipnorm":0.5}"#).optimizer.clipVariableNorm == 0.5)
    #expect(try recipe(#"{"optimizer":{"clipvalue":2}}"#).optimizer.clipValue == 2)
  }

  @Test func nestingHasAnEnd() throws {
    var recipe = try Recipe.named("pytorch")
    let (open, closed) = (String(repeating: "[", count: 64), String(repeating: "]", count: 64))
    let error = failure { try recipe.apply(overrides: #"{"augment":\#(open)\#(closed)}"#) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains("nested more than 48 deep") == true)
    // Brackets in a string open nothing.
    let name = #"\"\\\#(open)"#
    try recipe.apply(overrides: #"{"csv_logger":{"filename":"\#(name)"}}"#)
    #expect(recipe.callbacks.last == CallbackSpec(CSVLogger.Options(filename: #""\"# + open)))
  }

  @Test(arguments: [
    (#"{"model":"resnet"}"#, "unknown model 'resnet'; use tutorial, tutorial-gap"),
    (#"{"model":"custom"}"#, "unknown model 'custom'"),
    (#"{"model":7}"#, "model has the wrong type"),
    (#"{"model_spec":"tutorial"}"#, "model_spec has the wrong type"),
    (#"{"model_spec":[{"type":"conv3d"}]}"#, "model_spec.layers.0.type is the unknown layer type"),
    (#"{"model_spec":[{"type":"relu","rate":1}]}"#, "rate is no option of relu; it has none"),
    (#"{"model_spec":{"layer":[]}}"#, "layer is no option of the model; use input, layers"),
    (
      #"{"model":"tutorial","model_spec":[{"type":"relu"}]}"#,
      "model_spec is not the model 'tutorial'"
    ),
    (
      #"{"model":"tutorial","model_spec":[{"type":"flatten"},{"type":"dense","units":10}]}"#,
      "model_spec is not the model 'tutorial': give one of them"
    ),
    (#"{"#, "not JSON"), (#"[]"#, "not a JSON object"), (#"{"data":{}}"#, "'data' can't be set"),
    (#"{"recipe":"keras"}"#, "'recipe' can't be set"),
    (#"{"epoch":3}"#, "there is no 'epoch'; did you mean 'epochs'?"),
    (
      #"{"optimizer":{"momentun":0.9}}"#,
      "there is no 'optimizer.momentun'; did you mean 'momentum'"
    ),
    (#"{"wait_decay":0.9}"#, "did you mean 'weight_decay'?"),
    (#"{"nothing":null}"#, "there is no 'nothing'"),
    (#"{"early_stopping":{"patienc":1}}"#, "'callbacks.2.patienc'; did you mean 'patience'?"),
    (#"{"early_stopping":3}"#, "early_stopping is 3, neither an object"),
    (#"{"early_stopping":"patience=3"}"#, "early_stopping is \"patience=3\", neither"),
    (#"{"early_stopping":[3]}"#, "early_stopping is [3], neither"),
    (#"{"reduce_lr_on_plateau":5}"#, #"such as {"patience": 3}, nor true or false"#),
    (#"{"terminate_on_nan":"yes"}"#, "terminate_on_nan is \"yes\""),
    (#"{"timer":60}"#, #"such as {"seconds": 3600}"#),
    (
      #"{"optimizer":{"type":"sgd","learning_rate":0.1},"learning_rate":0.2}"#,
      "learning_rate is given twice, as 0.2 and in optimizer as 0.1"
    ),
    (
      #"{"loss":{"label_smoothing":0.1},"label_smoothing":0.2}"#,
      "label_smoothing is given twice"
    ),
    (#"{"early_stopping":{"patience":"long"}}"#, "callbacks.2.patience has the wrong type"),
    (#"{"schedule":"cosinus"}"#, "unknown schedule 'cosinus'"),
    (#"{"schedule":"step"}"#, "schedule has no 'step_size'"),
    (#"{"schedule":{"type":"cosine","gamma":0.1}}"#, "there is no 'schedule.gamma'"),
    (#"{"loss":{"clipping":1e-7}}"#, "there is no 'loss.clipping'"),
    (#"{"reduce_lr_on_plateau":{"min_delta":1}}"#, "'min_delta' is Keras's"),
    (
      #"{"callbacks":[{"type":"reduce_lr_on_plateau","dialect":"keras","threshold":1}]}"#,
      "'threshold' is PyTorch's"
    ),
    (#"{"callbacks":["stopping"]}"#, "unknown callback 'stopping'"),
    (#"{"augment":["mosaic"]}"#, "unknown augmentation 'mosaic'"),
    (#"{"epochs":"many"}"#, "epochs has the wrong type"),
  ])
  func whatCantBeIsNamed(overrides: String, message: String) throws {
    var recipe = try Recipe.named("pytorch")
    let error = failure { try recipe.apply(overrides: overrides) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "no error")")
    #expect(error?.message.contains("\n") == false)
    #expect(try recipe == Recipe.named("pytorch"))
  }
}
