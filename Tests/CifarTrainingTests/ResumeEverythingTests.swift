import CifarCore
import CifarData
import CifarNN
import Foundation
import TestSupport
import Testing

@testable import CifarTraining

/// One training stopped and continued with, for every option there is, alone and in company, against
/// the one that was not stopped. No tolerance.
@Suite struct ResumeEverythingTests {
  private static let optimizers = [
    #"{"optimizer":"adam","weight_decay":0.01}"#, #"{"optimizer":"adamw","clip_norm":0.5}"#,
    #"{"optimizer":"sgd"}"#, #"{"optimizer":"sgd","momentum":0.9,"clip_norm":1}"#,
    #"{"optimizer":"sgd","momentum":0.8,"nesterov":true,"weight_decay":0.001}"#,
    #"""
    {"optimizer":{"type":"sgd","momentum":0.6,"nesterov":true,"clip_norm":2,"groups":[
    {"parameters":"0.weight","epochs":1.4},{"parameters":"batch_norm.bias","epochs":0},
    {"parameters":"conv2d.weight","type":"muon","learning_rate":0.05},
    {"parameters":"dense.*","type":"adam","schedule":{"type":"linear","unit":"fractional_epoch"}}]}}
    """#,
    #"{"optimizer":"adam","clipnorm":0.1}"#, #"{"optimizer":"sgd","clipvalue":0.01}"#,
  ]
  private static let schedules = [
    #"{"schedule":{"type":"constant","warmup":2}}"#, #"{"schedule":"cosine"}"#,
    #"{"schedule":{"type":"cosine","unit":"step","warmup":3,"alpha":0.1}}"#,
    #"{"schedule":{"type":"exponential","decay_rate":0.9,"unit":"step","decay_steps":2}}"#,
    #"{"schedule":{"type":"step","step_size":1,"gamma":0.5}}"#,
    #"{"schedule":{"type":"triangular","unit":"step","start":0.2,"peak":0.3}}"#,
    #"{"schedule":{"type":"linear","end":0.1}}"#,
    #"{"schedule":{"type":"multistep","milestones":[1,2],"gamma":0.3}}"#,
  ]
  private static let callbacks = [
    #"{"callbacks":[]}"#, #"{"early_stopping":{"patience":0,"min_delta":0.5}}"#,
    #"{"early_stopping":{"patience":1,"baseline":0.1,"start_from_epoch":1,"mode":"max"}}"#,
    #"{"reduce_lr_on_plateau":{"patience":0,"cooldown":1}}"#,
    #"{"model_checkpoint":{"save_freq":3,"save_best_only":false}}"#,
    #"{"terminate_on_nan":true,"timer":{"seconds":1e9}}"#,
    #"{"terminate_on_nan":true,"learning_rate":1e30}"#,
  ]
  private static let augmentations = [
    #"{"augmentations":[]}"#,
    #"{"augmentations":[{"type":"random_horizontal_flip","probability":0.5}]}"#,
    #"{"augmentations":["alternating_flip"]}"#,
    #"{"augmentations":[{"type":"random_rotation","degrees":20}]}"#,
    #"{"augmentations":[{"type":"random_translation","share":0.2}]}"#,
    #"{"augmentations":[{"type":"random_crop","padding":4}]}"#,
    #"{"augment":[{"type":"random_crop","padding":4,"reflect":true},{"type":"cutout","size":9}]}"#,
    #"{"augmentations":[{"type":"color_jitter","brightness":0.2,"contrast":0.3,"hue":0.1}]}"#,
    #"{"augmentations":[{"type":"color_jitter","saturation":0.9},"random_erasing"]}"#,
    #"{"augmentations":[{"type":"image_data_generator","zoom_range":0.2}]}"#,
    #"{"augmentations":[{"type":"image_data_generator","brightness_range":[0.5,1.5]}]}"#,
    #"{"augmentations":["trivial_augment_wide"]}"#,
    #"{"augment":[{"type":"rand_augment","num_ops":3,"magnitude":20}]}"#,
    #"{"augmentations":["mixup"]}"#, #"{"augment":[{"type":"cutmix","alpha":0.5}]}"#,
    #"{"augment":[{"type":"cutmix","probability":0.7},{"type":"mixup","alpha":0.2}]}"#,
  ]
  private static let others = [
    #"{"class_weight":[1,2,0.5,1,0,1,3,1,1,1],"label_smoothing":0.1}"#,
    #"{"steps_per_epoch":3}"#, #"{"steps_per_epoch":7}"#,
    #"{"lookahead":{"steps":2}}"#, #"{"epochs":2.5,"lookahead":{"steps":3,"power":0}}"#,
    #"{"loss":{"reduction":"sum"},"learning_rate":1e-5}"#, #"{"drop_last":true}"#,
    #"{"precision":"mixed_bfloat16"}"#, #"{"ema":0.9}"#, #"{"ema":0}"#,
    #"{"freeze":["conv2d.*","batch_norm.*"]}"#, #"{"freeze":"*.bias","ema":0.5}"#,
    notAllTrainable, airbench, residual,
    String(residual.dropLast()) + #","precision":"mixed_bfloat16"}"#,
  ]

  /// Blocks with both kinds of shortcut, dropout inside, and both other poolings.
  private static let residual = #"""
    {"model_spec":[{"type":"conv2d","filters":8},{"type":"avg_pool"},
    {"type":"residual","layers":[{"type":"batch_norm"},{"type":"dropout","rate":0.3}]},
    {"type":"residual","layers":[{"type":"conv2d","filters":12,"stride":2},{"type":"batch_norm"}],
    "shortcut":[{"type":"conv2d","filters":12,"kernel_size":1,"stride":2,"padding":"valid"}]},
    {"type":"relu"},{"type":"global_average_pool"},{"type":"dense","units":10}]}
    """#

  private static let notAllTrainable = #"""
    {"model_spec":[{"type":"conv2d","filters":8},{"type":"batch_norm","trainable":false},
    {"type":"relu"},{"type":"conv2d","filters":9,"trainable":false},{"type":"batch_norm"},
    {"type":"gelu"},{"type":"flatten"},{"type":"dense","units":6,"trainable":false},
    {"type":"dense","units":10}],"optimizer":{"type":"sgd","momentum":0.9,"clip_norm":1,
    "groups":[{"parameters":"dense.*","learning_rate":0.02}]},"lookahead":{"steps":2}}
    """#

  /// Airbench's layers.
  private static let airbench = #"""
    {"model_spec":[{"type":"conv2d","filters":24,"kernel_size":2,"padding":"valid",
    "initializer":"whitening"},{"type":"gelu"},
    {"type":"conv2d","filters":30,"bias":false,"initializer":"dirac"},{"type":"max_pool"},
    {"type":"batch_norm","scale":false},{"type":"gelu"},{"type":"max_pool","size":3},
    {"type":"global_max_pool"},{"type":"scale","factor":0.1},
    {"type":"dense","units":10,"bias":false}]}
    """#

  /// Every option alone, then drawn combinations of one of each kind.
  static let cases: [[String]] = {
    let kinds = [optimizers, schedules, callbacks, augmentations, others]
    var random = RandomSequence(seed: 11, purpose: .syntheticImages)
    let mixed = (0..<16).map { _ in kinds.map { $0[random.below($0.count)] } }
    return kinds.joined().map { [$0] } + mixed
  }()

  @Test(arguments: cases.indices) func goesOnToTheSameBits(index: Int) throws {
    var hyperparameters = try Hyperparameters.quick(Recipe.names[index % 3], epochs: 3)
    for overrides in Self.cases[index] { try hyperparameters.apply(overrides: overrides) }
    let whole = try Training(hyperparameters, train: 70, test: 20)
    var random = RandomSequence(seed: UInt64(index), purpose: .syntheticImages)
    let steps = hyperparameters.stepsPerEpoch ?? 3
    let place = (epoch: 1 + random.below(3), batch: 1 + random.below(steps))
    let first = try Training(hyperparameters, train: 70, test: 20, stopsAfter: place)
    guard first.end == .stopped else {
      // A callback had ended it before.
      #expect(first.end == whole.end)
      return
    }
    if first.follower.batches.last?.loss.isFinite == false {
      // Stopped at the very batch that diverged: there is nothing to go on from.
      let error = failure { try resumed(first.trainer.blob(), train: 70, test: 20, threads: 2) }
      #expect(error?.code == .notFinite)
      return
    }
    let rest = try Training(resumed(first.trainer.blob(), train: 70, test: 20, threads: 2))
    #expect(rest.end == whole.end)
    #expect(
      first.follower.checkpoints + rest.follower.checkpoints == whole.follower.checkpoints,
      "\(Self.cases[index]), stopped at \(place)")
    #expect(
      (first.follower.batches + rest.follower.batches).map(\.loss.bitPattern)
        == whole.follower.batches.map(\.loss.bitPattern))
    #expect(
      first.follower.batches.map(\.learningRate) + rest.follower.batches.map(\.learningRate)
        == whole.follower.batches.map(\.learningRate))
    let end = try Essence(rest.trainer.checkpoint())
    #expect(try end == Essence(whole.trainer.checkpoint()))
  }
}
