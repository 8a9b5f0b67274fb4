// The CifarC module.
