import CifarCore
import CifarData
import CifarNN
import TestSupport
import Testing

@testable import CifarTraining

@Suite struct HyperparametersTests {
  private func read(_ text: String) throws -> Hyperparameters {
    try StateCoding.decode(Hyperparameters.self, from: text, what: "hyperparameters")
  }

  @Test(arguments: Recipe.names) func comeBackFromJSON(name: String) throws {
    var recipe = try Recipe.named(name)
    recipe.seed = .max
    recipe.optimizer.learningRate = 0.1 + 0.2
    recipe.data = try DataRecord(train: Images.train(20), validation: Images.test(10))
    let text = try StateCoding.encode(recipe)
    #expect(try read(text) == recipe)
    #expect(try StateCoding.encode(try read(text)) == text)
    for part in [
      #""seed":18446744073709551615"#, #""batch_size":\#(recipe.batchSize)"#, #""model_spec":{"#,
      #""learning_rate":0.30000000000000004"#, #""train_count":20"#, #""validation_count":10"#,
    ] { #expect(text.contains(part), "\(part)") }
    let stopsEarly = !["airbench93", "airbench94", "airbench94-muon", "resnet9"].contains(name)
    #expect(text.contains(#""restore_best_weights":true"#) == stopsEarly)
    let reduces = text.contains(#""type":"reduce_lr_on_plateau""#) && text.contains(#""min_lr":0"#)
    #expect(reduces == ["pytorch", "keras-tuned"].contains(name))
  }

  @Test func whatIsMissingOrWrongIsNamed() throws {
    let text = try StateCoding.encode(Recipe.named("keras"))
    for (old, new, message) in [
      (#""batch_size":64,"#, "", "batch_size"),
      (#""batch_size":64"#, #""batch_size":"many""#, "batch_size has the wrong type"),
      (#""beta1":0.9"#, #""beta1":null"#, "optimizer.beta1"),
      (#""type":"early_stopping""#, #""type":"give_up""#, "unknown callback 'give_up'"),
      (
        #""type":"adam""#, #""type":"lion""#,
        "optimizer.type 'lion' is none of adam, adamw, sgd, muon"
      ),
      (#""type":"flatten""#, #""type":"flaten""#, "unknown layer type 'flaten'"),
      (#""dialect":"keras""#, #""dialect":"jax""#, "dialect"),
      (#"{"#, #"["#, "hyperparameters"),
    ] {
      let changed = text.replacing(old, with: new, maxReplacements: 1)
      #expect(changed != text, "\(old)")
      let error = failure { try read(changed) }
      #expect(error?.code == .badData)
      #expect(error?.message.contains(message) == true, "\(error?.message ?? "no error")")
    }
  }

  /// As version 0.1.0 wrote them, before there were schedules, losses and other optimizers.
  @Test func olderOnesAreAsTheyWere() throws {
    var recipe = try Recipe.named("pytorch")
    recipe.data = nil
    var text = try StateCoding.encode(recipe)
    for part in [
      #""loss":{"label_smoothing":0,"reduction":"mean"},"#, #","drop_last":false"#,
      #","groups":[]"#, #","momentum":0,"nesterov":false"#,
      #","weight_decay":0"#, #","start_from_epoch":0"#, #","mode":"auto""#,
      #","save_best_only":true,"save_freq":"epoch""#, #","threshold_mode":"rel""#,
    ] {
      #expect(text.contains(part), "\(part)")
      text = text.replacing(part, with: "")
    }
    #expect(try read(text) == recipe)
    #expect(recipe.loss == LossSpec())
  }

  /// As they were stored with probabilities that were clipped, with Keras's margin under PyTorch's
  /// name, and with a ModelCheckpoint that compared every digit.
  @Test func olderKerasOnesAreRead() throws {
    var recipe = try Recipe.named("keras-tuned")
    var text = try StateCoding.encode(recipe)
    for (part, older) in [
      (#""loss":{"#, #""loss":{"clipping":1e-07,"#),
      (
        #""min_delta":0.0001"#, #""epsilon":0,"threshold":0.0001,"threshold_mode":"abs""#
      ),
      (
        #"{"dialect":"keras","mode":"auto","monitor":"val_accuracy""#,
        #"{"mode":"auto","monitor":"val_accuracy""#
      ),
    ] {
      #expect(text.contains(part), "\(part) in \(text)")
      text = text.replacing(part, with: older)
    }
    recipe.callbacks[1] = CallbackSpec(
      ModelCheckpoint.Options(dialect: .pytorch, monitor: .valAccuracy))
    #expect(try read(text) == recipe)
  }

  @Test func numbersComeBackToTheBit() throws {
    var random = RandomSequence(seed: 1, purpose: .syntheticImages)
    var numbers: [Double] = [
      0, -0.0, .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, 0.1,
      1 / 3, .infinity, -.infinity, .ulpOfOne, 1e22, 1e23, 5e-324,
    ]
    for _ in 0..<2000 {
      let number = Double(bitPattern: random.next())
      if !number.isNaN { numbers.append(number) }
    }
    let back = try StateCoding.decode(
      [Double].self, from: StateCoding.encode(numbers), what: "numbers")
    #expect(back.map(\.bitPattern) == numbers.map(\.bitPattern))
    let nan = try StateCoding.decode(
      [Double].self, from: StateCoding.encode([Double.nan]), what: "numbers")
    #expect(nan[0].isNaN)
  }

  private typealias Change = (inout Hyperparameters) -> Void

  private func expectRefused(
    _ part: String, _ code: CifarError.Code = .invalidArgument,
    at location: SourceLocation = #_sourceLocation, _ change: Change
  ) throws {
    var recipe = try Recipe.named("pytorch")
    change(&recipe)
    let error = failure { try recipe.validate() }
    #expect(error?.code == code, sourceLocation: location)
    #expect(
      error?.message.contains(part) == true, "\(error?.message ?? "no error")",
      sourceLocation: location)
    // A trainer refuses the same.
    let trainer = failure {
      try Trainer(
        hyperparameters: recipe, train: try Images.train(20), validation: try Images.test(10),
        threads: 1)
    }
    #expect(trainer == error, sourceLocation: location)
  }

  /// Training computes in float32.
  @Test func numbersThatAreNoneInFloat32AreRefused() throws {
    try expectRefused("learning_rate 1e-50 is 0 in float32") { $0.optimizer.learningRate = 1e-50 }
    try expectRefused("weight_decay 1e-60 is 0 in float32") { $0.optimizer.weightDecay = 1e-60 }
    try expectRefused("groups '*.bias'") {
      $0.optimizer.groups = [ParameterGroup("*.bias", learningRate: 1e-50)]
    }
    try expectRefused("class_weight has a weight that can't be: 1e-50 is 0 in float32") {
      $0.loss.classWeight = [1e-50] + [Double](repeating: 1, count: 9)
    }
    var recipe = try Recipe.named("pytorch")
    recipe.modelSpec.layers.append(.scale(factor: 1e-50))
    #expect(
      failure { try recipe.validate() }?.message.contains("factor 1e-50 is 0 in float32") == true)
    try expectRefused("learning_rate 1e+39 is infinite in float32") {
      $0.optimizer.learningRate = 1e39
    }
    recipe = try Recipe.named("pytorch")
    recipe.optimizer.learningRate = 1e-44
    recipe.loss.classWeight = [0] + [Double](repeating: 1, count: 9)
    try recipe.validate()
  }

  @Test func numbersThatAreAnExcludedEndInFloat32AreRefused() throws {
    let options: [(String, Change)] = [
      ("beta1", { $0.optimizer.beta1 = 0.99999999 }),
      ("beta2", { $0.optimizer.beta2 = 0.99999999 }),
      ("momentum", { ($0.optimizer.type, $0.optimizer.momentum) = (.sgd, 0.99999999) }),
      (
        "groups '*.bias': momentum",
        { $0.optimizer.groups = [ParameterGroup("*.bias", type: .sgd, momentum: 0.99999999)] }
      ),
      ("ema", { $0.ema = 0.99999999 }),
      ("label_smoothing", { $0.loss.labelSmoothing = 0.99999999 }),
      ("validation_split", { $0.validationSplit = 0.99999999 }),
      ("rate", { $0.modelSpec.layers.insert(.dropout(rate: 0.99999999), at: 0) }),
    ]
    for (name, change) in options {
      try expectRefused("\(name) 0.99999999 is 1 in float32") { change(&$0) }
    }
    var recipe = try Recipe.named("pytorch")
    recipe.optimizer.beta2 = 0.9999999
    recipe.ema = Double(Float(1).nextDown)
    try recipe.validate()
  }

  @Test func numbersOutOfRangeAreRefused() throws {
    for size in [0, -1, 65_537] {
      try expectRefused("batch_size \(size) is not from 1 to 65536") { $0.batchSize = size }
    }
    for epochs in [0, -3, 1_000_001] {
      try expectRefused("epochs \(Double(epochs)) is not above 0, up to 1000000") {
        $0.epochs = epochs
      }
    }
    for epochs in [-0.5, .nan, .infinity, 1e300] {
      try expectRefused("epochs \(epochs) is not above 0") { $0.exactEpochs = epochs }
    }
    for rate in [0, -1e-3, .nan, .infinity] {
      try expectRefused("learning_rate \(rate)") { $0.optimizer.learningRate = rate }
    }
    for beta in [1, -0.1, .nan] {
      try expectRefused("beta1 \(beta)") { $0.optimizer.beta1 = beta }
      try expectRefused("beta2 \(beta)") { $0.optimizer.beta2 = beta }
    }
    for epsilon in [0, -1e-8, .nan, .infinity] {
      try expectRefused("epsilon \(epsilon)") { $0.optimizer.epsilon = epsilon }
    }
    for momentum in [1, -0.1, .nan] {
      try expectRefused("momentum \(momentum)") { $0.optimizer.momentum = momentum }
    }
    try expectRefused("momentum 0.9 is that of sgd and muon") { $0.optimizer.momentum = 0.9 }
    try expectRefused("nesterov needs a momentum") { $0.optimizer.nesterov = true }
    for decay in [-1e-4, .nan, .infinity] {
      try expectRefused("weight_decay \(decay)") { $0.optimizer.weightDecay = decay }
    }
    for norm in [0, -1, .nan, .infinity] {
      try expectRefused("clip_norm \(norm)") { $0.optimizer.clipNorm = norm }
      try expectRefused("clipnorm \(norm)") { $0.optimizer.clipVariableNorm = norm }
      try expectRefused("clipvalue \(norm)") { $0.optimizer.clipValue = norm }
    }
    try expectRefused("clip_norm and clipvalue exclude each other") {
      $0.optimizer.clipNorm = 1
      $0.optimizer.clipValue = 1
    }
    for smoothing in [1, -0.1, .nan] {
      try expectRefused("label_smoothing \(smoothing)") { $0.loss.labelSmoothing = smoothing }
    }
    for weights in [[], [0, 0], [1, -1], [1, .nan], [1, 2e6]] as [[Double]] {
      try expectRefused("class_weight \(weights) are not numbers from 0 to 1e6") {
        $0.loss.classWeight = weights
      }
    }
    for steps in [0, -1, 1_000_001] {
      try expectRefused("steps_per_epoch \(steps)") { $0.stepsPerEpoch = steps }
    }
    try expectRefused("schedule step: step_size 0") {
      $0.schedule = LearningRateSchedule(StepDecay(size: 0, gamma: 0.1))
    }
    try expectRefused("standard deviations") { $0.normalization.std = [1, 0, 1] }
    try expectRefused("random_rotation: degrees -1.0") {
      $0.augmentations = [Augmentation(RandomRotation(degrees: -1))]
    }
  }

  @Test func callbacksOutOfRangeAreRefused() throws {
    let stop = EarlyStopping.Options(
      dialect: .keras, monitor: .valLoss, patience: 1, minDelta: 0, restoreBestWeights: true)
    let reduce = ReduceLROnPlateau.Options(
      dialect: .keras, monitor: .valLoss, factor: 0.5, patience: 1, threshold: 0, cooldown: 0,
      minLR: 0, epsilon: 0)
    func expectRefused(
      _ part: String, stop change: (inout EarlyStopping.Options) -> Void
    ) throws {
      var options = stop
      change(&options)
      try self.expectRefused("early_stopping: \(part)") { $0.callbacks = [CallbackSpec(options)] }
    }
    func expectRefused(
      _ part: String, reduce change: (inout ReduceLROnPlateau.Options) -> Void
    ) throws {
      var options = reduce
      change(&options)
      try self.expectRefused(part) { $0.callbacks = [CallbackSpec(options)] }
    }
    try expectRefused("patience -1", stop: { $0.patience = -1 })
    try expectRefused("start_from_epoch -1", stop: { $0.startFromEpoch = -1 })
    try expectRefused("baseline nan", stop: { $0.baseline = .nan })
    for delta in [Double.nan, .infinity] {
      try expectRefused("min_delta", stop: { $0.minDelta = delta })
    }
    // Keras takes its amount.
    try expectRefused(
      "min_delta -0.1",
      stop: {
        $0.dialect = .pytorch
        $0.minDelta = -0.1
      })
    try expectRefused(
      "threshold -0.1",
      reduce: {
        $0.dialect = .pytorch
        $0.threshold = -0.1
      })
    for factor in [0, 1, -0.5, .nan] { try expectRefused("factor", reduce: { $0.factor = factor }) }
    try expectRefused("patience -1", reduce: { $0.patience = -1 })
    try expectRefused("cooldown -1", reduce: { $0.cooldown = -1 })
    try expectRefused("min_delta nan", reduce: { $0.threshold = .nan })
    try expectRefused("min_lr", reduce: { $0.minLR = -1 })
    try expectRefused(
      "epsilon",
      reduce: {
        $0.dialect = .pytorch
        $0.epsilon = .infinity
      })
    try expectRefused("threshold_mode rel is PyTorch's", reduce: { $0.thresholdMode = .rel })
    try self.expectRefused("save_freq 0") {
      $0.callbacks = [
        CallbackSpec(ModelCheckpoint.Options(dialect: .keras, monitor: .loss, saveFrequency: 0))
      ]
    }
    try self.expectRefused("initial_value_threshold nan") {
      $0.callbacks = [
        CallbackSpec(
          ModelCheckpoint.Options(dialect: .keras, monitor: .loss, initialValueThreshold: .nan))
      ]
    }
    try self.expectRefused("timer: seconds 0.0") {
      $0.callbacks = [CallbackSpec(Timer.Options(seconds: 0))]
    }
    try self.expectRefused("filename is empty") {
      $0.callbacks = [CallbackSpec(CSVLogger.Options(filename: ""))]
    }
    try self.expectRefused("separator ';;'") {
      $0.callbacks = [CallbackSpec(CSVLogger.Options(filename: "a", separator: ";;"))]
    }
  }

  @Test func modelsThatDoNotFitTheDataAreRefused() throws {
    try expectRefused("the model takes images of 3×7×28") { $0.modelSpec.input = [3, 7, 28] }
    try expectRefused("normalization needs 3") { $0.normalization.mean = [0] }
    try expectRefused("layer 1 (conv2d)", .shapeMismatch) {
      $0.modelSpec.layers.insert(.flatten, at: 0)
    }
    var recipe = try Recipe.named("pytorch")
    recipe.modelSpec = try .preset("tutorial", dialect: .pytorch, classes: 7)
    let error = failure {
      try Trainer(
        hyperparameters: recipe, train: try Images.train(20), validation: try Images.test(10),
        threads: 1)
    }
    #expect(error?.code == .shapeMismatch)
    #expect(error?.message.contains("7 classes") == true)
  }
}
