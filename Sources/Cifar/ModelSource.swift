import CifarTraining

/// Where the bytes of a model's checkpoint come from.
enum ModelSource {
  /// Those it was opened from, perhaps with a word on whether its weights were chosen. They are kept, as
  /// the file may go and retention may remove the row; encoding them again would lose what other
  /// programs or later versions wrote into the header.
  case checkpoint([UInt8])
  /// What a trainer had. It is encoded when someone saves the model.
  case trainer(TrainerSnapshot)
  /// There is none: the model was made of weights alone.
  case weights
}
