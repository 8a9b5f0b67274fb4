import CifarCore

/// 1: for a warm-up alone.
package struct ConstantCurve: LearningRateCurve {
  package static let type = "constant"
  package static let meaning = "1: for a warm-up alone"
  package static let options: [OptionDescription<Self>] = []

  package init() {}

  package func factor(_ t: Double, of all: Double) -> Double { 1 }
}
