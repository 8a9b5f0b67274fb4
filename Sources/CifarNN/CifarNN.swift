// The CifarNN module.
