// The CifarTraining module.
