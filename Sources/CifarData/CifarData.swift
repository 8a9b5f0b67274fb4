// The CifarData module.
