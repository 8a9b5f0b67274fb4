// The CifarRegistry module.
